"""Checks of the text in a figure shown on a slide: too small, cut off, overlapping."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

SLIDE = 13.33, 7.5  # inches, 16:9
SMALLEST = 8.0  # points
SLACK = 0.5  # points by which boxes may overlap


class Words(NamedTuple):
    """A drawn line of text; size and box are in points on the slide, from its lower left corner."""

    text: str
    size: float
    box: Bbox


def text_faults(figure: Figure) -> list[str]:
    """List text of a figure that is too small, overlaps or is cut off when it fills a slide.

    Only drawn text counts, and not tick labels outside of the view. The size of a formula is that
    of its letters, not of its indices.

    Args:
        figure: is drawn once, and not changed.

    Returns:
        A sentence for each fault; empty for a legible figure.
    """
    width, height = figure.get_size_inches()
    scale = min(SLIDE[0] / width, SLIDE[1] / height)
    words = _words(figure, scale)
    page = Bbox.from_bounds(0, 0, 72 * scale * width, 72 * scale * height)
    return [*_small(words), *_cut_off(words, page), *_overlapping(words)]


def _small(words: Sequence[Words]) -> Iterator[str]:
    for text, size, _ in words:
        if size < SMALLEST - 0.01:
            yield f"{text!r} has {size:.1f} points"


def _cut_off(words: Sequence[Words], page: Bbox) -> Iterator[str]:
    for text, _, box in words:
        room = page.padded(SLACK)
        if np.any(box.min < room.min) or np.any(box.max > room.max):
            yield f"{text!r} is cut off"


def _overlapping(words: Sequence[Words]) -> Iterator[str]:
    for one, other in combinations(words, 2):
        common = Bbox.intersection(one.box, other.box)
        if common is not None and min(common.width, common.height) > SLACK:
            yield f"{one.text!r} and {other.text!r} overlap"


def _words(figure: Figure, scale: float) -> list[Words]:
    width, height = figure.get_size_inches() * figure.dpi
    listener = _Listener(width, height, figure.dpi)
    figure.draw(listener)
    return [
        Words(text, scale * size, Bbox(scale * 72 / figure.dpi * corners))
        for text, size, corners in listener.heard
    ]


class _Listener(RendererAgg):
    """Renderer that also records each line of text: text, size in points, corners in pixels."""

    def __init__(self, width: float, height: float, dpi: float) -> None:
        super().__init__(width, height, dpi)
        self.heard: list[tuple[str, float, np.ndarray]] = []

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, *rest: Any, **more: Any
    ) -> None:
        super().draw_text(gc, x, y, s, prop, angle, *rest, **more)
        ismath = more.get("ismath", rest[0] if rest else False)
        width, height, descent = self.get_text_width_height_descent(s, prop, ismath)
        across = np.array([0, width, width, 0])
        up = np.array([-descent, -descent, height - descent, height - descent])
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        # y pixels count from the top
        corners = [x + cos * across - sin * up, self.height - y + sin * across + cos * up]
        box = np.array([np.min(corners, axis=1), np.max(corners, axis=1)])
        self.heard.append((s, prop.get_size_in_points(), box))
