"""What hidden units respond to, the directions of digits in the last layer, and panels on both."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

import toymodels as tm
from experiments.mnist._networks import DIGITS
from toymodels import geometry, plotting, selectivity

SHOWN_IMAGES = 500  # of the projections
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
    ax.set(xlabel="units in each hidden layer", title="test accuracy, no pressure")
    ax.legend(title="hidden layers")


def draw_pressures(axes: Sequence[Axes], widest: list[xr.Dataset]) -> None:
    """Draw what is measured of the widest networks against pressure, while they work."""
    accuracy, digits, simplex = axes
    for found in map(measured, widest):
        for ax, values in zip(axes, found.values(), strict=True):
            plotting.restart_lines(ax, range(len(values)), values)
            plotting.even_axis(ax.xaxis, found.pressure)
            ax.set_xlabel("pressure")
    accuracy.set_title(f"test accuracy, {widest[0].width.item()} units, if above {WORKS}")
    digits.set(ylim=(1, None), title="digits a unit responds to (median)")
    simplex.axhline(0.9, color=plotting.FAINT, zorder=0)
    simplex.set(ylim=(None, 0.96), title="dimensionality of a digit (line: simplex)")


def draw_units(tiles: Axes, heat: Axes, network: xr.Dataset) -> None:
    """Draw the first layer's input weights, and what its units respond to, in the same order."""
    means = network.class_mean.isel(layer=0).values
    selective = selectivity.class_selectivity(means)
    # by the digit that they prefer, the most selective first, and the silent ones last
    order = np.lexsort((-selective, means.argmax(axis=-1), np.isnan(selective)))
    means, units = means[order], len(order)
    plotting.image_tiles(tiles, network.W_in.values[order], round(units**0.5))
    plotting.heat_map(heat, means / np.maximum(means.sum(axis=1, keepdims=True), 1e-12))
    plotting.even_axis(heat.xaxis, range(DIGITS))
    pressure = plotting.plain_number(network.pressure.item())
    tiles.set_title(f"pressure {pressure}: input weights of {units} units, first hidden layer")
    heat.set_title("their activation, shared among digits")


def draw_directions(panels: np.ndarray, networks: xr.Dataset) -> None:
    """Draw the cosines between the digits' directions, and images along two of them, by pressure.

    The two digits are those whose directions are most alike without pressure.
    """
    last = networks.class_mean.isel(layer=-1).values
    cosines = geometry.cosines(selectivity.class_directions(last))  # 0 on the diagonal
    pair, digit = divmod(int(cosines[0].argmax()), DIGITS), networks.digit.values
    groups = {"others": ~np.isin(digit, pair)} | {f"{one}": digit == one for one in pair}
    colors = [plotting.MUTED, *plotting.feature_colors(2)]
    for i, (matrix, cloud) in enumerate(panels.T):
        plotting.heat_map(matrix, cosines[i] + np.eye(DIGITS)).axes.set_aspect("equal")
        matrix.set_xticks(range(DIGITS), range(DIGITS), fontsize=5)
        matrix.set_yticks(range(DIGITS), range(DIGITS), fontsize=5)
        places = networks.projection.values[i][list(pair)]
        for (label, own), color in zip(groups.items(), colors, strict=True):
            cloud.scatter(*places[:, own], 3, [color], linewidths=0, alpha=0.6, label=label)
        cloud.set(xlim=(-1.7, 2.7), ylim=(-1.7, 2.7), aspect="equal", xticks=[0, 1], yticks=[0, 1])
        cloud.set_xlabel(f"along {pair[0]}")
    panels[1, 0].set(ylabel=f"images along {pair[1]}")
    panels[1, 0].legend(markerscale=2, loc="upper left", handletextpad=0.1)
