"""Snapshots of a training, hung from the curve of its loss."""

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.patches import ConnectionPatch
from numpy.typing import ArrayLike

from .colors import FAINT, INK, MUTED
from .style import style
from .vectors import as_columns


@style()
def hang_snapshot(curve: Axes, xy: tuple[float, float], panel: Axes) -> ConnectionPatch:
    """Mark a point of a curve, and join it to the panel above, which shows the model there.

    Args:
        curve: the axes of the curve.
        xy: the point, in data coordinates.
        panel: axes above those of the curve, flat or with a 3-D projection.

    """
    curve.plot(*xy, "o", color=INK, markersize=4, zorder=3)
    line = ConnectionPatch(
        xyA=xy,
        coordsA=curve.transData,
        xyB=(0.5, 0.06),
        coordsB=panel.transAxes,
        color=MUTED,
        linewidth=0.8,
    )
    line.set_in_layout(False)  # it follows the panels, and does not push them apart
    curve.figure.add_artist(line)
    return line


@style()
def joined_pairs_3d(ax, W: ArrayLike, pairs: Iterable[tuple[int, int]]) -> None:
    """Join the tips of pairs of vectors in space by broad lines, such as those of antipodes.

    Args:
        ax: axes with a 3-D projection.
        W: [3, n], one vector per column.
        pairs: indices of two vectors each.

    """
    W = as_columns(W)
    for pair in pairs:
        ax.plot(*W[:, list(pair)], color=FAINT, linewidth=6, solid_capstyle="round", zorder=0)
