"""Images side by side: what units read, or what makes them fire."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike

from .colors import FAINT, GRAM_CMAP
from .style import style


@style()
def image_tiles(ax: Axes, images: ArrayLike, columns: int) -> AxesImage:
    """Draw signed images in rows of `columns`, blue above zero, red below, white at zero.

    Each image has a scale of its own, so that its largest entry has the darkest colour: what is
    to be compared is their shapes.

    Args:
        ax: the axes; loses ticks and spines.
        images: [k, pixels], square images line by line.
        columns: images in a row; image 0 is at the top left.

    Raises:
        ValueError: if the images are not square.

    """
    images = np.asarray(images, dtype=float)
    count, pixels = images.shape
    side = round(pixels**0.5)
    if side * side != pixels:
        raise ValueError(f"tiles are square images; got {pixels} pixels")
    rows, gap = -(-count // columns), max(1, side // 14)
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
