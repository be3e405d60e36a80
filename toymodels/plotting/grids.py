"""One value for every pair of two swept sizes: as a heat map, or written into a table."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Colormap, TwoSlopeNorm
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
def value_map(ax: Axes, x: ArrayLike, y: ArrayLike, values: ArrayLike, centre: float) -> QuadMesh:
    """Draw values over two logarithmic axes: blue below `centre`, white there, red above.

    Each side has a scale of its own, from the centre to its extreme.

    Args:
        ax: the axes; both scales become logarithmic, with a tick at each cell.
        x: [k], centres of the columns.
        y: [l], centres of the rows.
        values: [l, k].
        centre: the value that is white.

    Returns:
        The mesh, for a colour bar.

    """
    values = np.asarray(values)
    log_axis(ax.xaxis, x)
    log_axis(ax.yaxis, y)
    low, high = values.min(), max(values.max(), centre + 1e-3)
    low = min(low, centre - (high - centre) / 10)  # or noise around the centre would be dark
    norm = TwoSlopeNorm(centre, low, high)
    mesh = ax.pcolormesh(
        log_edges(x), log_edges(y), values, cmap=GRAM_CMAP.reversed(), norm=norm, rasterized=True
    )
    ax.spines[:].set_visible(True)
    return mesh


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
