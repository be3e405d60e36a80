"""Whole numbers of many restarts: how often each came out, and which one is shown."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from .colors import INK, MUTED
from .style import style


@style()
def restart_counts(ax: Axes, x: ArrayLike, counts: ArrayLike, chosen: ArrayLike) -> None:
    """Draw the counts of all restarts as grey discs, and the chosen ones as a dark line.

    A disc's area is the share of restarts with that count.

    Args:
        ax: the axes.
        x: [k], one place for each setting.
        counts: [k, restarts], whole numbers.
        chosen: [k], the count of the restart that is shown.

    """
    counts, chosen = np.asarray(counts), np.asarray(chosen)
    for place, row in zip(np.asarray(x), counts, strict=True):
        values, times = np.unique(row, return_counts=True)
        ax.scatter(
            np.full(len(values), place),
            values,
            s=120 * times / row.size,
            color=MUTED,
            alpha=0.35,
            linewidths=0,
        )
    ax.plot(x, chosen, color=INK, marker="o", markersize=3, linewidth=1)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    low, high = min(0, counts.min()), max(counts.max(), 1)
    ax.set_ylim(low - 0.12 * (high - low), high + 0.15 * (high - low))
