"""Measures and panels of hidden units and of the directions of digits."""

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

PROJECTED = 500  # test images
SILENT = 1e-3  # silent: below this share of the most active unit's activation, each on its digit
UNITS = 5  # drawn per digit
WORKS = 0.9  # least accuracy of a network that has not collapsed


def measure_network(objective: Any, network: tm.MLP, _key: Any) -> dict[str, Any]:
    """Measure a network's accuracy, and the responses of its units to the test images."""
    test = objective.test
    h = jnp.stack(network.hidden(tm.as_columns(test.images)))
    means = selectivity.class_means(h, test.labels, DIGITS)
    directions = selectivity.class_directions(means[-1])
    last = h[-1, :, :PROJECTED] - means[-1].mean(axis=1, keepdims=True)
    # scaled so that the mean projection of a digit's images is 1
    lengths = jnp.maximum(jnp.sum(directions**2, axis=0), 1e-12)[:, None]
    return {
        "accuracy": tm.accuracy(network, test),
        "class_mean": means,
        "projection": directions.T @ last / lengths,
    }


LAYERS = ("layer", "hidden", "label")
PROBE = tm.Probe(
    measure_network, {"accuracy": (), "class_mean": LAYERS, "projection": ("label", "image")}
)


def measure_last_layer(networks: xr.Dataset) -> xr.Dataset:
    """Measure the last hidden layer of each network; NaN if the network has collapsed.

    `digits` is the number of digits that a unit responds to, the median over active units;
    `dimensionality` is the mean dimensionality of the digits' directions.
    """
    means = networks.class_mean.isel(layer=-1)
    directions = selectivity.class_directions(means)
    measures = xr.Dataset(
        {
            "accuracy": networks.accuracy,
            "digits": selectivity.effective_classes(means).median("hidden"),
            "dimensionality": geometry.dimensionality(directions).mean("label"),
        }
    )
    return measures.where(networks.accuracy > WORKS)


def draw_widths(ax: Axes, accuracy: xr.DataArray) -> None:
    """Draw accuracy [depth, width, seed] without pressure against width."""
    for depth in accuracy.depth.values:
        plotting.restart_lines(ax, accuracy.width, accuracy.sel(depth=depth), label=f"{depth}")
    plotting.log_axis(ax.xaxis, accuracy.width)
    ax.set(xlabel="units in each hidden layer", title="test accuracy without pressure")
    ax.legend(title="hidden layers", title_fontsize=7)


def draw_pressures(axes: Sequence[Axes], measures: xr.Dataset) -> None:
    """Draw measures [depth, pressure, seed] of the widest networks against pressure."""
    accuracy, digits, simplex = axes
    for ax, measure in zip(axes, measures.values(), strict=True):
        by_depth = {f"{one.depth:d}": one for one in measure.transpose("depth", "pressure", "seed")}
        plotting.restart_sweeps(ax, measures.pressure, by_depth)
        ax.set_xlabel("pressure")
    accuracy.set_title(f"test accuracy, {measures.width.item()} units, if above {WORKS}")
    digits.set(ylim=(1, None), title="digits that a unit responds to (median)")
    simplex.axhline(0.9, color=plotting.FAINT, zorder=0)
    simplex.set(ylim=(None, 0.96), title="dimensionality of directions (line: simplex)")


def draw_network(place: FigureBase, network: xr.Dataset, pair: tuple[int, int]) -> None:
    """Draw the units of the first layer, sorted by digit, and the directions of the digits."""
    axes = place.subplot_mosaic(
        [["tiles", "heat", "cosines"], ["tiles", "heat", "images"]],
        width_ratios=[UNITS * 0.4, 1.2, 1.8],
    )
    units = draw_units(axes["tiles"], axes["heat"], network)
    draw_cosines(axes["cosines"], network, pair)
    draw_images(axes["images"], network, pair)
    silent = network.sizes["hidden"] - units
    title = f"pressure {plotting.plain_number(network.pressure.item())}: {units} units"
    place.suptitle(f"{title} of the first hidden layer, {silent} silent left out", fontsize=8)


def draw_units(tiles: Axes, heat: Axes, network: xr.Dataset) -> int:
    """Draw the active units of the first layer, sorted by digit, and return their number."""
    means = network.class_mean.isel(layer=0)
    digit, most = means.argmax("label"), means.max("label")
    order = np.lexsort((-most, digit))  # the most active of each digit first
    order = order[most[order] > SILENT * most.max()]
    digits = [f"{digit}" for digit in range(DIGITS)]
    plotting.tile_rows(tiles, network.W_in[order], digit[order], digits, UNITS)
    tiles.set(title="input weights, blue +, red -", ylabel="digit that a unit responds to most")
    shares = (means / means.sum("label"))[order]
    plotting.heat_map(heat, shares if len(order) else np.zeros((1, DIGITS)))
    plotting.even_axis(heat.xaxis, digits)
    heat.set(title="activation by\ndigit, all units", xlabel="white 0, blue all")
    return len(order)


def draw_cosines(ax: Axes, network: xr.Dataset, pair: tuple[int, int]) -> None:
    """Draw the cosines between the digits' directions, and mark the pair."""
    cosines = direction_cosines(network) + np.eye(DIGITS)
    plotting.heat_map(ax, cosines).axes.set_aspect("equal")
    ax.set(title="cosines of directions,\nblue 1, red -1", xticks=pair, yticks=pair)


def draw_images(ax: Axes, network: xr.Dataset, pair: tuple[int, int]) -> None:
    """Draw the projections of test images on the directions of two digits."""
    projection = network.projection.isel(label=list(pair))
    x, y = projection[:, ~projection.digit.isin(pair)]
    ax.scatter(x, y, s=3, color=plotting.FAINT)
    for digit in pair:
        x, y = projection[:, projection.digit == digit]
        ax.scatter(x, y, s=14, color=plotting.INK, marker=f"${digit}$", linewidths=0.1)
    ax.set(xlim=(-1.7, 2.7), ylim=(-1.7, 2.7), aspect="equal", xticks=[0, 1], yticks=[0, 1])
    ax.set(xlabel=f"images along {pair[0]} (grey: others)", ylabel=f"along {pair[1]}")


def direction_cosines(network: xr.Dataset) -> xr.DataArray:
    """Return cosines between the digits' directions in the last layer, 0 on the diagonal."""
    return geometry.cosines(selectivity.class_directions(network.class_mean.isel(layer=-1)))


def most_alike(network: xr.Dataset) -> tuple[int, int]:
    """Return the two digits whose directions have the largest cosine."""
    others = direction_cosines(network) - 2 * np.eye(DIGITS)
    first, second = others.argmax(["label", "label_other"]).values()
    return first.item(), second.item()
