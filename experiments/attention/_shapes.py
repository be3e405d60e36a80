"""What the columns of a mixing matrix look like: a name for it, and a drawing."""

import numpy as np
from matplotlib.axes import Axes

from toymodels import geometry, plotting

NAMES = {2: "digon", 3: "triangle", 4: "square", 5: "pentagon", 6: "hexagon"}
SAME = 18.0  # degrees; columns closer than this count as one direction
NAMED = ["pentagon", "square", "square, doubled", "triangle", "digon + 1", "cone"]
COLORS = dict(zip(NAMED, plotting.feature_colors(len(NAMED)), strict=True))


def shape(M: np.ndarray) -> str:
    """Name the arrangement of the represented columns of M [2, K].

    A polygon has gaps within a quarter of 360/k of each other's ideal, an OV draw bends it that
    far; "doubled" has several columns in one of its directions; a cone leaves half the plane free.
    """
    kept = M[:, geometry.represented(M)]
    gaps = geometry.angular_gaps(kept) if kept.shape[1] > 1 else np.array([360.0])
    apart = np.sort(gaps[gaps > SAME])
    if len(apart) == 3 and np.abs(apart - [90, 90, 180]).max() < 22.5:
        return "digon + 1"
    if gaps.max() > 180:
        return "cone"
    if np.abs(apart - 360 / len(apart)).max() >= 90 / len(apart):
        return "other"
    name = NAMES.get(len(apart), "polygon")
    return name if len(apart) == len(gaps) else f"{name}, doubled"


def shapes(M: np.ndarray) -> np.ndarray:
    """Name each of M [*, 2, K]."""
    return np.asarray(np.vectorize(shape, otypes=[object], signature="(m,n)->()")(M))


def color(name: str) -> object:
    """Return the colour of an arrangement, the same in every figure of the family."""
    return COLORS.get(name, plotting.MUTED)


def draw_columns(ax: Axes, M: np.ndarray, limit: float = 1.3) -> None:
    """Draw the columns of M [2, K] over rays at the angles of a regular polygon."""
    first = M[:, geometry.norms(M).argmax()]
    turns = 2 * np.pi * np.arange(M.shape[1]) / M.shape[1]
    angles = np.arctan2(first[1], first[0]) + turns
    tips = limit * np.stack([np.cos(angles), np.sin(angles)])
    rays = np.stack([np.zeros_like(tips), tips])
    ax.plot(*rays.transpose(1, 0, 2), color=plotting.FAINT, linewidth=0.8, zorder=0)
    plotting.feature_arrows(ax, M, plotting.feature_colors(M.shape[1]), limit)
