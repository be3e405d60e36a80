"""Features as a graph: nodes are features, and edges are as wide as two features overlap."""

from collections.abc import Sequence
from itertools import combinations

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba_array
from numpy.typing import ArrayLike

from .style import style
from .vectors import as_columns

LEAST = 0.1  # |W_i . W_j| below which no edge is drawn
WIDTH = 2.0  # points, of an edge with |W_i . W_j| = 1


@style()
def feature_graph(
    ax: Axes, W: ArrayLike, parts: Sequence[Sequence[int]], colors: ArrayLike
) -> LineCollection:
    """Draw components of features, with edges of width |W_i . W_j|.

    Each component is laid out by itself, as if overlaps were springs (Fruchterman and Reingold
    1991), and the components are placed in rows, in the given order. Overlaps
    below 0.1, and those between components, are not drawn.

    Args:
        ax: the axes; becomes square, without ticks and spines.
        W: [m, n], one feature per column; the dimensions of a DataArray are matched by name.
        parts: the features of each component, such as `Polytope.features`.
        colors: one colour per component, or one for all.

    Returns:
        The edges.

    Raises:
        ValueError: if the number of colours is neither 1 nor that of the components.

    """
    weights = as_columns(W)
    rgba = np.broadcast_to(to_rgba_array(colors), (len(parts), 4))
    overlaps = [np.abs(weights[:, part].T @ weights[:, part]) for part in map(list, parts)]
    lines, widths, shades = [], [], []
    for overlap, place, color in zip(overlaps, _in_rows(overlaps), rgba, strict=True):
        for i, j in combinations(range(len(overlap)), 2):
            if overlap[i, j] >= LEAST:
                lines.append(place[[i, j]])
                widths.append(WIDTH * overlap[i, j])
                shades.append(color)
        ax.scatter(place[:, 0], place[:, 1], s=9, color=color, linewidths=0, zorder=3)
    edges = LineCollection(lines, linewidths=widths, colors=shades, alpha=0.6)
    ax.add_collection(edges)
    ax.set(aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.margins(0.04)
    return edges


def _in_rows(overlaps: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Place components of features [k, k] in rows; return the positions [k, 2] in each."""
    sides = [1 + len(overlap) ** 0.5 for overlap in overlaps]
    width = max([1.1 * np.sum(np.square(sides)) ** 0.5, *sides])
    places, x, y, height = [], 0.0, 0.0, 0.0
    for side, overlap in zip(sides, overlaps, strict=True):
        if x + side > 1.001 * width:
            x, y, height = 0.0, y - height, 0.0
        places.append((x + side / 2, y - side / 2) + (side - 1) / 2 * _layout(overlap))
        x, height = x + side, max(height, side)
    return places


def _layout(overlap: np.ndarray) -> np.ndarray:
    """Lay out one component in the unit disc, [k, 2]."""
    graph = nx.from_numpy_array(overlap - np.diag(np.diag(overlap)))
    found = nx.spring_layout(graph, weight="weight", iterations=200, seed=0)
    place = np.array([found[i] for i in range(len(overlap))])
    return place / max(np.hypot(*place.T).max(), 1e-9)
