"""Tables of values over two swept quantities."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, LogNorm
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike

from .colors import GRAM_CMAP, MMCS_CMAP, readable_ink
from .labels import even_axis, log_axis
from .style import style


def log_edges(centres: ArrayLike) -> np.ndarray:
    """Return the k + 1 edges, on a log scale, of cells around k positive, monotone centres."""
    logs = np.log(np.asarray(centres, dtype=float))
    widths = np.diff(logs) if len(logs) > 1 else np.ones(1)  # arbitrary for a single cell
    lower = logs - np.concatenate([widths[:1], np.diff(logs)]) / 2
    return np.exp([*lower, logs[-1] + widths[-1] / 2])


@style()
def value_table(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    values: ArrayLike,
    low: float,
    high: float,
    *,
    cmap: Colormap = MMCS_CMAP,
    digits: int = 2,
) -> AxesImage:
    """Write values into cells of equal size, coloured by value; the first row is at the bottom.

    Args:
        ax: the axes; gets a tick at each cell.
        x: [k], label of each column, a number.
        y: [l], label of each row, a number.
        values: [l, k]; the cell of a NaN stays empty.
        low: value of the first colour.
        high: value of the last colour.
        cmap: colormap, white to blue by default.
        digits: number of decimals.

    Returns:
        The image, for a colour bar.

    """
    values = np.asarray(values)
    image = ax.imshow(values, cmap, vmin=low, vmax=high, aspect="auto", origin="lower")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = readable_ink(np.array(image.to_rgba(value)[:3]))
            text = f"{value:.{digits}f}"
            ax.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    even_axis(ax.xaxis, x)
    even_axis(ax.yaxis, y)
    return image


@style()
def ratio_table(
    ax: Axes, x: ArrayLike, y: ArrayLike, ratios: ArrayLike, most: float = 2.0
) -> AxesImage:
    """Write ratios into cells of equal size: blue below 1, white at 1, red above.

    The colour scale is logarithmic and symmetric about 1. It spans the ratios, but ends at `most`
    and 1 / `most`: ratios beyond have the darkest colours.

    Args:
        ax: the axes; gets a tick at each cell, the first row at the bottom.
        x: [k], label of each column, a number.
        y: [l], label of each row, a number.
        ratios: [l, k].
        most: upper limit of the colour scale, above 1.

    Returns:
        The image, for `ratio_key`.

    """
    ratios = np.asarray(ratios)
    distance = np.abs(np.log(ratios, where=ratios > 0, out=np.zeros(ratios.shape)))
    limit = np.exp(np.clip(distance.max(), 0.01, np.log(most)))
    norm, colors = LogNorm(1 / limit, limit), GRAM_CMAP.reversed()
    image = ax.imshow(ratios, colors, norm=norm, aspect="auto", origin="lower")
    for (row, column), ratio in np.ndenumerate(ratios):
        ink = readable_ink(np.array(image.to_rgba(ratio)[:3]))
        ax.text(column, row, f"{ratio:.3g}", ha="center", va="center", fontsize=7, color=ink)
    even_axis(ax.xaxis, x)
    even_axis(ax.yaxis, y)
    return image


@style()
def ratio_key(ax: Axes, image: AxesImage, label: str) -> Colorbar:
    """Draw the colour bar of a `ratio_table` into an axes, with ticks at its ends and at 1."""
    bar = ax.figure.colorbar(image, ax, label=label)
    low, high = image.get_clim()
    log_axis(ax.yaxis, [low, 1, high])
    ax.yaxis.set_ticklabels([f"{tick:.3g}" for tick in (low, 1, high)])
    return bar
