"""What hidden units respond to, the directions of digits in the last layer, and panels on both."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

import toymodels as tm
from experiments.mnist._networks import DIGITS
from toymodels import geometry, plotting, selectivity

SHOWN_IMAGES = 500  # of the projections
SILENT = 1e-3  # or less of the most active unit's activation, each on its own digit
UNITS = 5  # that are drawn of each digit
WORKS = 0.9  # accuracy of a network that has not collapsed


def look(objective: Any, model: tm.MLP, _key: Any) -> dict[str, Any]:
    """Measure a network on the test images."""
    test = objective.test
    h = jnp.stack(model.hidden(tm.as_columns(test.images)))
    means = selectivity.class_means(h, test.labels, DIGITS)
    along = selectivity.class_directions(means[-1])
    last = h[-1, :, :SHOWN_IMAGES] - means[-1].mean(axis=1, keepdims=True)
    # the images of a digit are at 1 along its direction, on average
    projection = along.T @ last / jnp.maximum(jnp.sum(along**2, axis=0), 1e-12)[:, None]
    return {"accuracy": tm.accuracy(model, test), "class_mean": means, "projection": projection}


LAYER = "layer", "hidden", "label"
PROBE = tm.Probe(look, {"accuracy": (), "class_mean": LAYER, "projection": ("label", "image")})


def measured(models: xr.Dataset) -> xr.Dataset:
    """Measure networks [pressure, seed] by their last hidden layer, NaN where one has collapsed.

    `digits` is how many a unit responds to, the median of the live ones; `dimensionality` that of
    the digits' directions, their mean.
    """
    means = models.class_mean.isel(layer=-1)
    D = geometry.dimensionality(selectivity.class_directions(means.values)).mean(axis=-1)
    digits = xr.DataArray(selectivity.effective_classes(means.values), dims=means.dims[:-1])
    found = models[["accuracy"]].assign(digits=digits.median("hidden"))
    found = found.assign(dimensionality=(found.digits.dims, D))
    return found.where(found.accuracy > WORKS)


def draw_widths(ax: Axes, by_depth: dict[int, list[xr.Dataset]]) -> None:
    """Draw accuracy without pressure against width."""
    for depth, models in by_depth.items():
        widths = [one.width.item() for one in models]
        accuracy = [one.accuracy.sel(pressure=0) for one in models]
        plotting.restart_lines(ax, widths, accuracy, label=f"{depth}")
    plotting.log_axis(ax.xaxis, widths)
    ax.set(xlabel="units in each hidden layer", title="test accuracy without pressure")
    ax.legend(title="hidden layers", title_fontsize=7)


def draw_pressures(axes: Sequence[Axes], widest: list[xr.Dataset]) -> None:
    """Draw what is measured of the widest networks against pressure, while they work."""
    accuracy, digits, simplex = axes
    for found in map(measured, widest):
        for ax, values in zip(axes, found.values(), strict=True):
            plotting.restart_lines(ax, range(len(values)), values)
            plotting.even_axis(ax.xaxis, found.pressure)
            ax.set_xlabel("pressure")
    accuracy.set_title(f"test accuracy, {widest[0].width.item()} units, if above {WORKS}")
    digits.set(ylim=(1, None), title="digits that a unit responds to (median)")
    simplex.axhline(0.9, color=plotting.FAINT, zorder=0)
    simplex.set(ylim=(None, 0.96), title="dimensionality of directions (line: simplex)")


def draw_network(place: FigureBase, network: xr.Dataset, pair: tuple[int, int]) -> None:
    """Draw the first layer's units by the digit that they prefer, and the digits' directions."""
    axes = place.subplot_mosaic([["tiles", "heat", "cosines"], ["tiles", "heat", "images"]],
                                width_ratios=[UNITS * 0.4, 1.2, 1.8])  # fmt: skip
    units = draw_units(axes["tiles"], axes["heat"], network)
    draw_directions(axes["cosines"], axes["images"], network, pair)
    silent = network.sizes["hidden"] - units
    title = f"pressure {plotting.plain_number(network.pressure.item())}: {units} units"
    place.suptitle(f"{title} of the first hidden layer, {silent} silent left out", fontsize=8)


def draw_units(tiles: Axes, heat: Axes, network: xr.Dataset) -> int:
    """Draw input weights of the most active units, and what all but the silent respond to."""
    means = network.class_mean.isel(layer=0).values
    prefers, most = means.argmax(axis=-1), means.max(axis=-1)
    order = np.lexsort((-most, prefers))  # the most active of each digit first
    order = order[most[order] > SILENT * most.max()]
    digits = [f"{digit}" for digit in range(DIGITS)]
    plotting.tile_rows(tiles, network.W_in.values[order], prefers[order], digits, UNITS)
    tiles.set(title="input weights, blue +, red -", ylabel="digit that a unit responds to most")
    shares = means[order] / means[order].sum(axis=1, keepdims=True)
    plotting.heat_map(heat, shares if len(order) else np.zeros((1, DIGITS)))
    heat.set_xticks(range(DIGITS), digits)
    heat.set(title="activation by\ndigit, all units", xlabel="white 0, blue all")
    return len(order)


def draw_directions(matrix: Axes, cloud: Axes, network: xr.Dataset, pair: tuple[int, int]) -> None:
    """Draw the cosines between the digits' directions, and images along two of them."""
    values = direction_cosines(network) + np.eye(DIGITS)
    plotting.heat_map(matrix, values).axes.set_aspect("equal")
    matrix.set(title="cosines of directions,\nblue 1, red -1", xticks=pair, yticks=pair)
    places, digit = network.projection.values[list(pair)], network.digit.values
    x, y = places[:, ~np.isin(digit, pair)]
    cloud.scatter(x, y, 3, plotting.FAINT)
    for one in pair:  # each image as the digit that it shows
        x, y = places[:, digit == one]
        cloud.scatter(x, y, 14, plotting.INK, marker=f"${one}$", linewidths=0.1)
    cloud.set(xlim=(-1.7, 2.7), ylim=(-1.7, 2.7), aspect="equal", xticks=[0, 1], yticks=[0, 1])
    cloud.set(xlabel=f"images along {pair[0]} (grey: others)", ylabel=f"along {pair[1]}")


def direction_cosines(network: xr.Dataset) -> np.ndarray:
    """Measure the cosines [label, label] of the digits' directions, 0 on the diagonal."""
    means = network.class_mean.isel(layer=-1).values
    return np.asarray(geometry.cosines(selectivity.class_directions(means)))


def most_alike(network: xr.Dataset) -> tuple[int, int]:
    """Find the two digits whose directions are most alike."""
    first, second = divmod(int((direction_cosines(network) - 2 * np.eye(DIGITS)).argmax()), DIGITS)
    return first, second
