"""The style sheet of the suite, and figures that use it."""

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
    """Use the suite's style sheet instead of the user's Matplotlib settings.

    It is a context manager, and a decorator of drawing functions, ``@style()``.
    """
    with matplotlib.style.context(STYLE_SHEET, after_reset=True):
        yield


class _Figure(Figure):
    """A figure that applies the style sheet when axes are added and when it is drawn or saved."""

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
        """Return the PNG that a notebook shows."""
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()


@style()
def figure(width: float, height: float, **kwargs: Any) -> Figure:
    """Make a figure in the suite's style, with constrained layout.

    It is not registered with pyplot: it has no window and is freed when no reference is left. A
    notebook shows it if it is the last expression of a cell.
    Its axes, ticks and files use the style sheet; titles, legends and lines that you add use it
    inside ``with style():``.

    Args:
        width: in inches.
        height: in inches.
        **kwargs: passed to `matplotlib.figure.Figure`.

    """
    return _Figure(figsize=(width, height), **kwargs)
