"""A grid of panels: titles once above it, names of the rows once at its left."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import FigureBase

from .style import style


@style()
def panels(
    place: FigureBase, rows: Sequence[str], columns: Sequence[str], **options: Any
) -> np.ndarray[tuple[int, int], np.dtype[Any]]:
    """Make a panel for every row and column.

    Args:
        place: the figure, or a part of it.
        rows: the y label of each row's first panel.
        columns: the title of each column's first panel.
        options: as `Figure.subplots` takes them (`height_ratios`, `sharex`, ...).

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
    """Return the largest magnitude among all entries, times a margin: one scale for all panels."""
    return margin * float(max(np.abs(np.asarray(array)).max() for array in arrays))
