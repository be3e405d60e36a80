"""Panels on the hidden units of networks, and on the directions of the digits in them."""

import numpy as np

from experiments.mnist._networks import (
    WORKS,
    digits_per_unit,
    dimensionality,
    direction_cosines,
    in_order,
    of_shape,
    while_it_works,
)
from toymodels import plotting

# as titles and claims name the datasets
NAMES = {"mnist": "MNIST", "digits": "scikit-learn's 8 x 8 digits (not MNIST)"}


def draw_widths(ax, dataset):
    """Draw accuracy without pressure against width, each restart a dot."""
    widths = dataset.width.values
    for depth in dataset.depth.values:
        accuracy = dataset.accuracy.sel(depth=depth, pressure=0).transpose("width", "seed").values
        (line,) = ax.plot(widths, 100 * accuracy.mean(axis=1), label=depth)
        ax.plot(widths, 100 * accuracy, "o", color=line.get_color(), markersize=2)
    ax.set_xscale("log")
    ax.set_xticks(widths, widths)
    ax.minorticks_off()
    ax.set(xlabel="units in each hidden layer", title="test accuracy in %, no pressure")
    ax.legend(title="hidden layers")


def draw_pressures(accuracy, digits, simplex, dataset):
    """Draw three quantities of the widest networks against pressure, while they work."""
    places, width = np.arange(dataset.sizes["pressure"]), dataset.width.values[-1]
    for depth in dataset.depth.values:
        models = of_shape(dataset, depth, width)
        for ax, quantity in (
            (accuracy, 100 * models.accuracy.values),
            (digits, digits_per_unit(models)),
            (simplex, dimensionality(models)),
        ):
            (line,) = ax.plot(places, while_it_works(models, quantity))
            working = np.where(models.accuracy > WORKS, quantity, np.nan)
            ax.plot(places, working, "o", color=line.get_color(), markersize=2)
    for ax in (accuracy, digits, simplex):
        ax.set_xticks(places, [plotting.plain_number(p) for p in dataset.pressure.values])
        ax.set(xlabel="pressure", xlim=(-0.3, places[-1] + 0.3))
    accuracy.set(title=f"test accuracy in %, {width} units, if above {100 * WORKS:.0f}")
    digits.set(ylim=(1, None), title="digits a unit responds to (median)")
    simplex.axhline(0.9, color=plotting.FAINT, zorder=0)
    simplex.annotate("simplex", (0, 0.9), (0, 2), textcoords="offset points", fontsize=7)
    simplex.set(ylim=(None, 0.96), title="dimensionality of a digit's direction")


def draw_units(tiles, heat, network):
    """Draw the first layer's input weights, and what its units respond to, in the same order."""
    means = network.class_mean.isel(layer=0).transpose("hidden", "label").values
    order = in_order(means)
    means = means[order]
    plotting.image_tiles(tiles, network.W_in.values[order], round(len(order) ** 0.5))
    plotting.heat_map(heat, means / np.maximum(means.sum(axis=1, keepdims=True), 1e-12))
    heat.set_xticks(range(means.shape[1]), range(means.shape[1]))
    pressure = plotting.plain_number(network.pressure.item())
    layers = "one hidden layer" if network.sizes["layer"] == 1 else "first hidden layer"
    tiles.set_title(f"pressure {pressure}: input weights of {len(order)} units, {layers}")
    heat.set_title("their activation, shared among digits")


def draw_directions(matrix, cloud, network, pair):
    """Draw the cosines between the digits' directions, and images along two of them."""
    cosines = direction_cosines(network)
    plotting.heat_map(matrix, cosines + np.eye(len(cosines)))
    matrix.set(aspect="equal")
    matrix.set_title(f"pressure {plotting.plain_number(network.pressure.item())}")
    matrix.set_xticks(range(len(cosines)), range(len(cosines)), fontsize=5)
    matrix.set_yticks(range(len(cosines)), range(len(cosines)), fontsize=5)
    x, y = network.projection.sel(label=list(pair)).values
    digit = network.digit.values
    groups = {"others": ~np.isin(digit, pair)} | {f"{one}": digit == one for one in pair}
    colors = [plotting.MUTED, *plotting.feature_colors(2)]
    for (label, own), color in zip(groups.items(), colors, strict=True):
        cloud.scatter(x[own], y[own], s=3, color=color, linewidths=0, alpha=0.6, label=label)
    cloud.set(xlim=(-1.7, 2.7), ylim=(-1.7, 2.7), aspect="equal", xticks=[0, 1], yticks=[0, 1])
    cloud.set(xlabel=f"along {pair[0]}")
