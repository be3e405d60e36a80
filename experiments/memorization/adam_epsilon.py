"""What Adam's epsilon and the weight decay do to memorization and to double descent.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figures 3 and 4;
the sweep of epsilon is ours.

Adam divides a gradient by its own size plus epsilon. With a loss averaged over n features
gradients are n times smaller than with a sum, so that an epsilon of 1e-8 there is one of 1e-8 n
here (marked). Once the training loss is small, epsilon decides whether Adam still takes steps of
full size: with a small epsilon the weights of models of 100 and more datapoints keep growing, and
the test loss, for the same datapoints, rises to a bump; with a large one they stop, and with 1e-4
and 1e-3 there is no bump left. Few datapoints do not notice epsilon up to 1e-4; with 1e-3 eight
datapoints are not memorised in full. A weight decay of 0.1 brings their norms to those of the exact
polygon, one of 0.01 leaves them 6 to 8 % above.

That the source averaged its loss over features is our inference from the height of its bump, about
1.01, and from code that descends from an older notebook; the source prints neither.

Deviations:
- Here n = {n:,}, S = {sparsity:g} and {steps:,} steps ({few_steps:,} up to T = {few}); the source
  has 10,000, 0.999 and 50,000, one epsilon and one weight decay, 0.01.
- Up to T = {disjoint}, datapoints share no active feature.
- All models of one T and restart start from the same weights; they differ in their datapoints.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.figure import Figure, SubFigure

import toymodels as tm
from experiments.memorization._models import best_of_equals, by_size, weight_norm
from experiments.memorization._runs import MEASURED, SizesSpec, datapoints, draw_datasets, measure
from toymodels import figure as fig
from toymodels import plotting, theory

DERIVED = fig.Source("derived here; the source says that such solutions exist")


class Spec(SizesSpec):
    """Settings; all epsilons and weight decays of a dataset size are trained together."""

    dataset_size: fig.RisingSizes = (5, 8, 30, 100, 200, 400)
    """T, the number of datapoints."""
    adam_epsilon: fig.PositiveSweep = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)  # type: ignore[assignment]
    """Adam's epsilons, for the loss summed over features."""
    weight_decay: fig.PositiveSweep = (0.01, 0.1)  # type: ignore[assignment]
    """AdamW's decoupled weight decays."""
    datasets: fig.Count = 2
    """Datasets drawn of each size."""
    few_restarts: fig.Count = 2
    """Models trained on each dataset of few datapoints."""


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    test = datapoints(lab, "test points", lab.spec.test_points)
    return tm.gather(train(lab, T, test) for T in lab.spec.dataset_size)


def train(lab: fig.Lab[Spec], T: int, test: tm.Datapoints) -> xr.Dataset:
    """Train on datasets of T datapoints, with each epsilon and weight decay."""
    spec, few = lab.spec, lab.spec.few >= T
    steps = spec.few_steps if few else spec.steps

    def problem(dataset, test, adam_epsilon, weight_decay):
        objective = tm.FiniteDataset(lambda key: tm.ReluOutput(spec.n, 2, key=key), dataset, test)
        return objective, spec.adamw(steps, weight_decay, adam_epsilon)

    datasets = tm.Axis("dataset", np.arange(spec.datasets), draw_datasets(lab, spec.datasets, T))
    models = lab.train(
        f"T={T}",
        problem,
        (datasets, "adam_epsilon", "weight_decay"),
        steps=steps,
        restarts=spec.few_restarts if few else spec.restarts,
        shared_batches=True,
        data={"test": test},
        probe=tm.Probe(measure, MEASURED),
    )
    return models.assign(test_loss=models.loss).assign_coords(dataset_size=T)


def by_epsilon(data: xr.DataTree) -> xr.Dataset:
    """Return the best restarts' test loss and norms [dataset_size, adam_epsilon, weight_decay].

    They are means over the datasets.
    """

    def of_size(models: xr.Dataset) -> xr.Dataset:
        best = best_of_equals(models)
        W, b = weight_norm(best), np.sqrt((best.b**2).sum("feature"))
        found = xr.Dataset({"loss": best.test_loss, "W": W, "b": b})
        return found.drop_vars("seed").mean("dataset")

    axes = ["dataset_size", "adam_epsilon", "weight_decay"]
    return by_size(tm.select_all(data), of_size).sortby(axes).transpose(*axes)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    figure = plotting.figure(11.4, 6.4)
    (upper,), (lower,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[3.7, 2.7])
    draw_sizes(upper, by_epsilon(data))
    sizes = sorted(tm.select_all(data), key=lambda models: models.dataset_size)
    few = [models for models in sizes if models.dataset_size <= 10]
    draw_polygons(lower, few[-1] if few else sizes[0])
    return figure


