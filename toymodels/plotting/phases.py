"""Phase diagrams of one feature over relative importance and probability."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from numpy.typing import ArrayLike

from .colors import FEATURE, MUTED, SUPERPOSED, phase_colors
from .grids import log_edges
from .labels import log_axis
from .style import style


@style()
def phase_map(
    ax: Axes,
    relative_importance: ArrayLike,
    probability: ArrayLike,
    norm: ArrayLike,
    superposition: ArrayLike,
) -> QuadMesh:
    """Draw a phase diagram in the colours of `phase_colors`, with sparsity increasing upwards.

    Args:
        ax: the axes; both scales become logarithmic.
        relative_importance: [k], centres of at least two columns.
        probability: [l], centres of at least two rows; p = 1 - S.
        norm: [l, k], |W_i| of the feature shown.
        superposition: [l, k], superposition of that feature.

    """
    x, y = log_edges(relative_importance), log_edges(probability)
    log_axis(ax.xaxis, [0.1, 0.3, 1, 3, 10])
    log_axis(ax.yaxis, [1, 0.3, 0.1, 0.03, 0.01])
    mesh = ax.pcolormesh(x, y, phase_colors(norm, superposition), rasterized=True)
    ax.set(
        xlim=(x.min(), x.max()),
        ylim=(y.max(), y.min()),
        box_aspect=1,
        xlabel="relative importance",
        ylabel="1 - S (feature probability)",
    )
    ax.spines[:].set_visible(True)
    return mesh


@style()
def phase_key(ax: Axes) -> None:
    """Draw the key of `phase_colors`: superposition increases to the right, norm upwards."""
    steps = (np.arange(64) + 0.5) / 64
    superposition, norm = np.meshgrid(steps, steps)
    ax.imshow(phase_colors(norm, superposition), origin="lower", extent=(0, 1, 0, 1))
    ax.set(xticks=[0, 1], yticks=[0, 1], xlabel="superposition:\noverlap with others")
    ax.set_ylabel("length")
    ax.spines[:].set_visible(True)
    word: dict[str, Any] = {"fontsize": 7, "va": "bottom"}
    ax.text(0, 1.05, "has its own\ndimension", color=FEATURE, ha="left", **word)
    ax.text(1, 1.05, "shares\nit", color=SUPERPOSED, ha="right", **word)
    ax.text(0.5, 0.04, "not learned", color=MUTED, ha="center", **word)
