"""Images side by side: what units read, or what makes them fire."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from .colors import FAINT, FEATURE, GRAM_CMAP, MUTED, SUPERPOSED
from .style import style


def _tile_size(pixels: int) -> tuple[int, int]:
    """Return the side of a square image, and the gap to the next, in data units."""
    side = round(pixels**0.5)
    if side * side != pixels:
        raise ValueError(f"tiles are square images; got {pixels} pixels")
    return side, max(1, side // 14)


@style()
def image_tiles(ax: Axes, images: ArrayLike, columns: int) -> AxesImage:
    """Draw signed images in rows of `columns`, blue above zero, red below, white at zero.

    Each image has a scale of its own, so that its largest entry has the darkest colour: what is
    to be compared is their shapes.

    Args:
        ax: the axes; loses ticks and spines.
        images: [k, pixels], square images line by line; none leave an empty row.
        columns: images in a row; image 0 is at the top left.

    Raises:
        ValueError: if the images are not square.

    """
    images = np.asarray(images, dtype=float)
    count, pixels = images.shape
    side, gap = _tile_size(pixels)
    rows = max(1, -(-count // columns))
    sheet = np.full((rows * (side + gap) - gap, columns * (side + gap) - gap), np.nan)
    for i, image in enumerate(images):
        top, left = (side + gap) * (i // columns), (side + gap) * (i % columns)
        scale = np.abs(image).max() or 1.0
        sheet[top : top + side, left : left + side] = image.reshape(side, side) / scale
    drawn = ax.imshow(np.ma.masked_invalid(sheet), cmap=GRAM_CMAP, vmin=-1, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_facecolor(FAINT)
    return drawn


@style()
def tile_bars(
    ax: Axes, pixels: int, values: ArrayLike, own: ArrayLike, framed: ArrayLike = ()
) -> None:
    """Draw bars below the tiles of a row of `image_tiles`, and red frames around some of them.

    Bars are about the mean of their tile's, each tile on a scale of its own.

    Args:
        ax: the axes that the tiles are in; becomes high enough for the bars.
        pixels: of an image.
        values: [k, bars], the heights below each of k tiles.
        own: [k], which of its bars is drawn in blue.
        framed: the numbers of the tiles that get a frame.

    """
    values, own = np.asarray(values), np.asarray(own)
    side, gap = _tile_size(pixels)
    limits, base, left = ax.get_xlim(), 1.23 * side, (side + gap) * np.arange(len(values))
    about = values - values.mean(axis=1, keepdims=True)
    heights = -0.18 * side * about / np.abs(about).max(axis=1, keepdims=True)  # y points down
    bars = np.arange(values.shape[1])
    x = left[:, None] + side * (bars + 0.5) / len(bars)
    colors = np.where(own[:, None] == bars, FEATURE, MUTED).ravel()
    ax.bar(x.ravel(), heights.ravel(), 0.75 * side / len(bars), base, color=colors, linewidth=0)
    ax.hlines(np.full(len(left), base), left, left + side, color=FAINT, linewidth=0.5, zorder=0)
    for corner in left[np.asarray(framed, int)]:
        frame = Rectangle((corner - 0.5, -0.5), side, side, edgecolor=SUPERPOSED, fill=False)
        ax.add_patch(frame).set_linewidth(0.8)
    ax.set(xlim=limits, ylim=(1.45 * side, -0.5))
