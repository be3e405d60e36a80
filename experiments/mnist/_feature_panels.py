"""Panels on the features of dictionaries: how pure they are, and what they look like."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from experiments.mnist._dictionaries import BOTH, PURE, agreement
from experiments.mnist._networks import DIGITS
from toymodels import plotting

BINS = (0.0, 0.5, 0.7, 0.9, 1.0)
ROWS = [*(f"{digit}" for digit in range(DIGITS)), "", "untrained\nnetwork"]
LOGITS = 2.5  # width of their panel, in tiles


def colors_of(compared: xr.Dataset) -> dict[str, str]:
    """Give each way to code a colour."""
    names = compared.coding.values
    return dict(zip(names, plotting.kind_colors(len(names)), strict=True))


def draw_pure(
    ax: Axes, compared: Sequence[xr.Dataset], over: Sequence[str], label: str, style: str = "o-"
) -> None:
    """Draw the share of pure features of each way to code, over settings, evenly apart."""
    for coding, color in colors_of(compared[0]).items():
        shares = [one.pure.sel(coding=coding).item() for one in compared]
        ax.plot(shares, style, ms=3.5, color=color, label=coding)
    names = ["\nx ".join(f"{one[name].item()}" for name in over) for one in compared]
    ax.set_xticks(range(len(names)), names)
    ax.set(xlabel=label, xlim=(-0.5, len(names) - 0.5), ylim=(0, 1.02))


def draw_agreement(ax: Axes, shapes: Sequence[xr.Dataset]) -> None:
    """Draw how often a feature's own digit has its largest logit weight, by purity."""
    for network in BOTH:
        found = [agreement(shapes, network, low, high) for low, high in pairwise(BINS)]
        ax.plot(found, "o-", ms=3.5, color=colors_of(shapes[0])[network])
    ax.axhline(1 / DIGITS, color=plotting.FAINT, zorder=0)
    labels = [f"{low:g} to\n{high:g}" for low, high in pairwise(BINS)]
    ax.set_xticks(range(len(labels)), labels)
    ax.set(xlabel="purity", ylabel="raise own logit most", ylim=(0, 1.02))


def draw_tiles(place: FigureBase, one: xr.Dataset) -> None:
    """Draw the strongest features of each digit in a row, and those of the untrained network."""
    features = strongest(one)
    first = features.isel(feature=np.unique(features.row, return_index=True)[1])
    examples = first.top_image.values[:, :3].reshape(-1, one.sizes["pixel"])
    rows, impure = features.row.values, np.flatnonzero(features.purity <= PURE)
    blocks: dict[str, tuple[Any, ...]] = {
        "mean image of the top tenth\nof activations": (features.mean_image, rows, 5, impure),
        "direction in pixels,\nblue +, red -": (features.pixel_direction, rows, 3),
        "strongest images\nof the first": (examples, np.repeat(first.row, 3), 3),
    }
    if one.depth > 1:  # deeper layers have no direction in pixels
        del blocks["direction in pixels,\nblue +, red -"]
    widths = [columns for _, _, columns, *_ in blocks.values()]
    *panels, logits = place.subplots(1, len(blocks) + 1, width_ratios=[*widths, LOGITS])
    names = ROWS
    for ax, (title, (images, of, columns, *framed)) in zip(panels, blocks.items(), strict=True):
        plotting.tile_rows(ax, images, of, names, columns, *framed)
        ax.set_title(title)
        names = [""] * len(ROWS)
    draw_logits(logits, first)


def strongest(one: xr.Dataset) -> xr.Dataset:
    """Return live features with the `row` that they stand in, the most active first."""
    both = one.assign(row=one.digit.where(one.network == BOTH[0], len(ROWS) - 1))
    both = both.drop_dims(["coding", "hidden"]).stack(feature=["network", "dictionary_feature"])
    alive = both.isel(feature=both.purity.notnull().values)
    return alive.isel(feature=np.argsort(-alive.activation.values)).transpose("feature", ...)


def draw_logits(ax: Axes, first: xr.Dataset) -> None:
    """Draw the logits that the first feature of each row writes to, about their mean."""
    weights = np.zeros((len(ROWS), DIGITS))
    weights[first.row] = first.logit_weight - first.logit_weight.mean("label")
    largest = np.abs(weights).max(axis=1, keepdims=True)
    plotting.heat_map(ax, weights / np.where(largest > 0, largest, 1))
    ax.set_box_aspect(len(ROWS) / LOGITS)  # in line with the tiles
    ax.set_xticks(range(DIGITS), ROWS[:DIGITS])
    ax.set_title("logits of the first,\nblue +, red -")
