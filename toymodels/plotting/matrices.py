"""Heat maps of W^T W and b, and bars of the lengths of features."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from toymodels.numerics.names import check_same_features, in_order

from .colors import FAINT, GRAM_CMAP, MUTED, SHARING_CMAP, phase_colors
from .style import style


def _framed_image(
    ax: Axes, values: np.ndarray, left: float, width: float, limit: float
) -> AxesImage:
    """Draw a heat map of [rows, columns] with its left edge at x = left, row i centred on y = i."""
    rows = len(values)
    image = ax.imshow(
        values,
        cmap=GRAM_CMAP,
        vmin=-limit,
        vmax=limit,
        extent=(left, left + width, rows - 0.5, -0.5),
        aspect="equal",
    )
    frame = Rectangle((left, -0.5), width, rows, fill=False, edgecolor=MUTED, linewidth=0.5)
    ax.add_patch(frame).set_clip_on(False)
    return image


@style()
def gram_with_bias(ax: Axes, W: ArrayLike, b: ArrayLike, limit: float = 1.0) -> AxesImage:
    """Draw W^T W as a heat map, with the bias as a column at its right.

    Blue is positive, red negative, white zero. Row i holds the weights of output i and is centred
    on y = i; row 0 is at the top.

    Args:
        ax: the axes; loses ticks and spines.
        W: [m, n]; the dimensions of a DataArray are matched by name.
        b: [n].
        limit: value of the darkest colours; use the same for panels to be compared.

    Returns:
        The image of W^T W, for a colour bar.

    Raises:
        ValueError: if W and b have different n.

    """
    W, b = np.asarray(in_order(W, "hidden", "feature")), np.asarray(b)
    check_same_features(W, b)
    n = W.shape[1]
    gap, width = max(0.4, 0.03 * n), max(1.0, 0.05 * n)
    image = _framed_image(ax, W.T @ W, -0.5, n, limit)
    _framed_image(ax, b[:, None], n - 0.5 + gap, width, limit)
    ax.set(xlim=(-0.5, n - 0.5 + gap + width), ylim=(n - 0.5, -0.5), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return image


@style()
def heat_map(ax: Axes, values: ArrayLike, limit: float = 1.0) -> AxesImage:
    """Draw a matrix: blue is positive, red negative, white zero; row 0 is at the top.

    Args:
        ax: the axes; loses ticks and spines, and keeps its size: cells are stretched to fill it.
        values: [rows, columns].
        limit: value of the darkest colours; use the same for panels to be compared.

    """
    values = np.asarray(values)
    rows, columns = values.shape
    image = _framed_image(ax, values, -0.5, columns, limit)
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), xticks=[], yticks=[], aspect="auto")
    ax.spines[:].set_visible(False)
    return image


@style()
def norm_bars(
    ax: Axes, norms: ArrayLike, superposition: ArrayLike, limit: float = 1.2
) -> PolyCollection:
    """Draw the features' lengths as bars, aligned with the rows of `gram_with_bias`.

    Dark is a dedicated dimension, amber a superposition of 1 or above. Bars fade to white below
    length 1/2, not learned. The faint line is at length 1. `sharing_key` draws the colour bar.

    Args:
        ax: the axes.
        norms: [n], |W_i|.
        superposition: [n], sum over j != i of (W_i / |W_i| . W_j)^2; amber at 1 and above.
        limit: right end of the scale; use the same for panels to be compared.

    """
    norms, superposition = np.asarray(norms), np.asarray(superposition)
    n = len(norms)
    ax.axvline(1, color=FAINT, linewidth=0.8, zorder=0)
    across = np.array([0, 0, 1, 1]) * norms[:, None]
    down = np.arange(n)[:, None] + (0.4 if n <= 40 else 0.5) * np.array([-1, 1, 1, -1])
    colors = phase_colors(2 * norms, superposition, SHARING_CMAP)
    # one collection: hundreds of patches would take seconds
    bars = PolyCollection(list(np.stack([across, down], axis=-1)), facecolor=colors, linewidth=0)
    ax.add_collection(bars)
    ax.set(xlim=(0, limit), ylim=(n - 0.5, -0.5), xticks=[0, 1], yticks=[])
    ax.spines["bottom"].set_visible(False)
    return bars


@style()
def sign_key(ax: Axes, limit: float = 1.0, label: str = "") -> Colorbar:
    """Draw the colour bar of matrices into an axes: blue above zero, red below, up to `limit`."""
    signs = ScalarMappable(Normalize(-limit, limit), GRAM_CMAP)
    return ax.figure.colorbar(signs, ax, ticks=[-limit, 0, limit], label=label, extend="both")


@style()
def sharing_key(ax: Axes) -> Colorbar:
    """Draw the colour bar of `norm_bars` into an axes: dark is dedicated, amber is shared."""
    bar = ax.figure.colorbar(ScalarMappable(Normalize(0, 1), SHARING_CMAP), ax)
    bar.set_ticks([0, 1], labels=["alone in its\ndimension", "shares it\nwith others"])
    return bar
