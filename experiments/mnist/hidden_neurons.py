"""What the hidden units of small MNIST networks respond to, and what pressure to be sparse does.

Source: Circuits Updates, January 2024 (Transformer Circuits), the note on dictionary learning on
MNIST: fully connected ReLU networks of 1 to 3 hidden layers with 16 to 64 units.

Networks of every shape are trained at every activation-sparsity pressure, the coefficient of an
L1 penalty on all hidden activations. How polysemantic a unit is, is counted in digits: the
participation ratio of its mean activations on the images of each digit, 1 for a unit of one
digit, 10 for one that tells nothing. A digit's direction is the mean of the last hidden layer on
its images, less the mean over all digits; ten of them span nine dimensions, so that their
dimensionality is 9/10 at most, when they are the corners of a simplex. The lower rows show the
network with one hidden layer of the largest width, the best of `restarts` by test loss; the
weights of units that fell silent are still those that they began with.

Seen at `quick`: pressure up to 0.003 makes units two to three times as selective and costs less
than half a percentage point; at 0.03 all networks of three hidden layers fall silent. Depth by
itself does not make units selective: the last layer's are ahead of the first's in some restarts
and behind in others.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from experiments.mnist._drawing import (
    NAMES,
    draw_directions,
    draw_pressures,
    draw_units,
    draw_widths,
)
from experiments.mnist._networks import (
    digits_per_unit,
    dimensionality,
    direction_cosines,
    of_shape,
    selectivity_by_layer,
    train,
    while_it_works,
)
from toymodels import (
    Claim,
    Experiment,
    TrainingSpec,
    best_of,
    join_sizes,
    load_images,
    plotting,
)
from toymodels.suite.cli import main
from toymodels.suite.spec import Count, Distinct, NonNegative, Positive, Range

OURS = "ours: of the source, the shapes are known"

Widths = Annotated[tuple[Count, ...], Distinct()]
Depths = Annotated[tuple[Annotated[int, Range(1, 3)], ...], Distinct()]
Pressures = Annotated[tuple[NonNegative, ...], Distinct()]


@dataclass(frozen=True)
class Spec(TrainingSpec):
    """Settings; the source prints none but the shapes."""

    dataset: Literal["mnist", "digits"] = "mnist"
    """The images: MNIST, or scikit-learn's bundled digits, which need no files."""
    depth: Depths = (1, 2, 3)
    """Numbers of hidden layers."""
    width: Widths = (16, 32, 64)
    """Units of each hidden layer."""
    pressure: Pressures = (0.0, 0.0003, 0.001, 0.003, 0.01, 0.03)
    """Coefficients of the L1 penalty, summed over all hidden units; the first is 0."""
    steps: Count = 4700
    batch_size: Count = 128
    learning_rate: Positive = 2e-3

    def check(self):
        if self.pressure[0] != 0 or list(self.pressure) != sorted(self.pressure):
            raise ValueError("pressure must start at 0, for comparison, and rise")
        for name in ("depth", "width"):
            if list(getattr(self, name)) != sorted(getattr(self, name)):
                raise ValueError(f"{name} must rise")


def run(spec, key, runner):
    images = load_images(spec.dataset, runner.data_dir)
    by_depth = []
    for depth in spec.depth:
        members = [train(spec, key, runner, images, depth, width) for width in spec.width]
        by_depth.append(join_sizes(members, "width", spec.width))
    models = join_sizes(by_depth, "depth", spec.depth)
    digit = images.test.labels[: models.sizes["image"]]
    return models.assign_coords(images=images.name, digit=("image", digit))


def shown(dataset):
    """Return the networks of the lower rows: one hidden layer, the widest, best of restarts."""
    return best_of(of_shape(dataset, dataset.depth.values[0], dataset.width.values[-1]))


@plotting.style()
def plot(dataset):
    figure = plotting.figure(11.4, 9.4)
    rows = figure.add_gridspec(4, 1, height_ratios=[1.15, 2.15, 1, 1.05])
    by_width, *by_pressure = panels(figure, rows[0], 4)
    draw_widths(by_width, dataset)
    draw_pressures(*by_pressure, dataset)
    networks = shown(dataset)
    tiles, heat, tiles_under_pressure, heat_under_pressure = panels(figure, rows[1], 4, [3, 2] * 2)
    draw_units(tiles, heat, networks.isel(pressure=0))
    draw_units(
        tiles_under_pressure, heat_under_pressure, networks.sel(pressure=strongest(networks))
    )
    matrices = panels(figure, rows[2], networks.sizes["pressure"])
    clouds = panels(figure, rows[3], networks.sizes["pressure"])
    plain = direction_cosines(networks.isel(pressure=0))
    alike = np.unravel_index(plain.argmax(), plain.shape)
    for i, axes in enumerate(zip(matrices, clouds, strict=True)):
        draw_directions(*axes, networks.isel(pressure=i), alike)
    matrices[0].set(ylabel="cosines of directions")
    clouds[0].set(ylabel=f"images along {alike[1]}")
    clouds[0].legend(markerscale=2, loc="upper left", handletextpad=0.1)
    figure.suptitle(f"Hidden units of networks trained on {NAMES[dataset.images.item()]}")
    return figure