def draw_sizes(place: SubFigure, measured: xr.Dataset) -> None:
    """Draw test loss and norms against T: a line for each epsilon, a row for each decay."""
    names = {"loss": "test loss", "W": r"$\|W\|_F$", "b": r"$\|b\|$"}
    rows = [f"weight decay {decay:g}" for decay in measured.weight_decay.values]
    grid = plotting.panels(place, rows, list(names.values()), sharex=True, sharey="col")
    colors = plotting.ordered_colors(measured.sizes["adam_epsilon"])
    for (i, j), ax in np.ndenumerate(grid):
        lines = measured[list(names)[j]].isel(weight_decay=i)
        for values, color in zip(lines.transpose("adam_epsilon", ...), colors, strict=True):
            label = f"{values.adam_epsilon.item():.0e}"
            ax.plot(values.dataset_size, values, "o-", color=color, markersize=3, label=label)
        plotting.log_axis(ax.xaxis, measured.dataset_size)
        if j > 0:
            plotting.log_axis(ax.yaxis, [0.5, 1, 2, 5, 10, 20, 50, 100])
    for ax in grid[-1]:
        ax.set_xlabel("dataset size T")
    grid[0, 0].legend(title="Adam's epsilon", loc="upper left", ncols=2)


def draw_polygons(place: SubFigure, models: xr.Dataset) -> None:
    """Draw the hidden vectors of the first dataset's best model of each epsilon and decay."""
    best = best_of_equals(models.isel(dataset=0)).sortby(["adam_epsilon", "weight_decay"])
    rows = [f"weight decay\n{decay:g}" for decay in best.weight_decay.values]
    grid = plotting.panels(place, rows, [f"epsilon {e:.0e}" for e in best.adam_epsilon.values])
    limit = plotting.shared_limit(best.h)
    for (i, j), ax in np.ndenumerate(grid):
        h = best.h.isel(weight_decay=i, adam_epsilon=j)
        plotting.point_cloud(ax, h, plotting.DATAPOINT, limit)
    place.supxlabel(
        f"hidden vectors of T = {best.dataset_size.item()} datapoints, all on one scale",
    )


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    measured = by_epsilon(data)
    few, many = (measured.sel(dataset_size=T) for T in (slice(2, 10), slice(30, None)))
    if many.dataset_size.size:
        yield from claims_of_many(many)
    if few.dataset_size.size:
        yield from claims_of_few(few)


def claims_of_many(many: xr.Dataset) -> Iterator[fig.Claim]:
    """Measure how bump and norms depend on epsilon."""
    ends = many.loss.max("dataset_size").isel(adam_epsilon=[0, -1])
    for decay in many.weight_decay.values:
        yield fig.OURS.claim(
            f"At weight decay {decay:g} the bump is lower with the largest epsilon than with the "
            "smallest (largest test loss of 30 and more datapoints)"
        ).falls(ends.sel(weight_decay=decay))
    norms = many.W.isel(adam_epsilon=0) / many.W.isel(adam_epsilon=-1)
    yield fig.OURS.claim(
        "With many datapoints a small epsilon lets ||W|| grow (smallest over largest epsilon, at "
        "the largest T, for each weight decay)"
    ).above(1.2, norms.isel(dataset_size=-1))


def claims_of_few(few: xr.Dataset) -> Iterator[fig.Claim]:
    """Compare the norms of few datapoints' models with each other and with the exact ones."""
    few = few.sel(adam_epsilon=slice(None, 1.01e-4))
    exact = theory.memoriser_norms(few.dataset_size.values).weight_norm
    over_exact = few.W / xr.DataArray(exact, dims="dataset_size")
    yield fig.OURS.claim(
        "Few datapoints do not notice an epsilon of up to 1e-4 (||W||, largest over smallest of "
        "these epsilons, for each T and weight decay)"
    ).below(1.05, few.W.max("adam_epsilon") / few.W.min("adam_epsilon"))
    yield DERIVED.claim(
        "With these and the largest weight decay, few datapoints have the norm of the exact "
        f"polygon (trained over exact, T = {few.dataset_size.values.tolist()})"
    ).within(0.98, 1.02, over_exact.isel(weight_decay=-1))


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        n=100,
        sparsity=0.9,
        dataset_size=(3, 30),
        adam_epsilon=(1e-8, 1e-4),
        few_steps=100,
        few_restarts=2,
        disjoint=1,
        steps=100,
        test_points=256,
    ),
    paper=Spec(
        n=10_000,
        sparsity=0.999,
        steps=50_000,
        dataset_size=(5, 8, 15, 30, 100, 200, 500, 1000, 2000, 5000),
        datasets=4,
    ),
    describes={"adam_epsilon": "Adam's epsilon", "weight_decay": "AdamW's weight decay"},
)

if __name__ == "__main__":
    EXPERIMENT.main()
