"""What the columns of a mixing matrix look like: a name for it, and a drawing."""

import numpy as np

from toymodels import geometry, plotting

NAMES = {2: "digon", 3: "triangle", 4: "square", 5: "pentagon", 6: "hexagon"}
SAME = 18.0  # degrees; columns closer than this count as one direction
COLORS = dict(
    zip(
        ["pentagon", "square", "square, doubled", "triangle", "digon + 1", "cone"],
        plotting.feature_colors(6),
        strict=True,
    )
)


def shape(M):
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
    regular = np.abs(apart - 360 / len(apart)).max() < 90 / len(apart)
    name = NAMES.get(len(apart), "polygon")
    if not regular:
        return "other"
    return name if len(apart) == len(gaps) else f"{name}, doubled"


def shapes(M):
    """Name each of M [*, 2, K]."""
    flat = [shape(one) for one in M.reshape(-1, *M.shape[-2:])]
    return np.array(flat, dtype=object).reshape(M.shape[:-2])


def color(name):
    """Return the colour of an arrangement, the same in every figure of the family."""
    return COLORS.get(name, plotting.MUTED)


def draw_columns(ax, M, limit, rays=5):
    """Draw the columns of M [2, K] over rays at the angles of a regular polygon."""
    first = M[:, np.argmax(geometry.norms(M))]
    angles = np.arctan2(first[1], first[0]) + 2 * np.pi * np.arange(rays) / rays
    for angle in angles:
        ax.plot([0, limit * np.cos(angle)], [0, limit * np.sin(angle)],
                color=plotting.FAINT, linewidth=0.8, zorder=0)  # fmt: skip
    plotting.feature_arrows(ax, M, plotting.feature_colors(M.shape[1]), limit)
