"""Learned directions drawn over the true ones, in the plane."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike

from .colors import FEATURE, INK
from .style import style
from .vectors import as_columns, unit_circle


@style()
def directions_over(ax: Axes, truth: ArrayLike, learned: ArrayLike, limit: float = 1.3) -> None:
    """Draw true features as broad blue arrows, and learned directions as dark rays over them.

    Each ray ends in a ring on the unit circle, whatever the length of the direction; a zero vector
    is a ring at the origin. A feature is recovered if a ring is on the line of its arrow.

    Args:
        ax: the axes; becomes square, without ticks and spines.
        truth: [2, n], one feature per column.
        learned: [2, k], one direction per column.
        limit: half the side of the square, in data units.

    """
    truth, learned = as_columns(truth), as_columns(learned)
    rings = learned / np.maximum(np.hypot(*learned), 1e-12)
    unit_circle(ax)
    for tips, color, width in ((truth, FEATURE, 2.6), (rings, INK, 0.7)):
        rays = [np.array([(0, 0), tip]) for tip in tips.T]
        ax.add_collection(LineCollection(rays, colors=color, linewidths=width, capstyle="round"))
    ax.scatter(truth[0], truth[1], s=26, color=FEATURE, linewidths=0, zorder=3)
    ax.scatter(
        rings[0], rings[1], s=14, facecolors="white", edgecolors=INK, linewidths=0.8, zorder=4
    )
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
