"""What the hidden units of small MNIST networks respond to, and what pressure to be sparse does.

Source: Circuits Updates, January 2024 (Transformer Circuits), the note on dictionary learning on
MNIST: fully connected ReLU networks of 1 to 3 hidden layers with 16 to 64 units.

The widest networks are trained at every activation-sparsity pressure, the coefficient of an L1
penalty on all hidden activations, the others without. How polysemantic a unit is, is counted in
digits: the participation ratio of its mean activations on the images of each digit, 1 for a unit
of one digit, 10 for one that tells nothing. A digit's direction is the mean of the last hidden
layer on its images, less the mean over all digits; ten of them span nine dimensions, so that
their dimensionality is 9/10 at most, when they are the corners of a simplex. The lower row shows
the widest network of the fewest hidden layers, the best of `restarts` by test loss, without
pressure and under the strongest that it survives. Silent units, at most a thousandth as active as
the most active one, still have the weights that they began with, and are left out.

Seen at `quick`, the narrowest and the widest networks, five times through the images: pressure up
to 0.003 makes units two to three times as selective and costs less than half a percentage point;
at 0.03 no network of three hidden layers works any more. Depth by itself does not make units
selective: the last layer's are ahead of the first's in some restarts and behind in others.

Deviations:
- The source prints no hyper-parameters, accuracies or training lengths: AdamW {learning_rate:g}
  ({schedule} schedule), weight decay {weight_decay:g}, batch {batch_size:,}, {steps:,} steps.
- The pressure on activations, the count of digits, the directions and all claims are ours.
- The lower row shows the best of {restarts} restarts by test loss; all else is of all.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import AfterValidator, Field

import toymodels as tm
from experiments.mnist import _units as units
from experiments.mnist._networks import NAMES, OURS, NetworkSpec, train
from toymodels import figure as fig
from toymodels import plotting, selectivity

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
    members = []
    for depth in spec.depth:
        for width in spec.width:
            # of the others only the accuracy without pressure is drawn
            pressure = spec.pressure if width == spec.width[-1] else [0.0]
            models = train(lab, images, depth, width, pressure, units.PROBE)
            members.append(models[["W_in", "W_out", "loss", "accuracy", "class_mean"]])
            if (depth, width) == (spec.depth[0], spec.width[-1]):
                digit = images.test.labels[: models.sizes["image"]]
                members[-1]["projection"] = models.projection.assign_coords(digit=("image", digit))
    return tm.gather(members)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    by_depth = {depth: tm.select_all(data, depth=depth) for depth in tm.settings(data, "depth")}
    widest = [models[-1] for models in by_depth.values()]
    networks = tm.best_of(widest[0])
    figure = plotting.figure(11.4, 6.4)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=[1, 2.1])[:, 0]
    by_width, *by_pressure = top.subplots(1, 4)
    units.draw_widths(by_width, by_depth)
    units.draw_pressures(by_pressure, widest)
    # the strongest pressure under which it works nearly as well as without
    strongest = np.flatnonzero(networks.accuracy >= 0.9 * networks.accuracy[0])[-1]
    shown = sorted({0, int(strongest)})
    pair = units.most_alike(networks.isel(pressure=0))
    for place, i in zip(bottom.subfigures(1, len(shown), squeeze=False)[0], shown, strict=True):
        units.draw_network(place, networks.isel(pressure=i), pair)
    figure.suptitle(f"Hidden units of networks trained on {NAMES[networks.images.item()]}")
    figure.supxlabel(
        "pressure: the weight of an L1 penalty on all hidden activations; a digit's direction: the "
        "last hidden layer's mean on its images, less that on all",
        fontsize=8,
    )
    return figure


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    by_depth = {depth: tm.select_all(data, depth=depth) for depth in tm.settings(data, "depth")}
    widest = {depth: models[-1] for depth, models in by_depth.items()}
    deepest, width = widest[max(widest)], tm.settings(data, "width")[-1]
    images, of = NAMES[deepest.images.item()], f"{width} units"
    # NaN where a restart has collapsed
    mean = [units.measured(one).mean("seed", skipna=False) for one in widest.values()]
    accuracy, digits, dims = (np.array([one[name] for one in mean]) for name in mean[0])
    pressed = bool(np.isfinite(digits[:, :2]).all() and digits.shape[1] > 1)
    two = widest.get(2, deepest)
    yield OURS.claim(
        f"Accuracy on {images} of {two.depth.item()} x {of} without pressure (each restart)",
        when=images == "MNIST" and width >= 64,
    ).within(0.97, 1, two.accuracy.sel(pressure=0))
    plain = [[one.accuracy.sel(pressure=0).mean() for one in row] for row in by_depth.values()]
    yield OURS.claim("Accuracy rises with width at every depth (steps of means)").above(
        0, np.diff(plain)
    )
    yield OURS.claim(
        f"Without pressure the last layer's {of} are polysemantic (median of digits; each depth)"
    ).within(2, 10, digits[:, 0])
    means = deepest.class_mean.sel(pressure=0)
    selective = means[..., 0].copy(data=selectivity.class_selectivity(means.values))
    first, last = (selective.median("hidden").isel(layer=i) for i in (0, -1))
    yield OURS.claim(
        f"The last of {max(widest)} hidden layers is more selective than the first (difference of "
        f"the median class selectivities, {of} without pressure; each restart)",
        when=max(widest) > 1,
    ).above(0, last - first)
    steps, gain = np.diff(digits), dims[:, 1:] - dims[:, :1]
    yield OURS.claim(
        "Each increase of pressure makes units more selective, until the network collapses (steps "
        f"of that median of digits, {of}; each depth)",
        when=pressed,
    ).below(0, steps[np.isfinite(steps)])
    price = [row[0] - row[np.isfinite(row)][-1] for row in accuracy if np.isfinite(row[0])]
    yield OURS.claim(
        f"The strongest pressure that {of} survive costs accuracy (what is lost; each depth)",
        when=pressed,
    ).above(0, price)
    yield OURS.claim(
        "Pressure that is survived brings digits' directions nearer to a simplex's corners (their "
        f"dimensionality above that without pressure, {of}; each depth)",
        when=pressed,
    ).above(0, gain[np.isfinite(gain)])


EXPERIMENT = fig.Experiment(
    __file__, Spec, run, plot, claims,
    smoke=Spec(
        dataset="digits", depth=(1, 2), width=(32,), pressure=(0.0, 0.01),
        restarts=2, steps=400, batch_size=64, learning_rate=1e-2,
    ),
    paper=Spec(
        width=(16, 32, 64), pressure=(0.0, 0.0003, 0.001, 0.003, 0.01, 0.03),
        restarts=16, steps=9400,
    ),
    describes={
        "pressure": "coefficient of the L1 penalty on activations",
        "depth": "number of hidden layers",
        "width": "units of each hidden layer",
        "images": "dataset of images",
        "image": "test image",
        "digit": "digit that an image shows",
        "class_mean": "mean activation of a unit on the images of a digit",
        "projection": "image on the directions between class means",
    },
)  # fmt: skip

if __name__ == "__main__":
    EXPERIMENT.main()
