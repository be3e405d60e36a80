"""One value for every pair of two swept sizes: as a heat map, or written into a table."""

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
    """Find the k + 1 borders, on a log scale, of cells around k centres, positive and monotone."""
    logs = np.log(np.asarray(centres, dtype=float))
    widths = np.diff(logs) if len(logs) > 1 else np.ones(1)  # a cell alone may have any
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
    """Write values into cells of even size, the first row at the bottom: the higher, the bluer.

    Args:
        ax: the axes; gets a tick at each cell.
        x: [k], a number to name each column, in any steps.
        y: [l], a number to name each row.
        values: [l, k]; where one is NaN, the cell stays empty.
        low: the value of the first colour, as all below it.
        high: the value of the last.
        cmap: colours other than white to blue.
        digits: after the decimal point.

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
    """Write ratios into cells of even size: blue below 1, white at 1, red above.

    Colours go by the logarithm, alike on both sides, as far as there are values but at most to
    `most` and 1 / `most`: what lies beyond has the darkest.

    Args:
        ax: the axes; gets a tick at each cell, the first row at the bottom.
        x: [k], a number to name each column, in any steps.
        y: [l], a number to name each row.
        ratios: [l, k].
        most: where colours end, above 1.

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
    """Make an axes the key to a `ratio_table`, with ticks at its ends and at 1."""
    bar = ax.figure.colorbar(image, ax, label=label)
    low, high = image.get_clim()
    log_axis(ax.yaxis, [low, 1, high])
    ax.yaxis.set_ticklabels([f"{tick:.3g}" for tick in (low, 1, high)])
    return bar
