"""A grid of panels with column titles at the top and row labels at the left."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import FigureBase

from .style import style


@style()
def panels(
    place: FigureBase, rows: Sequence[str], columns: Sequence[str], **options: Any
) -> np.ndarray[tuple[int, int], np.dtype[Any]]:
    """Make a panel for each row and column.

    Args:
        place: the figure or a subfigure.
        rows: the y label of each row's first panel.
        columns: the title of each column's first panel.
        options: passed to `Figure.subplots` (`height_ratios`, `sharex`, ...).

    Returns:
        The axes, [row, column].

    """
    axes = place.subplots(len(rows), len(columns), squeeze=False, **options)
    for ax, name in zip(axes[:, 0], rows, strict=True):
        ax.set_ylabel(name)
    for ax, title in zip(axes[0], columns, strict=True):
        ax.set_title(title)
    return axes


def shared_limit(*arrays: Any, margin: float = 1.1) -> float:
    """Return the largest magnitude of all entries times a margin, as a common scale of panels."""
    return margin * float(max(np.abs(np.asarray(array)).max() for array in arrays))
