"""Panels on the features of dictionaries: how pure they are, and what they look like."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from experiments.mnist._dictionaries import BOTH, PURE, SHOWN, agreement
from experiments.mnist._networks import DIGITS
from toymodels import plotting

BINS = (0.0, 0.5, 0.7, 0.9, 1.0)


def colors_of(compared: xr.Dataset) -> dict[str, Any]:
    """Give each way to code a colour."""
    names = compared.coding.values
    return dict(zip(names, [plotting.INK, *plotting.feature_colors(len(names) - 1)], strict=True))


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
    ax.set_xticks(range(len(labels)), labels, fontsize=7)
    ax.set(xlabel="purity", title="largest logit weight is own digit", ylim=(0, 1.02))


def draw_tiles(place: FigureBase, one: xr.Dataset) -> None:
    """Draw the strongest features of each digit in a row, and those of the untrained network."""
    trained, untrained = (one.sel(network=name) for name in BOTH)
    rows = {f"{digit}": trained.where(trained.digit == digit) for digit in range(DIGITS)}
    rows["untrained\nnetwork"] = untrained
    bars = f"bars: logits 0 to 9, own digit blue; red frame: purity {PURE} or less"
    # deeper layers have no direction in pixels
    directions = ["direction in pixels, to first order"] if one.depth == 1 else []
    titles = [f"mean image of the top tenth of activations\n{bars}", *directions]
    titles.append("images that activate the first of the row most")
    grid = plotting.panels(place, list(rows), titles)
    for ax in grid[0]:
        ax.title.set(fontsize=6.5, color=plotting.MUTED)
    for axes, features in zip(grid, rows.values(), strict=True):
        alive = features.isel(dictionary_feature=features.purity.notnull())
        strongest = np.argsort(-alive.activation.values)[:SHOWN]
        draw_row(axes, alive.isel(dictionary_feature=strongest))


def draw_row(axes: np.ndarray, features: xr.Dataset) -> None:
    """Draw a row of features: means with logit weights below, directions, examples of the first."""
    pixels, directions = features.sizes["pixel"], [features.pixel_direction] * (len(axes) - 2)
    first = features.top_image.values[:1].reshape(-1, pixels)
    for ax, images in zip(axes, [features.mean_image, *directions, first], strict=True):
        plotting.image_tiles(ax, images, SHOWN)
        ax.set(ylim=(1.45 * pixels**0.5, -0.5), facecolor="none")
    impure = np.flatnonzero(features.purity <= PURE)
    plotting.tile_bars(axes[0], pixels, features.logit_weight, features.digit, impure)
    axes[0].yaxis.label.set(rotation=0, ha="right", va="center")
