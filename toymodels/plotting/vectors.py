"""Features as vectors: arrow plots of two hidden dimensions, and small glyphs of a solution."""

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
    """Return vectors as columns, [m, n]; those of a DataArray by the names of its dimensions."""
    return np.asarray(in_order(W, "hidden", "feature"))


@style()
def unit_circle(ax: Axes) -> Circle:
    """Draw a thin circle of radius 1: where a perfectly represented feature ends."""
    circle = Circle((0, 0), 1, fill=False, edgecolor=FAINT, linewidth=0.8, zorder=0)
    ax.add_patch(circle)
    return circle


@style()
def feature_arrows(ax: Axes, W: ArrayLike, colors: ArrayLike, limit: float = 1.3) -> LineCollection:
    """Draw vectors in the plane: lines from the origin with dots at the tips, and the unit circle.

    Column 0 is on top. Many vectors are drawn finer than few.

    Args:
        ax: the axes; becomes a bare square.
        W: [2, n], a column a vector: features, or datapoints' hidden states; a DataArray is
            taken by the names of its dimensions, here and in the other functions of W.
        colors: [n, 3] (`feature_colors`, `importance_colors`), or one colour for all
            (FEATURE for features, DATAPOINT for datapoints).
        limit: half the side of the square, in data units; the same for panels to be compared.

    Raises:
        ValueError: if W is not [2, n], or the colours are neither one nor n.

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
    """Draw `feature_arrows`, a colour each, over faint rays where a regular polygon's would be.

    Args:
        ax: the axes; becomes a bare square.
        W: [2, n], a column a vector; the polygon shares the direction of the longest.
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

    The last feature, the one the other plot is about, is in ink, the others are muted; one that
    is not learned is a ring at the origin.

    Args:
        ax: the axes, of any scales; they keep their limits.
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
    """Make a white ground with round ends, centred on the origin: a disc if it is a square."""
    badge: Patch = Circle((0, 0), half_height)
    if width > 2 * half_height:
        round_ends = f"round,pad=0,rounding_size={half_height}"
        corner = (-width / 2, -half_height)
        badge = FancyBboxPatch(corner, width, 2 * half_height, boxstyle=round_ends)
    badge.set(facecolor="white", edgecolor=FAINT, linewidth=0.6)
    return badge


@style()
def feature_lines_3d(ax, W: ArrayLike, limit: float = 1.1, *, hull: bool = False) -> None:
    """Draw vectors in space as lines from the origin with dots at the tips.

    Args:
        ax: axes with a 3-D projection; they lose their frame.
        W: [3, n], a column a vector.
        limit: half the side of the cube that is shown.
        hull: whether to draw the edges of the polytope whose corners the tips are.

    """
    W = as_columns(W)
    for i, j in polytope_edges(W) if hull else []:
        ax.plot(*W[:, [i, j]], color=MUTED, linewidth=0.7)
    for (x, y, z), color in zip(W.T, feature_colors(W.shape[1]), strict=True):
        ax.plot([0, x], [0, y], [0, z], color=color, linewidth=1.4)
        ax.plot([x], [y], [z], "o", color=color, markersize=4)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), zlim=(-limit, limit))
    ax.set_box_aspect((1, 1, 1), zoom=1.5)
    ax.set_axis_off()


def polytope_edges(corners: np.ndarray) -> set[tuple[int, int]]:
    """Return the edges of the convex hull of corners [3, n], as pairs of their indices.

    Corners that lie in a plane have their polygon's diagonals as well; fewer than three have none.
    """
    if np.linalg.matrix_rank(corners - corners[:, :1], tol=1e-6) < 3:
        return set(combinations(range(corners.shape[1]), 2)) if corners.shape[1] == 3 else set()
    hull = ConvexHull(corners.T)
    edges = set()
    for triangle, plane, neighbours in zip(
        hull.simplices, hull.equations, hull.neighbors, strict=True
    ):
        for corner, neighbour in zip(triangle, neighbours, strict=True):
            # the neighbour is opposite to the corner; a diagonal of a face has one plane
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
    """Draw solutions: in the plane as `polygon_arrows`, in space as `feature_lines_3d`.

    Args:
        place: the figure, or a part of it.
        titles: of each panel.
        weights: W of each panel, [2, n] or [3, n], a column a vector.
        columns: panels in a row.
        hull: whether to draw the edges of polytopes in space.

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
