"""Panels on the features of dictionaries: how pure they are, and what they look like."""

from itertools import pairwise

import numpy as np
from matplotlib.patches import Rectangle

from experiments.mnist._features import PURE, agreement, share_pure
from toymodels import plotting

COLUMNS = 8  # templates of a digit
TILE, BAR, ROW, SPACE = 0.42, 0.14, 0.62, 0.28  # inches
LEFT, TOP = 0.72, 3.5  # inches: where the first tile is
BINS = (0.0, 0.5, 0.7, 0.9, 1.0)


def draw_scan(axes, dataset, largest):
    """Draw the share of pure features over L0 and over shapes, and the agreement of logits."""
    small, large, shapes, logits = axes
    colors = colors_of(dataset)
    at = {"width": dataset.width.values[-1], "depth": dataset.depth.values[0]}
    for ax, place in ((small, 0), (large, -1)):
        draw_sparsity(ax, dataset.sel(at).isel(expansion=place), colors)
    draw_shapes(shapes, share_pure(largest), colors)
    draw_agreement(logits, largest, colors)
    for ax in axes:
        ax.set(ylim=(0, 1.02))
    small.set(ylabel=f"share of purity > {PURE}")
    large.legend(fontsize=6.5, loc="upper right")


def colors_of(dataset):
    """Give each way to code a colour."""
    names = [*dataset.coding.values, "L1"]
    return dict(zip(names, [plotting.INK, *plotting.feature_colors(len(names) - 1)], strict=True))


def draw_sparsity(ax, one, colors):
    """Draw the share of pure features of one network over the number of active features."""
    shares, k = share_pure(one), one.k.values
    for coding in one.coding.values:
        ax.plot(k, shares.sel(coding=coding), "o-", ms=3, color=colors[coding], label=coding)
    order = np.argsort(one.l1_l0.values)
    ax.plot(one.l1_l0[order], one.l1_pure[order], "s--", ms=3, color=colors["L1"], label="L1")
    plotting.log_axis(ax.xaxis, [*k, 2 * k[-1]])
    features = one.expansion.item() * one.width.item()
    ax.set_xlim(0.8 * k[0], 2.2 * k[-1])
    ax.set(xlabel="active features (L0)", title=f"{one.width.item()} units, {features} features")


def draw_shapes(ax, shares, colors):
    """Draw the share of pure features in each shape of network."""
    shapes = [(width, depth) for depth in shares.depth.values for width in shares.width.values]
    for coding in shares.coding.values:
        values = [shares.sel(width=w, depth=d, coding=coding).item() for w, d in shapes]
        ax.plot(values, "o", ms=4, color=colors[coding])
    ax.set_xticks(range(len(shapes)), [f"{w}\nx {d}" for w, d in shapes], fontsize=6)
    ax.set(xlabel="units x hidden layers", xlim=(-0.5, len(shapes) - 0.5))
    ax.set_title(f"all shapes, k = {shares.k.item()}, {shares.expansion.item()} features a unit")


def draw_agreement(ax, largest, colors):
    """Draw how often a feature's own digit has its largest logit weight, by purity."""
    for coding in ("TopK", "untrained"):
        one = largest.sel(coding=coding)
        chosen = [(one.purity > low) & (one.purity <= high) for low, high in pairwise(BINS)]
        found = [agreement(one, inside, one.purity.dims).item() for inside in chosen]
        ax.plot(found, "o-", ms=3, color=colors[coding], label=coding)
    ax.axhline(0.1, color=plotting.FAINT, zorder=0)
    labels = [f"{low:g} to\n{high:g}" for low, high in pairwise(BINS)]
    ax.set_xticks(range(len(labels)), labels, fontsize=7)
    ax.set(xlabel="purity", title="largest logit weight is own digit")


