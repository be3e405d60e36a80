"""Stack plots of neurons: a column for each neuron, a block for each of its weights."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba_array
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from .colors import INK, MUTED, readable_ink
from .style import style
from .vectors import as_columns

WIDTH = 0.84  # of a column, where neighbours are 1 apart
LEAST = 0.003  # of the scale: smaller weights cannot be seen
NAMED = 0.09  # of the scale: blocks that have room for a name


@style()
def stack_plot(
    ax: Axes,
    W: ArrayLike,
    colors: ArrayLike,
    limits: tuple[float, float],
    names: Sequence[str] = (),
) -> PolyCollection:
    """Draw a column for each neuron, and in it a block for each weight, coloured by feature.

    The height of a block is |weight|; negative weights are below the axis, and the largest weights
    next to it. `stack_key` explains it. `stack_limits` returns the scale of several.

    Args:
        ax: the axes; loses its x ticks.
        W: [m, n], one row per neuron; the dimensions of a DataArray are matched by name.
        colors: [n, 3], one colour per feature.
        limits: of the y axis; use the same for panels to be compared.
        names: of the features, written into blocks that are tall enough.

    Returns:
        The blocks.

    Raises:
        ValueError: if the number of colours is not n.

    """
    weights = as_columns(W)
    rgba = to_rgba_array(colors)
    if len(rgba) != weights.shape[1]:
        raise ValueError(f"colors must be one for each of {weights.shape[1]} features")
    scale = limits[1] - limits[0]
    corners, shades = [], []
    for column, feature, bottom, top in _blocks(weights):
        if abs(top - bottom) < LEAST * scale:
            continue
        x = column + WIDTH / 2 * np.array([-1, 1, 1, -1])
        corners.append(np.stack([x, [bottom, bottom, top, top]], axis=1))
        shades.append(rgba[feature])
        if len(names) and abs(top - bottom) >= NAMED * scale:
            ink = readable_ink(rgba[feature, :3])
            place = (column, (bottom + top) / 2)
            ax.text(
                *place, names[feature], fontsize=7, color=ink, ha="center", va="center_baseline"
            )
    edge = 0.4 if len(weights) <= 12 else 0.0
    blocks = PolyCollection(corners, facecolors=shades, edgecolors="white", linewidths=edge)
    ax.add_collection(blocks)
    ax.axhline(0, color=MUTED, linewidth=0.6)
    ax.set(xlim=(-0.6, len(weights) - 0.4), ylim=limits, xticks=[])
    ax.spines["bottom"].set_visible(False)
    return blocks


def stack_limits(*arrays: ArrayLike) -> tuple[float, float]:
    """Return the limits of an axis that has room for the stack plots of all these weights."""
    each = [as_columns(W) for W in arrays]
    low = min(np.minimum(W, 0).sum(axis=-1).min() for W in each)
    high = max(np.maximum(W, 0).sum(axis=-1).max() for W in each)
    room = 0.05 * max(high - low, 1e-6)
    return float(low - room), float(high + room)


@style()
def stack_key(ax: Axes, colors: ArrayLike) -> None:
    """Explain stack plots: a neuron with weights of three features, two of them named in words.

    Args:
        ax: the axes; loses ticks and spines.
        colors: [n, 3], one colour per feature; the first three are drawn, or fewer.

    """
    rgba = to_rgba_array(colors)
    weights = np.array([[1.0, 0.55, -0.6]])[:, : len(rgba)]
    stack_plot(ax, weights, rgba[: weights.shape[1]], (-0.8, 1.75))
    words = {
        1.3: "small weight",
        0.5: "largest weight, of the feature\nwith this colour",
        -0.3: "negative weight",
    }
    for y, text in words.items():
        ax.text(0.55, y, text, va="center", fontsize=7, color=INK)
    ax.text(0, -0.72, "one neuron", ha="center", va="top", fontsize=7, color=INK)
    ax.set(xlim=(-0.7, 4.2), yticks=[])
    ax.spines[:].set_visible(False)


@style()
def feature_key(ax: Axes, colors: ArrayLike, names: Sequence[str], label: str) -> None:
    """Draw a strip of the features' colours, with their names inside.

    Args:
        ax: the axes; loses ticks and spines.
        colors: [n, 3], one colour per feature.
        names: [n].
        label: below the strip.

    """
    for i, (color, name) in enumerate(zip(to_rgba_array(colors), names, strict=True)):
        ax.add_patch(Rectangle((i - 0.5, 0), 1, 1, facecolor=color, edgecolor="white"))
        ink = readable_ink(color[:3])
        ax.text(i, 0.5, name, fontsize=7, color=ink, ha="center", va="center_baseline")
    ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(0, 1), xticks=[], yticks=[], xlabel=label)
    ax.spines[:].set_visible(False)


def _blocks(weights: np.ndarray):
    """Yield column, feature, bottom and top of each block; a column's largest start at 0."""
    for column, row in enumerate(weights):
        ends = {True: 0.0, False: 0.0}
        for feature in np.argsort(-np.abs(row), kind="stable"):
            above = bool(row[feature] >= 0)
            yield column, int(feature), ends[above], ends[above] + row[feature]
            ends[above] += row[feature]
