"""What the hidden units of small MNIST networks respond to, and what pressure to be sparse does.

Source: Circuits Updates, January 2024 (Transformer Circuits), the note on dictionary learning on
MNIST: fully connected ReLU networks of 1 to 3 hidden layers with 16 to 64 units.

The widest networks are trained at every activation-sparsity pressure, the coefficient of an L1
penalty on all hidden activations, the others without. How polysemantic a unit is, is counted in
digits: the participation ratio of its mean activations on the images of each digit, 1 for a unit
of one digit, 10 for one that tells nothing. A digit's direction is the mean of the last hidden
layer on its images, less the mean over all digits; ten of them span nine dimensions, so that
their dimensionality is 9/10 at most, when they are the corners of a simplex. The lower rows show
the network with one hidden layer of the largest width, the best of `restarts` by test loss; the
weights of units that fell silent are still those that they began with.

Seen at `quick`, the narrowest and the widest networks, five times through the images: pressure up
to 0.003 makes units two to three times as selective and costs less than half a percentage point;
at 0.03 no network of three hidden layers works any more. Depth by itself does not make units
selective: the last layer's are ahead of the first's in some restarts and behind in others.

Deviations:
- The source prints no hyper-parameters, accuracies or training lengths: AdamW, learning rate
  {learning_rate:g}, schedule {schedule}, weight decay {weight_decay:g}, batch {batch_size:,},
  {steps:,} steps.
- The pressure on activations, the count of digits, the directions and all claims are ours.
- The lower rows show the best of {restarts} restarts by test loss; all else is of all.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from experiments.mnist import _unit_panels as panels
from experiments.mnist._networks import NAMES, NetworkSpec, train
from experiments.mnist._units import SEEN, digits_per_unit, dimensionality, look, while_it_works
from toymodels import plotting, selectivity

OURS = tm.Source("ours: of the source, the shapes are known")


class Spec(NetworkSpec):
    """Settings; the source prints none but the shapes."""

    pressure: Annotated[tuple[tm.NonNegative, ...], tm.Distinct()] = (
        0.0, 0.001, 0.003, 0.01, 0.03,
    )  # fmt: skip
    """Coefficients of the L1 penalty, summed over all hidden units; from 0 on, rising."""
    restarts: tm.Count = 3
    steps: tm.Count = 2350

    def check(self) -> None:
        if self.pressure[0] != 0:
            raise ValueError("pressure must start at 0, for comparison")
        self.check_rising("depth", "width", "pressure")


def run(lab: tm.Lab[Spec]) -> xr.DataTree:
    spec, images = lab.spec, lab.images(lab.spec.dataset)
    members = []
    for depth in spec.depth:
        for width in spec.width:
            # of the others only the accuracy without pressure is drawn
            pressure = spec.pressure if width == spec.width[-1] else [0.0]
            models = train(lab, images, depth, width, pressure, tm.Probe(look, SEEN))
            members.append(models[["W_in", "W_out", "loss", "accuracy", "class_mean"]])
            if (depth, width) == (spec.depth[0], spec.width[-1]):
                digit = images.test.labels[: models.sizes["image"]]
                members[-1]["projection"] = models.projection.assign_coords(digit=("image", digit))
    return tm.gather(members)


def shown(data: xr.DataTree) -> xr.Dataset:
    """Return the networks of the lower rows: fewest layers, the widest, best of restarts."""
    depth, width = tm.values_of(data, "depth")[0], tm.values_of(data, "width")[-1]
    return tm.best_of(tm.member(data, depth=depth, width=width))


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    networks = shown(data)
    figure = plotting.figure(11.4, 9.4)
    top, middle, bottom = figure.subfigures(3, 1, squeeze=False, height_ratios=[1.2, 2.15, 2.1])[
        :, 0
    ]
    by_width, *by_pressure = top.subplots(1, 4)
    panels.draw_widths(
        by_width, {d: tm.members(data, depth=d) for d in tm.values_of(data, "depth")}
    )
    panels.draw_pressures(by_pressure, tm.members(data, width=networks.width.item()))
    # the strongest pressure under which it works nearly as well as without
    strongest = np.flatnonzero(networks.accuracy > 0.9 * networks.accuracy[0])[-1]
    plain_tiles, plain_heat, tiles, heat = middle.subplots(1, 4, width_ratios=[3, 2] * 2)
    panels.draw_units(plain_tiles, plain_heat, networks.isel(pressure=0))
    panels.draw_units(tiles, heat, networks.isel(pressure=strongest))
    titles = [f"pressure {plotting.plain_number(p)}" for p in networks.pressure.values]
    panels.draw_directions(plotting.panels(bottom, ["cosines of directions", ""], titles), networks)
    figure.suptitle(f"Hidden units of networks trained on {NAMES[networks.images.item()]}")
    return figure


def claims(data: xr.DataTree) -> Iterator[tm.Claim]:
    depths, widest = tm.values_of(data, "depth"), tm.values_of(data, "width")[-1]
    models = tm.members(data, width=widest)
    digits = np.array([while_it_works(one, digits_per_unit(one)) for one in models])
    dims = np.array([while_it_works(one, dimensionality(one)) for one in models])
    cost = np.array([while_it_works(one, one.accuracy.values) for one in models])
    pressed = bool(np.isfinite(digits[:, :2]).all() and digits.shape[1] > 1)
    yield accurate(data)
    yield OURS.above(
        "Accuracy rises with width at every depth (differences of the means over restarts)",
        0, [np.diff(mean_accuracy(tm.members(data, depth=depth))) for depth in depths],
    )  # fmt: skip
    yield OURS.within(
        "Without pressure units are polysemantic (median number of digits that a unit of the "
        f"last hidden layer responds to, {widest} units; for each depth)",
        2, 10, digits[:, 0],
    )  # fmt: skip
    first, *_, last = selectivity_by_layer(models[-1])[[0, -1]]
    yield OURS.above(
        f"The last of {depths[-1]} hidden layers is more selective than the first (difference of "
        f"the median class selectivities, {widest} units without pressure; each restart)",
        0, last - first, when=depths[-1] > 1,
    )  # fmt: skip
    steps = np.diff(digits)
    yield OURS.below(
        "Each increase of pressure makes units more selective, until the network collapses "
        f"(change of that median from pressure to pressure, {widest} units; for each depth)",
        0, steps[np.isfinite(steps)], when=pressed,
    )  # fmt: skip
    yield OURS.above(
        "Selectivity has its price: under the strongest pressure that a network survives it "
        f"is less accurate than without ({widest} units; loss of accuracy for each depth)",
        0, [row[0] - row[np.isfinite(row)][-1] for row in cost if np.isfinite(row[0])],
        when=pressed,
    )  # fmt: skip
    gain = dims[:, 1:] - dims[:, :1]
    yield OURS.above(
        "Any pressure that a network survives brings the digits' directions nearer to the "
        "corners of a simplex (dimensionality, 9/10 for a simplex, above that without pressure, "
        f"{widest} units; for each depth)",
        0, gain[np.isfinite(gain)], when=pressed,
    )  # fmt: skip


def accurate(data: xr.DataTree) -> tm.Claim:
    """Claim that two layers of 64 units learn MNIST."""
    depths, widest = tm.values_of(data, "depth"), tm.values_of(data, "width")[-1]
    depth = 2 if 2 in depths else depths[-1]
    models = tm.member(data, depth=depth, width=widest)
    images = NAMES[models.images.item()]
    return OURS.within(
        f"Accuracy on {images} of {depth} x {widest} hidden units without "
        f"pressure (each of {models.sizes['seed']} restarts)",
        0.97, 1, models.accuracy.sel(pressure=0), when=images == "MNIST" and widest >= 64,
    )  # fmt: skip


def mean_accuracy(by_width: list[xr.Dataset]) -> list[float]:
    """Return the mean accuracy without pressure over the restarts, for each width."""
    return [one.accuracy.sel(pressure=0).mean().item() for one in by_width]


def selectivity_by_layer(models: xr.Dataset) -> np.ndarray:
    """Return the median class selectivity of the live units without pressure, [layer, seed]."""
    selective = selectivity.class_selectivity(models.class_mean.sel(pressure=0).values)
    return np.asarray(np.nanmedian(selective, axis=-1).T)


EXPERIMENT = tm.Experiment(
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
    sweeps="pressure",
    weights={"W_in": ("hidden", "pixel"), "W_out": ("label", "hidden")},
)

if __name__ == "__main__":
    EXPERIMENT.main()
