"""Panels on the hidden units of networks, and on the directions of the digits in them."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from experiments.mnist._units import (
    WORKS,
    digits_per_unit,
    dimensionality,
    last_directions,
    while_it_works,
)
from toymodels import geometry, plotting, selectivity


def draw_widths(ax: Axes, by_depth: dict[int, list[xr.Dataset]]) -> None:
    """Draw accuracy without pressure against width, each restart a dot."""
    for depth, models in by_depth.items():
        widths = [one.width.item() for one in models]
        accuracy = 100 * np.array([one.accuracy.sel(pressure=0).values for one in models])
        (line,) = ax.plot(widths, accuracy.mean(axis=1), label=depth)
        ax.plot(widths, accuracy, "o", color=line.get_color(), markersize=2)
    plotting.log_axis(ax.xaxis, widths)
    ax.set(xlabel="units in each hidden layer", title="test accuracy in %, no pressure")
    ax.legend(title="hidden layers")


def draw_pressures(axes: Sequence[Axes], widest: list[xr.Dataset]) -> None:
    """Draw three quantities of the widest networks against pressure, while they work."""
    pressure = widest[0].pressure.values
    places = np.arange(len(pressure))
    for models in widest:
        quantities = 100 * models.accuracy.values, digits_per_unit(models), dimensionality(models)
        for ax, quantity in zip(axes, quantities, strict=True):
            (line,) = ax.plot(places, while_it_works(models, quantity))
            working = np.where(models.accuracy > WORKS, quantity, np.nan)
            ax.plot(places, working, "o", color=line.get_color(), markersize=2)
    for ax in axes:
        ax.set_xticks(places, [plotting.plain_number(p) for p in pressure])
        ax.set(xlabel="pressure", xlim=(-0.3, places[-1] + 0.3))
    accuracy, digits, simplex = axes
    units = widest[0].width.item()
    accuracy.set(title=f"test accuracy in %, {units} units, if above {100 * WORKS:.0f}")
    digits.set(ylim=(1, None), title="digits a unit responds to (median)")
    simplex.axhline(0.9, color=plotting.FAINT, zorder=0)
    simplex.annotate("simplex", (0, 0.9), (0, 2), textcoords="offset points", fontsize=7)
    simplex.set(ylim=(None, 0.96), title="dimensionality of a digit's direction")


def draw_units(tiles: Axes, heat: Axes, network: xr.Dataset) -> None:
    """Draw the first layer's input weights, and what its units respond to, in the same order."""
    means = network.class_mean.isel(layer=0).values
    selective = selectivity.class_selectivity(means)
    # by the digit that they prefer, the most selective first, and the silent ones last
    order = np.lexsort((-selective, means.argmax(axis=-1), np.isnan(selective)))
    means = means[order]
    plotting.image_tiles(tiles, network.W_in.values[order], round(len(order) ** 0.5))
    plotting.heat_map(heat, means / np.maximum(means.sum(axis=1, keepdims=True), 1e-12))
    heat.set_xticks(range(means.shape[1]), map(str, range(means.shape[1])))
    pressure = plotting.plain_number(network.pressure.item())
    layers = "one hidden layer" if network.depth == 1 else "first hidden layer"
    tiles.set_title(f"pressure {pressure}: input weights of {len(order)} units, {layers}")
    heat.set_title("their activation, shared among digits")


def draw_directions(panels: np.ndarray, networks: xr.Dataset) -> None:
    """Draw the cosines between the digits' directions, and images along two of them, by pressure.

    The two digits are those whose directions are most alike without pressure.
    """
    cosines = geometry.cosines(last_directions(networks))  # 0 on the diagonal
    digits = np.arange(cosines.shape[-1])
    pair = divmod(int(cosines[0].argmax()), len(digits))
    for i, (matrix, cloud) in enumerate(panels.T):
        plotting.heat_map(matrix, cosines[i] + np.eye(len(digits)))
        matrix.set(aspect="equal")
        matrix.set_xticks(digits, digits, fontsize=5)
        matrix.set_yticks(digits, digits, fontsize=5)
        draw_cloud(cloud, networks.isel(pressure=i), pair)
    panels[1, 0].set(ylabel=f"images along {pair[1]}")
    panels[1, 0].legend(markerscale=2, loc="upper left", handletextpad=0.1)


def draw_cloud(ax: Axes, network: xr.Dataset, pair: Sequence[int]) -> None:
    """Draw the images along the directions of two digits."""
    x, y = network.projection.values[list(pair)]
    digit = network.digit.values
    groups = {"others": ~np.isin(digit, pair)} | {f"{one}": digit == one for one in pair}
    colors = [plotting.MUTED, *plotting.feature_colors(2)]
    for (label, own), color in zip(groups.items(), colors, strict=True):
        ax.scatter(x[own], y[own], s=3, color=color, linewidths=0, alpha=0.6, label=label)
    ax.set(xlim=(-1.7, 2.7), ylim=(-1.7, 2.7), aspect="equal", xticks=[0, 1], yticks=[0, 1])
    ax.set(xlabel=f"along {pair[0]}")
