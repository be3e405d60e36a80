"""Wiring diagrams: inputs, a hidden layer of neurons, and outputs, joined by their weights."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba_array
from numpy.typing import ArrayLike

from toymodels.numerics.names import in_order

from .colors import GRAM_CMAP, INK, MUTED
from .style import style

THINNEST = 0.05  # of the largest weight: smaller ones are not drawn
WIDTH = 3.0  # points, of the largest weight


@style()
def neuron_wiring(
    ax: Axes,
    W_in: ArrayLike,
    W_out: ArrayLike,
    colors: ArrayLike,
    inputs: Sequence[str],
    outputs: Sequence[str],
    numbers: float = np.inf,
) -> tuple[LineCollection, LineCollection]:
    """Draw inputs at the left, neurons in the middle, outputs at the right, and weights as lines.

    A line is as wide as |weight| in its layer, blue above zero and red below. Weights below a
    twentieth of the largest are not drawn.

    Args:
        ax: the axes; loses ticks and spines.
        W_in: [m, n], input weights; the dimensions of a DataArray are matched by name.
        W_out: [n, m], output weights.
        colors: [n, 3], one colour per feature, for its input and output.
        inputs: [n], names of the inputs.
        outputs: [n], names of the outputs.
        numbers: |weight| from which its number stands at the line; none by default.

    Returns:
        The lines of the two layers.

    """
    first = np.asarray(in_order(W_in, "hidden", "feature"))
    second = np.asarray(in_order(W_out, "feature", "hidden"))
    m, n = first.shape
    rows = max(m, n)
    left, middle = _spread(n, rows), _spread(m, rows)
    joins = [
        _join(ax, first.T, (0.0, left), (1.0, middle), numbers),
        _join(ax, second.T, (1.0, middle), (2.0, left), numbers),
    ]
    ax.scatter(np.ones(m), middle, s=60, color="white", edgecolor=INK, linewidth=0.8, zorder=3)
    for x, names, place in ((0.0, inputs, "right"), (2.0, outputs, "left")):
        ax.scatter(np.full(n, x), left, s=60, color=to_rgba_array(colors), zorder=3, linewidths=0)
        side = -1 if place == "right" else 1
        for y, name in zip(left, names, strict=True):
            ax.text(x + 0.09 * side, y, name, ha=place, va="center", fontsize=8, color=INK)
    ax.text(1, -0.75, "neurons", ha="center", va="bottom", fontsize=7, color=MUTED)
    ax.set(xlim=(-0.35, 2.4), ylim=(rows - 0.4, -1.1), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return joins[0], joins[1]


def _spread(k: int, rows: int) -> np.ndarray:
    """Return the heights of k nodes spread evenly over the rows."""
    return (np.arange(k) + 0.5) * rows / k - 0.5


def _join(
    ax: Axes,
    weights: np.ndarray,
    start: tuple[float, np.ndarray],
    end: tuple[float, np.ndarray],
    numbers: float,
) -> LineCollection:
    """Draw the weights [from, to] between two columns of nodes, each given by x and heights."""
    largest = max(np.abs(weights).max(), 1e-9)
    segments, widths, shades = [], [], []
    for i, j in np.argwhere(np.abs(weights) >= THINNEST * largest):
        weight = weights[i, j]
        segments.append([(start[0], start[1][i]), (end[0], end[1][j])])
        widths.append(WIDTH * abs(weight) / largest)
        shades.append(GRAM_CMAP(0.5 + 0.35 * np.sign(weight)))
        if abs(weight) >= numbers:
            # near the input node, or the output node, where lines are apart
            share = 0.3 if start[0] == 0 else 0.7
            place = np.array(segments[-1])
            x, y = place[0] + share * (place[1] - place[0])
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
            ax.text(x, y, f"{weight:.2g}", fontsize=7, ha="center", va="center", bbox=box, zorder=4)
    lines = LineCollection(segments, linewidths=widths, colors=shades)
    ax.add_collection(lines)
    return lines
