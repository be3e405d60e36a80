"""Wiring diagrams: what a head attends to, and what it writes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike

from .colors import FAINT, GRAM_CMAP, INK
from .style import style

LEAST = 0.02  # attention below which no line is drawn
WIDTH = 4.0  # points, of a line of attention 1
CELL = 0.24  # width of a logit's cell, in distances from sources to destinations


@style()
def wiring_diagram(
    ax: Axes,
    attention: ArrayLike,
    logits: ArrayLike,
    destinations: Sequence[str],
    sources: Sequence[str],
    outputs: Sequence[str],
    limit: float,
) -> LineCollection:
    """Draw one head: lines from sources to destinations, as wide as attention, and what it writes.

    At the right, a row for each destination has the logits that the head writes there: blue is
    positive, red negative, white zero.

    Args:
        ax: the axes; loses spines and the ticks of its y axis.
        attention: [destination, source], from 0 to 1.
        logits: [destination, output].
        destinations: their names, from the top.
        sources: their names, from the top.
        outputs: names of the logits, from the left.
        limit: logit of the darkest colours; use the same for panels to be compared.

    Returns:
        The lines.

    """
    weights, cells = np.asarray(attention), np.asarray(logits)
    rows, columns = len(destinations), len(outputs)
    y = np.arange(rows)
    heights = np.linspace(-0.3, rows - 0.7, len(sources))
    drawn = [(t, s) for t, s in np.ndindex(weights.shape) if weights[t, s] >= LEAST]
    ends = [np.array([(0.0, heights[s]), (1.0, y[t])]) for t, s in drawn]
    widths = [WIDTH * weights[t, s] for t, s in drawn]
    lines = LineCollection(ends, linewidths=widths, colors=INK, alpha=0.75, capstyle="round")
    ax.add_collection(lines)
    ax.plot(np.zeros(len(sources)), heights, "o", color=INK, markersize=3)
    ax.plot(np.ones(rows), y, "o", color=INK, markersize=3)
    for names, x, places, side in (
        (sources, -0.08, heights, "right"),
        (destinations, 1.08, y, "left"),
    ):
        for name, place in zip(names, places, strict=True):
            ax.text(x, place, name, ha=side, va="center", fontsize=7)
    edges = 1.5 + CELL * np.arange(columns + 1)
    ax.pcolormesh(
        edges,
        np.arange(rows + 1) - 0.5,
        cells,
        cmap=GRAM_CMAP,
        vmin=-limit,
        vmax=limit,
        edgecolors=FAINT,
        linewidth=0.5,
    )
    ax.set_xticks((edges[:-1] + edges[1:]) / 2, outputs)
    ax.set(yticks=[], xlim=(-0.75, edges[-1] + 0.05), ylim=(rows - 0.4, -0.6))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return lines