def draw_tiles(figure, dataset, dictionaries):
    """Draw the strongest features of each digit in a row, and those of the untrained network."""
    trained, untrained = (dataset.sel(network=name) for name in ("trained", "untrained"))
    features, control = dictionaries.sel(coding="TopK"), dictionaries.sel(coding="untrained")
    digits = dataset.label.values
    for row, digit in enumerate(digits):
        chosen = strongest(features, features.digit.values == digit)
        draw_row(figure, row, str(digit), trained, features, chosen)
    chosen = strongest(control, np.isfinite(control.digit.values))
    draw_row(figure, len(digits) + 0.4, "untrained\nnetwork", untrained, control, chosen)
    layers = "1 hidden layer" if features.depth == 1 else f"{features.depth.item()} hidden layers"
    titles = (
        f"TopK {features.k.item()}, {layers}: mean image of the top tenth of activations.\n"
        f"Bars: logits 0 to 9, own digit in blue. Red frame: purity {PURE} or less.",
        "Direction in pixels, to first order" if has_pixels(features) else "",
        "Images that activate the first of the row most",
    )
    for block, title in enumerate(titles):
        x, y = left(block) / figure.get_figwidth(), 1 - (TOP - 0.08) / figure.get_figheight()
        figure.text(x, y, title, fontsize=6.5, va="bottom", color=plotting.MUTED)


def has_pixels(features):
    """Whether the features' directions are those of the first hidden layer."""
    return features.depth.item() == 1


def strongest(features, candidates):
    """Return the features with the largest mean activation among the candidates, in order."""
    activation = np.where(candidates, features.activation.values, -np.inf)
    order = np.argsort(-activation)[:COLUMNS]
    return order[np.isfinite(activation[order])]


def draw_row(figure, row, label, looks, features, chosen):
    """Draw a row of features: means with logit weights below, directions, examples of the first."""
    x, y = LEFT - 0.08, top(row) + TILE / 2
    figure.text(
        x / figure.get_figwidth(), 1 - y / figure.get_figheight(), label, ha="right", va="center"
    )
    if not len(chosen):
        return
    mean = draw_images(figure, 0, row, looks.mean_image.values[chosen])
    if has_pixels(features):
        draw_images(figure, 1, row, looks.pixel_direction.values[chosen])
    draw_images(figure, 2, row, looks.top_image.values[chosen[0]])
    side = round(looks.sizes["pixel"] ** 0.5)
    pitch = side + max(1, side // 14)
    for place in np.flatnonzero(features.purity.values[chosen] <= PURE):
        mean.add_patch(impure_frame(place * pitch, side))
    bars = axes_at(figure, 0, row + (TILE + 0.02) / ROW, BAR)
    for place, feature in enumerate(chosen):
        draw_bars(bars, place, looks.logit_weight.values[feature], features.digit[feature].item())
    bars.set(xlim=(0, COLUMNS), ylim=(-1, 1))
    bars.set_axis_off()
    bars.axhline(0, 0, len(chosen) / COLUMNS, color=plotting.FAINT, linewidth=0.5, zorder=0)


def draw_images(figure, block, row, images):
    """Draw a row of tiles, as wide as it has images."""
    ax = axes_at(figure, block, row, TILE, len(images))
    plotting.image_tiles(ax, images, len(images))
    return ax


def impure_frame(x, side):
    """Return a red frame around a tile: the feature is no template."""
    return Rectangle((x - 0.5, -0.5), side, side, fill=False, color=plotting.SUPERPOSED, lw=0.8)


def draw_bars(ax, place, weights, digit):
    """Draw logit weights about their mean below a tile, its own digit in blue."""
    weights = weights - weights.mean()
    weights = weights / np.abs(weights).max()
    x = place + (np.arange(len(weights)) + 0.5) / len(weights) * 0.93
    colors = [plotting.FEATURE if i == digit else plotting.MUTED for i in range(len(weights))]
    ax.bar(x, weights, 0.07, color=colors, linewidth=0)


def left(block):
    """Return where a block of tiles begins, in inches."""
    return LEFT + block * (COLUMNS * TILE + SPACE)


def top(row):
    """Return where a row of tiles begins, in inches below the figure's upper edge."""
    return TOP + row * ROW


def axes_at(figure, block, row, height, tiles=COLUMNS):
    """Place axes by hand: rows of square tiles with bars in line leave nothing to lay out."""
    width, total = figure.get_figwidth(), figure.get_figheight()
    bottom = 1 - (top(row) + height) / total
    return figure.add_axes((left(block) / width, bottom, tiles * TILE / width, height / total))
