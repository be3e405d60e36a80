"""What the notebooks of `make notebooks` have in the place of marimo, below `workshop.py`."""

from collections.abc import Iterable
from inspect import cleandoc, getsource
from typing import Any

from IPython import get_ipython
from IPython.display import Markdown, display


class Waiting(Exception):
    """Something above is to be answered first; Jupyter shows the sentence and stops."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class mo:
    """The words of marimo that the lessons use."""

    @staticmethod
    def md(text: str) -> Markdown:
        """Show Markdown."""
        return Markdown(cleandoc(text))

    @staticmethod
    def vstack(things: Iterable[Any]) -> None:
        """Show things below each other."""
        for thing in things:
            display(thing)

    @staticmethod
    def stop(condition: bool, message: Markdown) -> None:
        """End the cell, and what runs after it."""
        if condition:
            raise Waiting(message.data.strip("*"))

    @staticmethod
    def download(data: bytes, filename: str, **_: Any) -> Markdown:
        """Tell the name under which a text is to be saved."""
        return Markdown(f"`{filename}`:")


def source(part: Any) -> str:
    """Return the source of a function or class of a notebook."""
    if not isinstance(part, type):
        return getsource(part).strip()
    cells = get_ipython().user_ns["In"]  # Python finds no source of classes in notebooks
    return next(cell for cell in reversed(cells) if cell.startswith(f"class {part.__name__}"))
