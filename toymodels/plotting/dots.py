"""Dimensionality of features as dots, with lines at the fractions of regular polytopes."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike

from .colors import FAINT, MUTED
from .style import style

FRACTIONS = {"1": "alone", "1/2": "pair", "2/5": "pentagon", "0": "not learned"}
Fractions = Mapping[str, str] | Sequence[str]


def _apart(positions: np.ndarray, gap: float) -> np.ndarray:
    """Move increasing positions apart, so that neighbours are at least `gap` apart."""
    positions = positions.copy()
    for _ in range(20 * len(positions)):
        for i in range(len(positions) - 1):
            push = max(0.0, gap - (positions[i + 1] - positions[i])) / 2
            positions[i : i + 2] += [-push, push]
    return positions


@style()
def fraction_guides(ax: Axes, fractions: Fractions = FRACTIONS) -> None:
    """Draw faint horizontal lines at fractions, with labels at the right edge.

    Args:
        ax: the axes; the y axis is a dimensionality, and is set to [0, 1] with a margin.
        fractions: as text, such as ``"2/5"``, optionally mapped to the name of the geometry.

    """
    words = dict(fractions) if isinstance(fractions, Mapping) else {}
    names = sorted(fractions, key=Fraction)
    values = np.array([float(Fraction(name)) for name in names])
    ax.set_ylim(-0.06, 1.06)
    points = ax.get_window_extent().height * 72 / ax.figure.dpi / 1.12  # from D = 0 to D = 1
    nudges = _apart(points * values, 9.0) - points * values
    for name, value, nudge in zip(names, values, nudges, strict=True):
        ax.axhline(value, color=FAINT, linewidth=0.8, zorder=0)
        ax.annotate(
            f"{name} {words.get(name, '')}".rstrip(),
            (1, value),
            xytext=(4, nudge),
            xycoords=ax.get_yaxis_transform(),
            textcoords="offset points",
            color=MUTED,
            fontsize=7,
            va="center_baseline",
            annotation_clip=False,
        )


@style()
def dot_strip(
    ax: Axes,
    x: ArrayLike,
    D: ArrayLike,
    colors: ArrayLike,
    fractions: Fractions = FRACTIONS,
    spread: float = 4.0,
) -> None:
    """Draw the dimensionality of each feature as a dot, over `fraction_guides`.

    Args:
        ax: the axes.
        x: [k], position of each model, in data coordinates.
        D: [k, n], dimensionality of the features of each model.
        colors: [n, 3] (`importance_colors`, `feature_colors`), or one colour for all.
        fractions: of the horizontal lines (`fraction_guides`).
        spread: horizontal distance in points between neighbouring features of a model, so that
            equal values stay visible.

    """
    x, D = np.atleast_1d(x), np.atleast_2d(D)
    n = D.shape[1]
    fraction_guides(ax, fractions)
    for i, color in enumerate(np.broadcast_to(to_rgba_array(colors), (n, 4))):
        shift = spread * (i - (n - 1) / 2) / 72
        place = ax.transData + ScaledTranslation(shift, 0, ax.figure.dpi_scale_trans)
        ax.scatter(x, D[:, i], s=12, color=color, linewidths=0, transform=place, zorder=3)
