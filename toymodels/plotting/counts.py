"""Results of many restarts: counts, values, shares, and losses by outcome."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from .colors import FAINT, INK, MUTED, kind_colors
from .labels import even_axis, log_axis
from .style import style

# ticks for an axis that ends at the key, few enough for a narrow panel
RATIO_TICKS: dict[float, list[float]] = {3: [1, 1.5, 2], 10: [1, 2, 5], np.inf: [1, 10, 100, 1000]}


@style()
def restart_counts(ax: Axes, x: ArrayLike, counts: ArrayLike, chosen: ArrayLike) -> None:
    """Draw the counts of all restarts as grey discs, and the chosen ones as a dark line.

    The area of a disc is proportional to the share of restarts with that count.

    Args:
        ax: the axes.
        x: [k], position of each setting.
        counts: [k, restarts], integers.
        chosen: [k], count of the chosen restart.

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

    The line is interrupted where a restart is NaN.

    Args:
        ax: the axes.
        x: [k], position of each setting.
        values: [k, restarts].
        color: of line and dots; by default the next colour of the cycle.
        label: of the line in a legend.

    """
    values = np.asarray(values)
    (line,) = ax.plot(x, values.mean(axis=1), color=color, label=label)
    ax.plot(x, values, "o", color=line.get_color(), markersize=2.5)


@style()
def restart_sweeps(
    ax: Axes,
    settings: ArrayLike,
    groups: Mapping[str, ArrayLike],
    colors: Iterable[Any] | None = None,
) -> None:
    """Draw `restart_lines` of each group of models over a sweep.

        ratios = {"with": models.loss / floor, "without": others.loss / floor}
        restart_sweeps(ax, models.sparsity, ratios)

    Args:
        ax: the axes; gets evenly spaced ticks.
        settings: [k], the number or name of each setting.
        groups: by name, [k, restarts]. The names are those of a legend.
        colors: one for each group; `kind_colors` by default.

    """
    shades = kind_colors(len(groups)) if colors is None else colors
    for (name, values), color in zip(groups.items(), shades, strict=True):
        restart_lines(ax, range(np.size(settings)), values, color, name)
    even_axis(ax.xaxis, settings)


@style()
def restart_points(ax: Axes, x: ArrayLike, y: ArrayLike, loss: ArrayLike) -> None:
    """Draw one quantity of all restarts against another, those of the lowest loss dark and large.

    Args:
        ax: the axes.
        x: [restarts, ...], such as a quantity of each feature of each restart.
        y: the same shape.
        loss: [restarts]; a restart that diverged, whose loss is NaN, is not the lowest.

    """
    x, y, loss = np.asarray(x), np.asarray(y), np.asarray(loss)
    best = np.where(np.isnan(loss), np.inf, loss).argmin()
    for own, color, size in ((slice(None), FAINT, 8), (best, INK, 16)):
        ax.scatter(np.ravel(x[own]), np.ravel(y[own]), size, color, linewidths=0)


@style()
def share_lines(
    ax: Axes,
    settings: ArrayLike,
    shares: Mapping[str, ArrayLike],
    colors: Mapping[str, Any] | None = None,
    *,
    joined: bool = True,
) -> None:
    """Draw shares over a sweep, a line each, such as the share of restarts with each outcome.

        names = geometry.arrangement(models.W)
        kinds = ["square", "pentagon"]
        shares = {name: (names == name).mean("seed") for name in kinds}
        share_lines(ax, models.sparsity, shares)

    Args:
        ax: the axes; gets evenly spaced ticks and a y axis from 0 to 1.
        settings: [k], the number or name of each setting.
        shares: by name, [k] from 0 to 1; NaN leaves a gap. The names are those of a legend.
        colors: by name; `kind_colors` by default.
        joined: whether points are joined by lines; not if the settings have no order.

    """
    colors = colors or dict(zip(shares, kind_colors(len(shares)), strict=True))
    places = range(np.size(settings))
    for name, values in shares.items():
        line = "o-" if joined else "o"
        ax.plot(places, values, line, markersize=3.5, color=colors[name], label=name)
    even_axis(ax.xaxis, settings)
    ax.set(xlim=(-0.5, len(places) - 0.5), ylim=(0, 1.02))


@style()
def losses_by_outcome(ax: Axes, loss: ArrayLike, outcome: ArrayLike, names: Sequence[str]) -> None:
    """Draw the ratio of each restart's loss to the lowest of its group, one row per outcome.

    Large dark dots are the lowest losses of the groups. The number at the right end of a row is
    its number of restarts.

    Args:
        ax: the axes; its x axis becomes logarithmic, wide enough for these and earlier dots.
        loss: [group, restarts].
        outcome: [group, restarts], name of each restart's outcome.
        names: outcomes of the rows, from the top; the last row includes all other outcomes.

    """
    loss, row_of = np.asarray(loss), {name: i for i, name in enumerate(names)}
    lowest, last = loss.min(axis=1, keepdims=True), len(names) - 1
    ratios = np.divide(loss, lowest, out=np.ones(loss.shape), where=lowest > 0)
    rows = np.array([row_of.get(name, last) for name in np.ravel(outcome)]).reshape(loss.shape)
    for i in np.unique(rows):
        own, best = np.sort(ratios[rows == i]), ratios[(rows == i) & (ratios == 1)]
        for points, size, color in ((own, 8, MUTED), (best, 18, INK)):
            y = i + np.linspace(-0.3, 0.3, len(points))
            ax.scatter(points, y, size, color, alpha=0.6, linewidths=0)
        place: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "ha": "right"}
        ax.text(0.98, i, f"{len(own)}", fontsize=7, color=MUTED, va="center", **place)
    most = max(1.2, ax.get_xlim()[1], 1.3 * ratios.max())
    log_axis(ax.xaxis, next(ticks for end, ticks in RATIO_TICKS.items() if most <= end))
    ax.set(yticks=range(len(names)), yticklabels=names, ylim=(last + 0.5, -0.5))
    ax.set_xlim(0.95, most)