def panels(figure, row, count, widths=None):
    """Return a row's axes, from left to right."""
    return [figure.add_subplot(cell) for cell in row.subgridspec(1, count, width_ratios=widths)]


def strongest(networks):
    """Return the strongest pressure under which a network works nearly as well as without."""
    accuracy = networks.accuracy.values
    return networks.pressure.values[accuracy > 0.9 * accuracy[0]][-1]


def claims(dataset):
    name, widest = NAMES[dataset.images.item()], dataset.width.values[-1]
    plain = dataset.accuracy.sel(pressure=0)
    depth = 2 if 2 in dataset.depth else dataset.depth.values[-1]
    shapes = {d: of_shape(dataset, d, widest) for d in dataset.depth.values}
    digits = np.array([while_it_works(m, digits_per_unit(m)) for m in shapes.values()])
    dims = np.array([while_it_works(m, dimensionality(m)) for m in shapes.values()])
    cost = np.array([while_it_works(m, m.accuracy.values) for m in shapes.values()])
    deepest = dataset.depth.values[-1]
    by_layer = selectivity_by_layer(shapes[deepest].sel(pressure=0))
    gap = by_layer[:, -1] - by_layer[:, 0]
    price = [row[0] - row[np.isfinite(row)][-1] for row in cost if np.isfinite(row[0])]
    gains = plain.mean("seed").transpose("depth", "width").diff("width").values
    return [
        Claim.within(
            f"Accuracy on {name} of {depth} x {widest} hidden units without pressure (each of "
            f"{plain.sizes['seed']} restarts)",
            OURS,
            (0.97, 1),
            plain.sel(depth=depth, width=widest).values,
        ),
        Claim(
            "Accuracy rises with width at every depth (differences of the means over restarts)",
            OURS,
            "above 0",
            gains.ravel(),
            bool(gains.size and (gains > 0).all()),
        ),
        Claim.within(
            "Without pressure units are polysemantic (median number of digits that a unit of the "
            f"last hidden layer responds to, {widest} units; for each depth)",
            OURS,
            (2, 10),
            digits[:, 0],
        ),
        Claim(
            f"The last of {deepest} hidden layers is more selective than the first (difference of "
            f"the median class selectivities, {widest} units without pressure; each restart)",
            OURS,
            "above 0",
            gap,
            bool(deepest > 1 and (gap > 0).all()),
        ),
        Claim(
            "Each increase of pressure makes units more selective, until the network collapses "
            f"(that median over the pressures, {widest} units; for each depth)",
            OURS,
            "falling",
            digits.ravel(),
            holds_all_along(np.diff(digits) < 0, digits[:, 1:]),
        ),
        Claim(
            "Selectivity has its price: under the strongest pressure that a network survives it "
            f"is less accurate than without ({widest} units; loss of accuracy for each depth)",
            OURS,
            "above 0",
            price,
            bool(np.size(price) and np.min(price) > 0),
        ),
        Claim(
            "Any pressure that a network survives brings the digits' directions nearer to the "
            f"corners of a simplex (dimensionality over the pressures, {widest} units; for each "
            "depth)",
            OURS,
            "at every pressure above that without; 9/10 is a simplex",
            dims.ravel(),
            holds_all_along(dims[:, 1:] > dims[:, :1], dims[:, 1:]),
        ),
    ]


def holds_all_along(true, measured):
    """Whether something is true wherever there is a measurement, of which each row has one."""
    there = np.isfinite(measured)
    return bool(there.any(axis=1).all() and true[there].all())


EXPERIMENT = Experiment(
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
    paper=Spec(restarts=16, steps=9400),
    sweeps="pressure",
    deviations=(
        "The source prints no hyper-parameters, accuracies or training lengths: AdamW, learning "
        "rate 2e-3 falling along a cosine, weight decay 1e-2, batch 128, 4,700 steps.",
        "The pressure on activations, the count of digits, the directions and all claims are ours.",
        "The lower rows show the best of the restarts by test loss; all else is of all restarts.",
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
