"""The one style sheet of the suite, and figures that follow it."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

STYLE_SHEET = Path(__file__).with_name("toymodels.mplstyle")


@contextmanager
def style() -> Iterator[None]:
    """Draw under the suite's style sheet, whatever the user's own settings are.

    Use it as a context manager or, on a function that draws, as the decorator ``@style()``.
    """
    with matplotlib.style.context(STYLE_SHEET, after_reset=True):
        yield


class _Figure(Figure):
    """A figure whose axes are made, and which is drawn and saved, under the style sheet."""

    @style()
    def add_subplot(self, *args: Any, **kwargs: Any) -> Any:
        return super().add_subplot(*args, **kwargs)

    @style()
    def add_axes(self, *args: Any, **kwargs: Any) -> Any:
        return super().add_axes(*args, **kwargs)

    @style()
    def draw(self, renderer: Any) -> None:
        super().draw(renderer)

    @style()
    def savefig(self, *args: Any, **kwargs: Any) -> None:
        super().savefig(*args, **kwargs)

    def _repr_png_(self) -> bytes:
        """Draw what a notebook shows."""
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()


@style()
def figure(width: float, height: float, **kwargs: Any) -> Figure:
    """Make a figure in the suite's style, laid out by constraints.

    It belongs to no window and to no list of open figures: it is gone when its last name is, and
    a notebook shows it where it is the last line of a cell.
    Its axes, ticks and files follow the style sheet by themselves; titles, legends and lines added
    by hand follow it inside ``with style():``.

    Args:
        width: in inches.
        height: in inches.
        **kwargs: passed on to `matplotlib.figure.Figure`.

    """
    return _Figure(figsize=(width, height), **kwargs)
