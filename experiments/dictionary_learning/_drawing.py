"""Panels of dictionary recovery, each of one size of toy model over feature sparsity."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from experiments.dictionary_learning._measures import at_best_l1, mmcs, toy_weights
from toymodels import geometry, plotting

BASELINE_STYLES: dict[str, dict[str, Any]] = {
    "scikit-learn": {"color": plotting.INK, "linestyle": "--", "marker": "s"},
    "PCA": {"color": plotting.MUTED, "linestyle": "-.", "marker": "^"},
    "random": {"color": plotting.MUTED, "linestyle": ":"},
}


def draw_directions(row: FigureBase, models: xr.Dataset) -> None:
    """Draw features in the plane, and what the autoencoder with the lowest loss found."""
    models = at_best_l1(models)
    W = toy_weights(models).values
    restart = models.dictionary_loss.argmin("dictionary_seed")
    found = models.W_dec.isel(dictionary_seed=restart).values
    limit = plotting.shared_limit(1.0, geometry.norms(W), margin=1.15)
    titles = [plotting.sparsity_label(S) for S in models.sparsity.values]
    for ax, w, D in zip(plotting.panels(row, [""], titles)[0], W, found, strict=True):
        plotting.directions_over(ax, w, D, limit)
    remark = "blue: true features; rings: decoder directions of the autoencoder, best L1"
    row.supxlabel(remark, fontsize="small", color=plotting.MUTED)


def draw_mmcs(ax: Axes, models: xr.Dataset) -> None:
    """Draw the mean max cosine of autoencoders, restarts as dots, and of the baselines."""
    own, others = mmcs(at_best_l1(models)), mmcs(models, "baseline_max_cosine")
    places = np.arange(models.sizes["sparsity"])
    for name, style in BASELINE_STYLES.items():
        ax.plot(places, others.sel(baseline=name), **style, label=name)
    ax.plot(places, own.mean("dictionary_seed"), "-", color=plotting.FEATURE, label="autoencoder")
    ax.plot(places, own.values, "o", color=plotting.FEATURE, markersize=3)
    ax.set_xticks(places, sparsity_ticks(models))
    ax.set(ylim=(0.3, 1.03), xlabel="S (feature sparsity)")


def draw_grid(ax: Axes, models: xr.Dataset) -> None:
    """Draw the autoencoders' mean max cosine over L1 coefficient and sparsity."""
    values = mmcs(models).mean("dictionary_seed").values.T
    ax.imshow(values, cmap=plotting.MMCS_CMAP, vmin=0.5, vmax=1, aspect="auto", origin="lower")
    for (i, j), value in np.ndenumerate(values):
        ink = "white" if value > 0.8 else plotting.INK
        ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=6, color=ink)
    ax.set_xticks(range(models.sizes["sparsity"]), sparsity_ticks(models))
    ax.set_yticks(range(models.sizes["l1"]), map(plotting.plain_number, models.l1.values))
    ax.set_xlabel("S (feature sparsity)")


def draw_features(ax: Axes, models: xr.Dataset) -> None:
    """Draw how well each feature is recovered against its length in the toy model."""
    lengths = geometry.norms(toy_weights(models).values)
    cosines = at_best_l1(models).max_cosine.mean("dictionary_seed").values
    colors = plotting.importance_colors(1 - models.sparsity.values * 0.99)
    for S, color, x, y in zip(models.sparsity.values, colors, lengths, cosines, strict=True):
        ax.plot(x, y, "o", color=color, markersize=2.5, label=plotting.sparsity_label(S))
    ax.axvline(0.5, color=plotting.FAINT, linewidth=0.8, zorder=0)
    ax.set(xlabel=r"$|W_i|$ (length of the true feature)", ylim=(0, 1.05))


def sparsity_ticks(models: xr.Dataset) -> list[str]:
    return [plotting.sparsity_label(S).removeprefix("S = ") for S in models.sparsity.values]


PANELS = {
    "MMCS at the best L1": draw_mmcs,
    "L1 coefficient, MMCS as colour": draw_grid,
    "max cosine of each feature": draw_features,
}
