"""Panels of dictionary recovery, each of one size of toy model over feature sparsity."""

import numpy as np

from experiments.dictionary_learning._measures import at_best_l1, mmcs, toy_weights
from toymodels import geometry, plotting


def draw_directions(row, models):
    """Draw features in the plane, and what the autoencoder with the lowest loss found."""
    models = at_best_l1(models)
    W = toy_weights(models)
    limit = 1.15 * max(1.0, float(geometry.norms(W).max()))
    restart = models.dictionary_loss.argmin("dictionary_seed")
    D = models.W_dec.isel(dictionary_seed=restart).transpose("sparsity", "hidden", ...).values
    axes = row.subplots(1, len(W))
    for ax, w, d, S in zip(axes, W, D, models.sparsity.values, strict=True):
        plotting.directions_over(ax, w, d, limit)
        ax.set_title(plotting.sparsity_label(S))
    remark = "blue: true features; rings: decoder directions of the autoencoder, best L1"
    row.supxlabel(remark, fontsize="small", color=plotting.MUTED)


def draw_mmcs(ax, models):
    """Draw the mean max cosine of autoencoders, restarts as dots, and of the baselines."""
    best, chance = at_best_l1(models), mmcs(models, "baseline_max_cosine")
    places = np.arange(models.sizes["sparsity"])
    for name, style in BASELINE_STYLES.items():
        ax.plot(places, chance.sel(baseline=name), **style, label=name)
    own = mmcs(best, "max_cosine")
    ax.plot(places, own.mean("dictionary_seed"), "-", color=plotting.FEATURE, label="autoencoder")
    for seed in own.transpose("dictionary_seed", ...).values:
        ax.plot(places, seed, "o", color=plotting.FEATURE, markersize=3)
    ax.set_xticks(places, sparsity_ticks(models))
    ax.set(ylim=(0.35, 1.03), title=f"n = {int(models.n)}, m = {models.sizes['hidden']}")
    ax.set_xlabel("S (feature sparsity)")


def draw_grid(ax, models):
    """Draw the autoencoders' mean max cosine over L1 coefficient and sparsity."""
    values = mmcs(models, "max_cosine").mean("dictionary_seed").transpose("l1", "sparsity").values
    ax.imshow(values, cmap=plotting.MMCS_CMAP, vmin=0.5, vmax=1, aspect="auto", origin="lower")
    for (i, j), value in np.ndenumerate(values):
        ink = "white" if value > 0.8 else plotting.INK
        ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=6, color=ink)
    ax.set_xticks(range(models.sizes["sparsity"]), sparsity_ticks(models))
    ax.set_yticks(range(models.sizes["l1"]), map(plotting.plain_number, models.l1.values))
    ax.set(xlabel="S (feature sparsity)")


def draw_features(ax, models):
    """Draw how well each feature is recovered against its length in the toy model."""
    best = at_best_l1(models)
    lengths = geometry.norms(toy_weights(models))
    cosines = best.max_cosine.mean("dictionary_seed").transpose("sparsity", "feature").values
    colors = plotting.importance_colors(1 - models.sparsity.values * 0.99)
    for S, color, x, y in zip(models.sparsity.values, colors, lengths, cosines, strict=True):
        ax.plot(x, y, "o", color=color, markersize=2.5, label=plotting.sparsity_label(S))
    ax.axvline(0.5, color=plotting.FAINT, linewidth=0.8, zorder=0)
    ax.set(xlabel=r"$|W_i|$ (length of the true feature)", ylim=(0, 1.05))


BASELINE_STYLES = {
    "scikit-learn": {"color": plotting.INK, "linestyle": "--", "marker": "s"},
    "PCA": {"color": plotting.MUTED, "linestyle": "-.", "marker": "^"},
    "random": {"color": plotting.MUTED, "linestyle": ":"},
}
PANELS = {
    "MMCS at the best L1": draw_mmcs,
    "L1 coefficient, MMCS as colour": draw_grid,
    "max cosine of each feature": draw_features,
}


def sparsity_ticks(models):
    return [plotting.sparsity_label(S).removeprefix("S = ") for S in models.sparsity.values]
