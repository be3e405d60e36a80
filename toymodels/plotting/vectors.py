"""Features as vectors: plots of two or three hidden dimensions, and small glyphs of solutions."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba_array
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, DrawingArea
from matplotlib.patches import Circle, FancyBboxPatch, Patch
from numpy.typing import ArrayLike
from scipy.spatial import ConvexHull

from toymodels.numerics.names import in_order

from .colors import FAINT, INK, MUTED, feature_colors
from .style import style


def as_columns(W: ArrayLike) -> np.ndarray:
    """Return W as an array [m, n]; the dimensions of a DataArray are matched by name."""
    return np.asarray(in_order(W, "hidden", "feature"))


@style()
def unit_circle(ax: Axes) -> Circle:
    """Draw a thin circle of radius 1, the length of a perfectly represented feature."""
    circle = Circle((0, 0), 1, fill=False, edgecolor=FAINT, linewidth=0.8, zorder=0)
    ax.add_patch(circle)
    return circle


@style()
def feature_arrows(ax: Axes, W: ArrayLike, colors: ArrayLike, limit: float = 1.3) -> LineCollection:
    """Draw vectors in the plane: lines from the origin with dots at the tips, and the unit circle.

    Column 0 is on top. Lines and dots are finer for more than 12 vectors.

    Args:
        ax: the axes; becomes square, without ticks and spines.
        W: [2, n], one vector per column, such as features or hidden vectors of datapoints; the
            dimensions of a DataArray are matched by name.
        colors: [n, 3] (`feature_colors`, `importance_colors`), or one colour for all
            (FEATURE for features, DATAPOINT for datapoints).
        limit: half the side of the square, in data units; use the same for panels to be compared.

    Raises:
        ValueError: if W is not [2, n], or the number of colours is neither 1 nor n.

    """
    W = as_columns(W)
    if W.ndim != 2 or W.shape[0] != 2:
        raise ValueError(f"arrows need W of shape [2, n]; got {list(W.shape)}")
    n = W.shape[1]
    tips = W.T[::-1]
    rgba = np.broadcast_to(to_rgba_array(colors), (n, 4))[::-1]
    fineness = np.clip((12 / max(n, 1)) ** 0.5, 0.4, 1.0)
    arrows = LineCollection(
        [np.array([(0, 0), tip]) for tip in tips], colors=rgba, linewidths=1.4 * fineness
    )
    unit_circle(ax)
    ax.add_collection(arrows)
    ax.scatter(tips[:, 0], tips[:, 1], s=16 * fineness**2, c=rgba, linewidths=0, zorder=3)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return arrows


@style()
def polygon_arrows(ax: Axes, W: ArrayLike, limit: float = 1.3) -> LineCollection:
    """Draw `feature_arrows` in n colours, over faint rays to the corners of a regular n-gon.

    Args:
        ax: the axes; becomes square, without ticks and spines.
        W: [2, n], one vector per column; a corner has the direction of the longest.
        limit: half the side of the square, in data units, and the length of the rays.

    """
    W = as_columns(W)
    n = W.shape[1]
    x, y = W[:, np.hypot(*W).argmax()]
    angles = np.arctan2(y, x) + 2 * np.pi * np.arange(n) / n
    tips = limit * np.stack([np.cos(angles), np.sin(angles)])
    ax.plot(*np.stack([0 * tips, tips], axis=1), color=FAINT, linewidth=0.8, zorder=0)
    return feature_arrows(ax, W, feature_colors(n), limit)


@style()
def arrow_glyph(
    ax: Axes, xy: tuple[float, float], W: ArrayLike, size: float = 24.0
) -> AnnotationBbox:
    """Draw a solution as a small arrow plot on a white badge, at a point of another plot.

    The last feature, the subject of the other plot, is dark, the others are grey; a feature that
    is not learned is a ring at the origin.

    Args:
        ax: the axes, with any scales; their limits do not change.
        xy: the badge's centre, in data coordinates.
        W: [m, n] with m = 1 (signed lengths along one line) or m = 2.
        size: length of the badge in points; a unit vector is a third of it.

    """
    W = np.atleast_2d(as_columns(W))
    m, n = W.shape
    tips = np.zeros((n, 2))
    tips[:, :m] = W.T
    lengths = np.hypot(*tips.T)
    half_height = (0.2 if m == 1 else 0.5) * size
    area = DrawingArea(size, 2 * half_height, size / 2, half_height)
    area.add_artist(_badge(size, half_height))
    for i in np.argsort(-lengths, kind="stable"):  # rings last, on top
        color = INK if i == n - 1 else MUTED
        line = Line2D(*zip((0, 0), tips[i] * size / 3, strict=True), color=color)
        line.set(marker="o", markevery=[1], markersize=3)
        line.set_markerfacecolor(color if lengths[i] > 0.1 else "white")
        area.add_artist(line)
    glyph = AnnotationBbox(area, xy, frameon=False, pad=0, zorder=4)
    ax.add_artist(glyph)
    return glyph


def _badge(width: float, half_height: float) -> Patch:
    """Make a white background with round ends, centred on the origin; a disc if it is square."""
    badge: Patch = Circle((0, 0), half_height)
    if width > 2 * half_height:
        round_ends = f"round,pad=0,rounding_size={half_height}"
        corner = (-width / 2, -half_height)
        badge = FancyBboxPatch(corner, width, 2 * half_height, boxstyle=round_ends)
    badge.set(facecolor="white", edgecolor=FAINT, linewidth=0.6)
    return badge


@style()
def feature_lines_3d(
    ax, W: ArrayLike, limit: float = 1.1, *, hull: bool = False, colors: ArrayLike | None = None
) -> None:
    """Draw vectors in space as lines from the origin with dots at the tips.

    Args:
        ax: axes with a 3-D projection; the frame is removed.
        W: [3, n], one vector per column.
        limit: half the side of the visible cube.
        hull: whether to draw the edges of the polytope with corners at the tips.
        colors: [n, 3]; by default n different ones.

    """
    W = as_columns(W)
    shades = feature_colors(W.shape[1]) if colors is None else to_rgba_array(colors)
    for i, j in polytope_edges(W) if hull else []:
        ax.plot(*W[:, [i, j]], color=MUTED, linewidth=0.7)
    for (x, y, z), color in zip(W.T, shades, strict=True):
        ax.plot([0, x], [0, y], [0, z], color=color, linewidth=1.4)
        ax.plot([x], [y], [z], "o", color=color, markersize=4)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), zlim=(-limit, limit))
    ax.set_box_aspect((1, 1, 1), zoom=1.5)
    ax.set_axis_off()


def polytope_edges(corners: np.ndarray) -> set[tuple[int, int]]:
    """Return the edges of the convex hull of corners [3, n], as pairs of indices.

    Three corners are a triangle; other corners in a common plane have no edges.
    """
    if np.linalg.matrix_rank(corners - corners[:, :1], tol=1e-6) < 3:
        return set(combinations(range(corners.shape[1]), 2)) if corners.shape[1] == 3 else set()
    hull = ConvexHull(corners.T)
    edges = set()
    for triangle, plane, neighbours in zip(
        hull.simplices, hull.equations, hull.neighbors, strict=True
    ):
        for corner, neighbour in zip(triangle, neighbours, strict=True):
            # a neighbour shares the edge opposite the corner; coplanar ones share a diagonal
            if not np.allclose(plane, hull.equations[neighbour], atol=1e-3):
                first, second = sorted(set(triangle.tolist()) - {int(corner)})
                edges.add((first, second))
    return edges


@style()
def vector_panels(
    place: FigureBase,
    titles: Sequence[str],
    weights: Sequence[ArrayLike],
    columns: int,
    *,
    hull: bool = False,
) -> None:
    """Draw solutions in panels: m = 2 as `polygon_arrows`, m = 3 as `feature_lines_3d`.

    Args:
        place: the figure or a subfigure.
        titles: title of each panel.
        weights: W of each panel, [2, n] or [3, n], one vector per column.
        columns: panels per row.
        hull: whether to draw the edges of polytopes for m = 3.

    """
    grid = place.add_gridspec(-(-len(titles) // columns), columns)
    for i, (title, W) in enumerate(zip(titles, weights, strict=True)):
        solid = len(as_columns(W)) == 3
        where = grid[divmod(i, columns)]
        ax = place.add_subplot(where, title=title, projection="3d" if solid else None)
        if solid:
            feature_lines_3d(ax, W, hull=hull)
        else:
            polygon_arrows(ax, W)
