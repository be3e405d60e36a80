"""What the hidden units of small MNIST networks respond to, and what pressure to be sparse does.

Source: Circuits Updates, January 2024 (Transformer Circuits), the note on dictionary learning on
MNIST: fully connected ReLU networks of 1 to 3 hidden layers with 16 to 64 units.

The widest networks are trained at every activation-sparsity pressure, the coefficient of an L1
penalty on all hidden activations, the others without. Polysemanticity of a unit is measured in
digits: the participation ratio of its mean activations on the images of each digit, 1 for a unit
that responds to one digit, 10 for one that responds equally to all. A digit's direction is the
mean of the last hidden layer on its images, less the mean over all digits; ten of them span nine
dimensions, so their dimensionality is at most 9/10, when they are the corners of a simplex. The
lower row shows the widest network of the fewest hidden layers, the best of `restarts` by test
loss, without pressure and at the strongest pressure with nearly the same accuracy. Silent units,
at most a thousandth as active as the most active one, keep their initial weights and are left out.

Findings at `quick`, five epochs: pressure up to 0.003 makes units two to three times as selective
and costs less than half a percentage point of accuracy; at 0.03 all networks of three hidden
layers collapse. Depth by itself does not make units selective: the last layer's units are more
selective than the first's in some restarts, and less in others.

Deviations:
- The source prints no hyper-parameters, accuracies or training lengths: AdamW {learning_rate:g}
  ({schedule} schedule), weight decay {weight_decay:g}, batch {batch_size:,}, {steps:,} steps.
- The pressure on activations, the count of digits, the directions and all claims are ours.
- The lower row shows the best of {restarts} restarts by test loss; all else is of all.
"""

from collections.abc import Iterator
from itertools import product
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import AfterValidator, Field

import toymodels as tm
from experiments.mnist import _units as units
from experiments.mnist._networks import NAMES, OURS, NetworkSpec, train_networks
from toymodels import figure as fig
from toymodels import plotting, selectivity

KEPT = ["W_in", "W_out", "loss", "accuracy", "class_mean", "projection"]

Pressures = Annotated[tuple[fig.NonNegative, ...], Field(min_length=1), AfterValidator(fig.rising)]


class Spec(NetworkSpec):
    """Settings; the source prints none but the shapes."""

    pressure: Pressures = (0.0, 0.001, 0.003, 0.01, 0.03)
    """Coefficients of the L1 penalty, summed over all hidden units; from 0 on."""
    restarts: fig.Count = 3
    steps: fig.Count = 2350

    def check(self) -> None:
        if self.pressure[0] != 0:
            raise ValueError("pressure must start at 0, for comparison")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec, images = lab.spec, lab.images(lab.spec.dataset)
    shapes = []
    for depth, width in product(spec.depth, spec.width):
        # narrower networks are drawn without pressure only
        pressure = spec.pressure if width == spec.width[-1] else (0.0,)
        networks = train_networks(lab, images, depth, width, pressure, units.PROBE)
        digit = images.test.labels[: networks.sizes["image"]]
        shapes.append(networks[KEPT].assign_coords(digit=("image", digit)))
    return tm.gather(shapes)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    networks = tm.best_of(widest(data)[0])
    figure = plotting.figure(11.4, 6.4)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=[1, 2.1])[:, 0]
    by_width, *by_pressure = top.subplots(1, 4)
    units.draw_widths(by_width, accuracy_without_pressure(data))
    units.draw_pressures(by_pressure, last_layers(data))
    # the strongest pressure that keeps 90 % of the accuracy
    works = networks.accuracy >= 0.9 * networks.accuracy.sel(pressure=0)
    pressures = np.unique([0, networks.pressure[works].max()])
    pair = units.most_alike(networks.sel(pressure=0))
    places = bottom.subfigures(1, len(pressures), squeeze=False)[0]
    for place, pressure in zip(places, pressures, strict=True):
        units.draw_network(place, networks.sel(pressure=pressure), pair)
    figure.suptitle(f"Hidden units of networks trained on {NAMES[networks.images.item()]}")
    figure.supxlabel(
        "pressure: the weight of an L1 penalty on all hidden activations; a digit's direction: the "
        "last hidden layer's mean on its images, less that on all",
    )
    return figure


