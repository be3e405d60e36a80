"""The runs that the figures on memorization share: one model for each finite dataset.

Figures that import the same `Spec` and `run` are one computation: whichever is made first
trains, and the others find its data.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
import optax
import xarray as xr
from jaxtyping import Array, PRNGKeyArray

import toymodels as tm
from toymodels import geometry

DatasetSizes = Annotated[tm.Counts, tm.Distinct()]
MEASURED = {"train_loss": (), "h": ("hidden", "datapoint")}
WEIGHTS = {**tm.TIED, "h": MEASURED["h"]}
MOST_EMPTY = 0.01  # share of vectors without any active feature that still is none


class FiniteSpec(tm.Spec):
    """How a model is trained on a finite dataset."""

    n: tm.Count = 1000
    """Number of features."""
    sparsity: tm.Fraction = 0.99
    """S, the probability that a feature is inactive."""
    datasets: tm.Count = 4
    """Datasets drawn of each size."""
    restarts: tm.Count = 1
    """Models trained on each dataset."""
    steps: tm.Count = 6000
    """Full-batch steps."""
    learning_rate: tm.Positive = 1e-3
    """AdamW's learning rate after a warm-up of 5 % of the steps; it falls along a cosine."""
    weight_decay: tm.NonNegative = 1e-2
    """AdamW's decoupled weight decay."""
    test_points: tm.Count = 2**16
    """Fresh datapoints of the test loss, the same for all models."""

    def check(self) -> None:
        empty = self.sparsity**self.n
        if empty > MOST_EMPTY:
            raise ValueError(
                f"with n = {self.n} a sparsity of {self.sparsity} leaves {empty:.0%} of the "
                f"datapoints without any feature; lower it, or raise n (n (1 - S) > 5 will do)"
            )

    def optimizer(self, budget: int = 1) -> optax.GradientTransformation:
        """Return AdamW for `budget` times the steps: warmed up, then down along a cosine."""
        steps = budget * self.steps
        rate = optax.warmup_cosine_decay_schedule(0, self.learning_rate, steps // 20, steps)
        return optax.adamw(rate, weight_decay=self.weight_decay)


class Spec(FiniteSpec):
    """Settings of the runs over dataset sizes, with two hidden dimensions."""

    dataset_size: DatasetSizes = (3, 5, 8, 15, 30, 100, 200, 400, 2000)
    """T, the number of datapoints."""
    large: tm.Count = 100
    """Above this T, `large_datasets` datasets are drawn."""
    large_datasets: tm.Count = 2
    """Datasets of each size above `large`, and for the longer runs."""
    longer: Annotated[int, tm.Range(2)] = 4
    """The longer runs have this many times the steps."""
    longer_dataset_size: DatasetSizes = (30, 100, 200, 400)
    """T of the longer runs."""

    def check(self) -> None:
        super().check()
        if self.large_datasets > self.datasets:
            raise ValueError("large_datasets must be at most datasets")


SMOKE = Spec(
    n=100,
    sparsity=0.9,
    dataset_size=(5, 20),
    longer_dataset_size=(5,),
    datasets=2,
    steps=100,
    test_points=256,
)
PAPER = Spec(
    n=10_000,
    sparsity=0.999,
    steps=50_000,
    dataset_size=(3, 5, 6, 8, 10, 15, 30, 50, 100, 200, 500, 1000, 2000, 5000, 10_000),
    large=1000,
    longer_dataset_size=(15, 30, 50, 100, 200, 500),
)


def run(lab: tm.Lab[Spec]) -> xr.DataTree:
    return tm.gather(map(with_dimensionality, models(lab)))


def models(lab: tm.Lab[Spec]) -> Iterator[xr.Dataset]:
    """Train models on datasets of each size, and longer on the first of these datasets."""
    spec, test = lab.spec, draw_test_points(lab)
    for T in sorted({*spec.dataset_size, *spec.longer_dataset_size}):
        count = spec.large_datasets if spec.large < T else spec.datasets
        datasets = draw_datasets(lab, T, count)
        if T in spec.dataset_size:
            yield train(lab, datasets, test, look=True)
        if T in spec.longer_dataset_size:
            first = tm.Datapoints(*(leaf[: spec.large_datasets] for leaf in datasets))
            yield train(lab, first, test, spec.longer, look=True)


def draw_test_points(lab: tm.Lab[FiniteSpec]) -> tm.Datapoints:
    """Draw the test datapoints of all models."""
    features = tm.SparseFeatures(lab.spec.n, sparsity=lab.spec.sparsity)
    return tm.draw_datapoints(features, lab.spec.test_points, lab.key("test points"))


def draw_datasets(lab: tm.Lab[FiniteSpec], T: int, count: int) -> tm.Datapoints:
    """Draw `count` datasets of T datapoints, along a leading axis."""
    features = tm.SparseFeatures(lab.spec.n, sparsity=lab.spec.sparsity)
    points = tm.draw_datapoints(features, count * T, lab.key(f"datapoints, T={T}"))
    return tm.Datapoints(*(leaf.reshape(count, T, -1) for leaf in points))


def train(
    lab: tm.Lab[FiniteSpec],
    datasets: tm.Datapoints,
    test: tm.Datapoints,
    budget: int = 1,
    m: int = 2,
    look: bool = False,
) -> xr.Dataset:
    """Train models of m hidden dimensions on datasets of one size, and `look` at them."""
    spec, steps = lab.spec, budget * lab.spec.steps
    count, T, _ = datasets.value.shape

    def problem(dataset: tm.Datapoints, test_points: tm.Datapoints) -> Any:
        def build(key: PRNGKeyArray) -> tm.ReluOutput:
            return tm.ReluOutput(spec.n, m, key=key)

        return tm.FiniteDataset(build, dataset, test_points), spec.optimizer(budget)

    found = lab.train(
        f"m={m}.T={T}.x{budget}",
        problem,
        tm.Axis("dataset", np.arange(count), datasets),
        steps=steps,
        shared_batches=True,
        stream=f"m={m}.T={T}",  # longer runs differ in nothing but their steps
        data={"test_points": test},
        probe=tm.Probe(measure, MEASURED, [steps]) if look else None,
    )
    found = found.isel(probed=-1, drop=True) if look else found
    return found.assign(test_loss=found.loss).assign_coords(dataset_size=T, m=m, budget=budget)


def measure(objective: Any, model: Any, key: PRNGKeyArray) -> Mapping[str, Array]:
    """Measure the training loss, and where the model takes its datapoints."""
    h = tm.hidden_vectors(model.W[...], objective.points)
    return {"train_loss": objective.loss(model, key), "h": h}


def with_dimensionality(trained: xr.Dataset) -> xr.Dataset:
    """Add the dimensionality of features and of datapoints."""
    features, datapoints = map(geometry.dimensionality, (trained.W.values, trained.h.values))
    return trained.assign(
        feature_dimensionality=(("dataset", "seed", "feature"), features),
        datapoint_dimensionality=(("dataset", "seed", "datapoint"), datapoints),
    )
