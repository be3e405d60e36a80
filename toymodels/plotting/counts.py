"""Many restarts: each of them, how often an outcome came out, and at which loss."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from .colors import INK, MUTED
from .labels import log_axis
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


@style()
def restart_lines(
    ax: Axes, x: ArrayLike, values: ArrayLike, color: Any = None, label: str | None = None
) -> None:
    """Draw the mean over restarts as a line, and each restart as a dot.

    The line is broken where a restart has no value, NaN.

    Args:
        ax: the axes.
        x: [k], one place for each setting.
        values: [k, restarts].
        color: of line and dots; the next of the axes' if not given.
        label: names the line in a legend.

    """
    values = np.asarray(values)
    (line,) = ax.plot(x, values.mean(axis=1), color=color, label=label)
    ax.plot(x, values, "o", color=line.get_color(), markersize=2.5)


@style()
def sorted_losses(ax: Axes, loss: ArrayLike, outcome: ArrayLike, colors: Mapping[str, Any]) -> None:
    """Draw the losses of all restarts over the lowest of their group, sorted, coloured by outcome.

    The title says which outcome is the commonest, and how common it is.

    Args:
        ax: the axes; the groups stand at 0, 1, 2, ... and the y axis becomes logarithmic.
        loss: [group, restarts], positive.
        outcome: [group, restarts], the name of what came out.
        colors: the colour of each name; of any other it is grey.

    """
    loss, outcome = np.asarray(loss), np.asarray(outcome)
    groups, restarts = loss.shape
    order = loss.argsort(axis=1)
    ratios = np.take_along_axis(loss, order, 1) / loss.min(axis=1, keepdims=True)
    names = np.take_along_axis(outcome, order, 1).ravel()
    x = np.arange(groups)[:, None] + np.linspace(-0.3, 0.3, restarts)
    ax.scatter(x, ratios, s=9, linewidths=0, color=[colors.get(name, MUTED) for name in names])
    ((common, times),) = Counter(names.tolist()).most_common(1)
    ax.set_title(f"{common}: {times} of {names.size}", fontsize="small")
    ax.set_xticks(range(groups))
    log_axis(ax.yaxis, [1, 1.1, 1.25, 1.5, 2])
    ax.set_ylim(0.98, max(1.15, 1.03 * ratios.max()))
