"""Panels on the features of dictionaries: how pure they are, and what they look like."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Rectangle

from experiments.mnist._features import OURS, PURE, agreement
from experiments.mnist._networks import DIGITS
from toymodels import plotting

COLUMNS = 8  # templates of a digit
BINS = (0.0, 0.5, 0.7, 0.9, 1.0)


def colors_of(compared: xr.Dataset) -> dict[str, object]:
    """Give each way to code a colour."""
    names = compared.coding.values
    return dict(zip(names, [plotting.INK, *plotting.feature_colors(len(names) - 1)], strict=True))


def draw_shares(ax: Axes, compared: Sequence[xr.Dataset], over: str, label: str) -> None:
    """Draw the share of pure features over a setting of dictionaries."""
    compared = sorted(compared, key=lambda one: one[over].item())
    places = [one[over].item() for one in compared]
    for coding, color in colors_of(compared[0]).items():
        shares = [one.pure.sel(coding=coding).item() for one in compared]
        ax.plot(places, shares, "o-", ms=3, color=color, label=coding)
    plotting.log_axis(ax.xaxis, places)
    ax.set(xlabel=label)


def draw_shapes(ax: Axes, shapes: Sequence[xr.Dataset]) -> None:
    """Draw the share of pure features in each shape of network."""
    one = shapes[0]
    for coding, color in colors_of(one).items():
        values = [one.pure.sel(coding=coding).item() for one in shapes]
        ax.plot(values, "o", ms=4, color=color)
    labels = [f"{one.width.item()}\nx {one.depth.item()}" for one in shapes]
    ax.set_xticks(range(len(shapes)), labels, fontsize=6)
    ax.set(xlabel="units x hidden layers", xlim=(-0.5, len(shapes) - 0.5))
    ax.set_title(f"all shapes, k = {one.k.item()}, {one.expansion.item()} features a unit")


def draw_agreement(ax: Axes, shapes: Sequence[xr.Dataset]) -> None:
    """Draw how often a feature's own digit has its largest logit weight, by purity."""
    colors = colors_of(shapes[0])
    for network in OURS:
        found = [agreement(shapes, network, low, high) for low, high in pairwise(BINS)]
        ax.plot(found, "o-", ms=3, color=colors[network])
    ax.axhline(1 / DIGITS, color=plotting.FAINT, zorder=0)
    labels = [f"{low:g} to\n{high:g}" for low, high in pairwise(BINS)]
    ax.set_xticks(range(len(labels)), labels, fontsize=7)
    ax.set(xlabel="purity", title="largest logit weight is own digit")


def draw_tiles(place: FigureBase, one: xr.Dataset) -> None:
    """Draw the strongest features of each digit in a row, and those of the untrained network."""
    trained, untrained = (one.sel(network=name) for name in OURS)
    rows = [(str(digit), trained, trained.digit == digit) for digit in range(DIGITS)]
    rows += [("untrained\nnetwork", untrained, untrained.digit >= 0)]
    titles = [
        "mean image of the top tenth of activations\n"
        f"bars: logits 0 to 9, own digit blue; red frame: purity {PURE} or less",
        "images that activate the first of the row most",
    ]
    if one.depth == 1:  # deeper layers have no direction in pixels
        titles.insert(1, "direction in pixels, to first order")
    grid = plotting.panels(place, [name for name, *_ in rows], titles)
    for ax in grid[0]:
        ax.title.set(fontsize=6.5, color=plotting.MUTED)
    for axes, (_, features, candidates) in zip(grid, rows, strict=True):
        alive = features.isel(dictionary_feature=candidates & features.purity.notnull())
        strongest = alive.isel(dictionary_feature=np.argsort(-alive.activation.values)[:COLUMNS])
        draw_row(axes, strongest)


def draw_row(axes: Iterable[Axes], features: xr.Dataset) -> None:
    """Draw a row of features: means with logit weights below, directions, examples of the first."""
    means, *directions, examples = axes
    draw_strip(means, features.mean_image.values)
    for ax in directions:
        draw_strip(ax, features.pixel_direction.values)
    draw_strip(examples, features.top_image.values[:1].reshape(-1, features.sizes["pixel"]))
    means.yaxis.label.set(rotation=0, ha="right", va="center")
    side, pitch = measures_of(features.sizes["pixel"])
    for place in range(features.sizes["dictionary_feature"]):
        feature, x = features.isel(dictionary_feature=place), place * pitch
        draw_bars(means, x, side, feature)
        if feature.purity <= PURE:
            frame = Rectangle((x - 0.5, -0.5), side, side, color=plotting.SUPERPOSED, lw=0.8)
            means.add_patch(frame).set_fill(False)


def draw_strip(ax: Axes, images: np.ndarray) -> None:
    """Draw images side by side, with space for bars below."""
    side, pitch = measures_of(images.shape[1])
    if len(images):
        plotting.image_tiles(ax, images, len(images))
    ax.set(xlim=(-0.5, COLUMNS * pitch), ylim=(1.45 * side, -0.5), xticks=[], yticks=[])
    ax.set(aspect="equal", facecolor="none")
    ax.spines[:].set_visible(False)


def measures_of(pixels: int) -> tuple[int, int]:
    """Return the side of a tile, and that from one to the next."""
    side = round(pixels**0.5)
    return side, side + max(1, side // 14)


def draw_bars(ax: Axes, left: float, side: int, feature: xr.Dataset) -> None:
    """Draw logit weights about their mean below a tile, its own digit in blue."""
    weights = feature.logit_weight.values - feature.logit_weight.values.mean()
    heights = -0.18 * side * weights / np.abs(weights).max()  # the y axis points down
    x = left + side * (np.arange(len(weights)) + 0.5) / len(weights)
    colors = [
        plotting.FEATURE if digit == feature.digit else plotting.MUTED
        for digit in range(len(weights))
    ]
    ax.bar(x, heights, 0.075 * side, 1.23 * side, color=colors, linewidth=0)
    ax.plot([left, left + side], [1.23 * side] * 2, color=plotting.FAINT, lw=0.5, zorder=0)