def widest(data: xr.DataTree) -> list[xr.Dataset]:
    """Select the widest networks of each depth."""
    return tm.select_all(data, width=tm.settings(data, "width")[-1])


def last_layers(data: xr.DataTree) -> xr.Dataset:
    """Measure the last layers of the widest networks [depth, pressure, seed]."""
    measures = [units.measure_last_layer(networks) for networks in widest(data)]
    return xr.concat(measures, "depth", coords="minimal", compat="override")


def accuracy_without_pressure(data: xr.DataTree) -> xr.DataArray:
    """Return the accuracy [depth, width, seed] of all networks without pressure."""
    shapes = [shape[["accuracy"]].sel(pressure=0) for shape in tm.select_all(data)]
    grid = [shape.expand_dims(["depth", "width"]) for shape in shapes]
    return xr.combine_by_coords(grid, coords="minimal", compat="override").accuracy


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    accuracy, deepest = accuracy_without_pressure(data), widest(data)[-1]
    width, depth = deepest.width.item(), deepest.depth.item()
    if deepest.images == "mnist" and width >= 64:
        yield OURS.claim(
            f"Accuracy on MNIST of 2 x {width} units without pressure (each restart)"
        ).within(0.97, 1, tm.at(accuracy, depth=2, width=width))
    yield OURS.claim("Accuracy rises with width at every depth (steps of means)").above(
        0, accuracy.mean("seed").diff("width")
    )
    mean = last_layers(data).mean("seed", skipna=False)  # NaN where a restart has collapsed
    plain = mean.sel(pressure=0)
    yield OURS.claim(
        f"Without pressure the last layer's {width} units are polysemantic (median of digits; each "
        "depth)"
    ).within(2, 10, plain.digits)
    if depth > 1:
        means = deepest.class_mean.sel(pressure=0)
        selective = selectivity.class_selectivity(means).median("hidden")
        yield OURS.claim(
            f"The last of {depth} hidden layers is more selective than the first (difference of "
            f"the median class selectivities, {width} units without pressure; each restart)"
        ).above(0, selective.isel(layer=-1) - selective.isel(layer=0))
    if mean.pressure.size > 1:
        yield from pressure_claims(mean, f"{width} units")


def pressure_claims(mean: xr.Dataset, units: str) -> Iterator[fig.Claim]:
    """Compare networks [depth, pressure], NaN if collapsed, with those at pressure 0."""
    plain, pressed = mean.sel(pressure=0), mean.isel(pressure=slice(1, None))
    steps = mean.digits.diff("pressure")
    yield OURS.claim(
        "Each increase of pressure makes units more selective, until the network collapses (steps "
        f"of that median of digits, {units}; each depth)"
    ).below(0, finite(steps))
    strongest = pressed.pressure.where(pressed.accuracy.notnull()).max("pressure")
    survivor = pressed.accuracy.where(pressed.pressure == strongest).max("pressure")
    yield OURS.claim(
        f"The strongest pressure that {units} survive costs accuracy (what is lost; each depth)"
    ).above(0, plain.accuracy - survivor)
    yield OURS.claim(
        "Pressure that is survived brings digits' directions nearer to a simplex's corners (their "
        f"dimensionality above that without pressure, {units}; each depth)"
    ).above(0, finite(pressed.dimensionality - plain.dimensionality))


def finite(values: xr.DataArray) -> np.ndarray:
    """Return the finite values: those of networks that have not collapsed."""
    return values.values[np.isfinite(values.values)]


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        dataset="digits",
        depth=(1, 2),
        width=(32,),
        pressure=(0.0, 0.01),
        restarts=2,
        steps=400,
        batch_size=64,
        learning_rate=1e-2,
    ),
    paper=Spec(
        width=(16, 32, 64),
        pressure=(0.0, 0.0003, 0.001, 0.003, 0.01, 0.03),
        restarts=16,
        steps=9400,
    ),
    describes={
        "pressure": "coefficient of the L1 penalty on activations",
        "image": "test image",
        "digit": "digit that an image shows",
        "class_mean": "mean activation of a unit on the images of a digit",
        "projection": "image on the directions between class means",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
