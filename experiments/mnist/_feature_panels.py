"""Panels on the features of dictionaries: purity, images and logits."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from numpy.typing import ArrayLike

from experiments.mnist._dictionaries import NETWORKS, PURE, TRAINED, agreement
from experiments.mnist._networks import DIGITS
from toymodels import plotting

BINS = (0.0, 0.5, 0.7, 0.9, 1.0)
ROWS = [*(f"{digit}" for digit in range(DIGITS)), "", "untrained\nnetwork"]
LOGITS = 2.5  # width of the panel, in tiles


def coding_colors(results: Sequence[xr.Dataset]) -> dict[str, str]:
    """Return the colour of each coding."""
    names = results[0].coding.values
    return dict(zip(names, plotting.kind_colors(len(names)), strict=True))


def draw_pure(
    ax: Axes, settings: ArrayLike, results: Sequence[xr.Dataset], *, joined: bool = True
) -> None:
    """Draw the share of pure features of each coding over settings."""
    colors = coding_colors(results)
    shares = {coding: [result.pure.sel(coding=coding) for result in results] for coding in colors}
    plotting.share_lines(ax, settings, shares, colors, joined=joined)


def draw_agreement(ax: Axes, shapes: Sequence[xr.Dataset]) -> None:
    """Draw how often a feature's own digit has its largest logit weight, by purity."""
    names = ["purity", "digit", "logit_digit"]
    features = xr.concat(
        [shape[names].reset_coords(drop=True) for shape in shapes], "dictionary_feature"
    )
    bins = list(pairwise(BINS))
    shares = {
        network: [agreement(features.sel(network=network), low, high) for low, high in bins]
        for network in NETWORKS
    }
    names = [f"{low:g} to\n{high:g}" for low, high in bins]
    plotting.share_lines(ax, names, shares, coding_colors(shapes))
    ax.axhline(1 / DIGITS, color=plotting.FAINT, zorder=0)
    ax.set(xlabel="purity", ylabel="raise own logit most")


def draw_tiles(place: FigureBase, result: xr.Dataset) -> None:
    """Draw the strongest features of each digit, and of the untrained network, one row each."""
    features = strongest(result)
    first = features.isel(feature=np.unique(features.row, return_index=True)[1])
    examples = first.top_image.values[:, :3].reshape(-1, result.sizes["pixel"])
    rows, impure = features.row, np.flatnonzero(features.purity <= PURE)
    blocks: dict[str, tuple[Any, ...]] = {
        "mean image of the top tenth\nof activations": (features.mean_image, rows, 5, impure),
        "direction in pixels,\nblue +, red -": (features.pixel_direction, rows, 3),
        "strongest images\nof the first": (examples, np.repeat(first.row, 3), 3),
    }
    if result.depth > 1:  # only the first layer has a direction in pixels
        del blocks["direction in pixels,\nblue +, red -"]
    widths = [columns for _, _, columns, *_ in blocks.values()]
    *panels, logits = place.subplots(1, len(blocks) + 1, width_ratios=[*widths, LOGITS])
    names = ROWS
    for ax, (title, (images, row, columns, *framed)) in zip(panels, blocks.items(), strict=True):
        plotting.tile_rows(ax, images, row, names, columns, *framed)
        ax.set_title(title)
        names = [""] * len(ROWS)
    draw_logits(logits, first)


def strongest(result: xr.Dataset) -> xr.Dataset:
    """Return the live features with their `row`, the most active first."""
    rows = result.digit.where(result.network == TRAINED, len(ROWS) - 1)
    features = result.drop_dims(["coding", "hidden"]).assign(row=rows)
    features = features.stack(feature=["network", "dictionary_feature"])
    alive = features.isel(feature=features.purity.notnull().values)
    return alive.isel(feature=np.argsort(-alive.activation.values)).transpose("feature", ...)


def draw_logits(ax: Axes, first: xr.Dataset) -> None:
    """Draw the logits of the first feature of each row, less their mean."""
    weights = np.zeros((len(ROWS), DIGITS))
    weights[first.row] = first.logit_weight - first.logit_weight.mean("label")
    largest = np.abs(weights).max(axis=1, keepdims=True)
    plotting.heat_map(ax, weights / np.where(largest > 0, largest, 1))
    ax.set_box_aspect(len(ROWS) / LOGITS)  # aligned with the tiles
    ax.set_xticks(range(DIGITS), ROWS[:DIGITS])
    ax.set_title("logits of the first,\nblue +, red -")
