"""Many vectors in the plane: rays from the origin with dots at their tips."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike

from .colors import FAINT
from .style import style
from .vectors import as_columns


@style()
def point_cloud(ax: Axes, vectors: ArrayLike, color: ArrayLike, limit: float | None = None) -> None:
    """Draw vectors as dots, with rays from the origin for at most 200 vectors.

    Args:
        ax: the axes; becomes square and loses its ticks.
        vectors: [2, k], one per column.
        color: one colour, or [k, 3].
        limit: half the width of the axes in data units; by default 1.15 times the longest vector.

    """
    x, y = as_columns(vectors)
    longest = float(np.hypot(x, y).max(initial=0.0))
    limit = limit or 1.15 * longest or 1.0
    if len(x) <= 200:
        ends = np.stack([np.zeros((len(x), 2)), np.stack([x, y], axis=-1)], axis=1)
        ax.add_collection(LineCollection(list(ends), colors=color, linewidths=0.6, alpha=0.6))
    ax.axhline(0, color=FAINT, linewidth=0.5, zorder=0)
    ax.axvline(0, color=FAINT, linewidth=0.5, zorder=0)
    ax.scatter(x, y, s=9 if len(x) <= 200 else 2.5, color=color, linewidths=0, zorder=3)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(False)
