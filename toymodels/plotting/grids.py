"""One value for every pair of two swept sizes, as a heat map."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import TwoSlopeNorm
from numpy.typing import ArrayLike

from .colors import GRAM_CMAP
from .labels import log_axis
from .style import style


def log_edges(centres: ArrayLike) -> np.ndarray:
    """Find the k + 1 borders, on a log scale, of cells around k centres, positive and monotone."""
    logs = np.log(np.asarray(centres, dtype=float))
    inner = (logs[1:] + logs[:-1]) / 2
    return np.exp(np.concatenate([[2 * logs[0] - inner[0]], inner, [2 * logs[-1] - inner[-1]]]))


@style()
def value_map(ax: Axes, x: ArrayLike, y: ArrayLike, values: ArrayLike, centre: float) -> QuadMesh:
    """Draw values over two logarithmic axes: blue below `centre`, white there, red above.

    Each side has a scale of its own, from the centre to its extreme.

    Args:
        ax: the axes; both scales become logarithmic, with a tick at each cell.
        x: [k], centres of at least two columns.
        y: [l], centres of at least two rows.
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
