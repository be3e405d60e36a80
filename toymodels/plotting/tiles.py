"""Grids of small images, such as weights or templates of units."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from .colors import FAINT, GRAM_CMAP, INK
from .style import style


def _tile_size(pixels: int) -> tuple[int, int]:
    """Return the side of a square image and the gap between images, in data units."""
    side = round(pixels**0.5)
    if side * side != pixels:
        raise ValueError(f"tiles are square images; got {pixels} pixels")
    return side, max(1, side // 14)


@style()
def image_tiles(ax: Axes, images: ArrayLike, columns: int) -> AxesImage:
    """Draw signed images in rows of `columns`, blue above zero, red below, white at zero.

    Each image is scaled separately: its largest magnitude has the darkest colour.

    Args:
        ax: the axes; loses ticks and spines.
        images: [k, pixels], square images line by line. An image of NaN is an empty tile; k = 0
            gives an empty row.
        columns: images per row; image 0 is at the top left.

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
def tile_rows(
    ax: Axes,
    images: ArrayLike,
    rows: ArrayLike,
    names: Sequence[str],
    columns: int,
    framed: ArrayLike = (),
) -> AxesImage:
    """Draw signed images like `image_tiles`, each in a given row.

    Args:
        ax: the axes; the labels of its y axis are the names of the rows.
        images: [k, pixels]; the first `columns` images of each row are drawn.
        rows: [k], row index of each image.
        names: of the rows, from the top; a row without images is empty.
        columns: largest number of images per row.
        framed: indices of images with a dark frame.

    """
    images, rows = np.asarray(images, dtype=float), np.asarray(rows)
    side, gap = _tile_size(images.shape[1])
    sheet = np.full((len(names), columns, images.shape[1]), np.nan)
    for i in range(len(names)):
        for j, image in enumerate(np.flatnonzero(rows == i)[:columns]):
            sheet[i, j] = images[image]
            if image in np.asarray(framed):
                corner = (side + gap) * j - 0.5, (side + gap) * i - 0.5
                frame = Rectangle(corner, side, side, edgecolor=INK, fill=False)
                ax.add_patch(frame).set_clip_on(False)
    drawn = image_tiles(ax, sheet.reshape(-1, images.shape[1]), columns)
    ax.set_facecolor("none")
    ax.set_yticks((side + gap) * np.arange(len(names)) + (side - 1) / 2, names)
    ax.tick_params(length=0)
    return drawn
