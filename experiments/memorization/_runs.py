"""Shared runs of the memorization figures: models trained on finite datasets.

Figures that import the same `Spec` and `run` share one computation: the first one trains, and the
others load its data.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import optax
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Array, PRNGKeyArray
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry

MEASURED = {
    "train_loss": (),
    "h": ("hidden", "datapoint"),
    "datapoint_error": ("datapoint",),
    "feature_dimensionality": ("feature",),
    "datapoint_dimensionality": ("datapoint",),
}
MOST_EMPTY = 0.01  # largest share of vectors without active features, which are never drawn
POOL = 100  # candidates for each datapoint of a dataset without overlap


class FiniteSpec(fig.Spec):
    """Settings of training on a finite dataset."""

    n: fig.Count = 1000
    """Number of features."""
    sparsity: fig.Fraction = 0.99
    """S, the probability that a feature is inactive."""
    datasets: fig.Count = 4
    """Datasets drawn of each size."""
    restarts: fig.Count = 1
    """Models trained on each dataset."""
    steps: fig.Count = 6000
    """Full-batch steps."""
    learning_rate: fig.Positive = 1e-3
    """AdamW's learning rate after a warm-up of 5 % of the steps; it falls along a cosine."""
    weight_decay: fig.NonNegative = 1e-2
    """AdamW's decoupled weight decay."""
    adam_epsilon: fig.Positive = Field(default_factory=lambda spec: 1e-8 * spec["n"])
    """Adam's epsilon; by default 1e-8 n, which is 1e-8 for a loss averaged over features."""
    test_points: fig.Count = 2**16
    """Fresh datapoints of the test loss, the same for all models."""

    def check(self) -> None:
        if (empty := self.sparsity**self.n) > MOST_EMPTY:
            raise ValueError(f"{empty:.0%} of datapoints have no feature; n (1 - S) > 5 will do")

    def adamw(
        self, steps: int, weight_decay: ArrayLike, epsilon: ArrayLike
    ) -> optax.GradientTransformation:
        """Return AdamW with a warm-up and cosine decay to zero over `steps`.

        Our loss is |x - x'|^2, summed over features and averaged over datapoints. Code that
        averages over features too has gradients smaller by a factor n. Adam divides gradients by
        their own size plus epsilon, so that only epsilon notices: 1e-8 there is 1e-8 n here.
        """
        rate = optax.warmup_cosine_decay_schedule(0, self.learning_rate, steps // 20, steps)
        return optax.adamw(rate, eps=epsilon, weight_decay=weight_decay)


class SizesSpec(FiniteSpec):
    """Settings of training on few datapoints, which takes more steps, and on many."""

    few: fig.Count = 15
    """Up to this T, datapoints are few: the settings of this name apply."""
    few_steps: fig.Count = 50_000
    """Full-batch steps for few datapoints."""
    few_restarts: fig.Count = 8
    """Models trained on each dataset of few datapoints."""
    disjoint: fig.Count = 10
    """Up to this T, datapoints of a dataset share no active feature."""


class Spec(SizesSpec):
    """Settings of the runs over dataset sizes, with two hidden dimensions."""

    dataset_size: fig.Sizes = (3, 5, 8, 15, 30, 100, 200, 400, 2000)
    """T, the number of datapoints."""
    few_weight_decay: fig.NonNegative = 0.1
    """AdamW's weight decay for few datapoints."""
    large: fig.Count = 100
    """Above this T, `large_datasets` datasets are drawn."""
    large_datasets: fig.Count = 2
    """Datasets of each size above `large`, and for the longer runs."""
    longer: Annotated[fig.Count, Field(ge=2)] = 4
    """The longer runs have this many times the steps."""
    longer_dataset_size: fig.Sizes = (30, 100, 200, 400)
    """T of the longer runs."""

    def check(self) -> None:
        super().check()
        if self.large_datasets > self.datasets:
            raise ValueError("large_datasets must be at most datasets")
        if min(self.longer_dataset_size) <= self.few:
            raise ValueError(f"longer_dataset_size must lie above few, {self.few}")


SMOKE = Spec(
    n=100,
    sparsity=0.9,
    dataset_size=(5, 20),
    few=5,
    few_steps=200,
    few_restarts=2,
    disjoint=1,
    longer_dataset_size=(20,),
    datasets=2,
    steps=100,
    test_points=256,
)
PAPER = Spec(
    n=10_000,
    sparsity=0.999,
    steps=50_000,
    large=1000,
    dataset_size=(3, 5, 6, 8, 10, 15, 30, 50, 100, 200, 500, 1000, 2000, 5000, 10_000),
    longer_dataset_size=(30, 50, 100, 200, 500),
)


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    """Train on datasets of each size, and longer on the first datasets of some sizes."""
    spec, probe, models = lab.spec, tm.Probe(measure, MEASURED), []
    test = datapoints(lab, "test points", spec.test_points)
    for T in sorted({*spec.dataset_size, *spec.longer_dataset_size}):
        count = spec.large_datasets if spec.large < T else spec.datasets
        datasets = draw_datasets(lab, count, T)
        if spec.few >= T:
            few = {"steps": spec.few_steps, "restarts": spec.few_restarts}
            decay = spec.few_weight_decay
            models.append(train(lab, datasets, test, weight_decay=decay, probe=probe, **few))
        elif T in spec.dataset_size:
            models.append(train(lab, datasets, test, probe=probe))
        if T in spec.longer_dataset_size:
            first = tm.Datapoints(*(leaf[: spec.large_datasets] for leaf in datasets))
            models.append(train(lab, first, test, budget=spec.longer, probe=probe))
    return tm.gather(models)


def datapoints(lab: fig.Lab[FiniteSpec], name: str, *shape: int) -> tm.Datapoints:
    """Draw datapoints with leading axes `shape`, from the random stream `name`."""
    features = tm.SparseFeatures(lab.spec.n, sparsity=lab.spec.sparsity)
    points = tm.draw_datapoints(features, math.prod(shape), key=lab.key(name))
    return tm.Datapoints(*(leaf.reshape(*shape, -1) for leaf in points))


def draw_datasets(lab: fig.Lab[SizesSpec], count: int, T: int) -> tm.Datapoints:
    """Draw datasets [count, T]; up to T = `disjoint` their datapoints share no active feature.

    Of candidates in their order, such a dataset takes each that shares no feature with the former.

    Raises:
        ValueError: if there are too few such candidates.
    """
    if lab.spec.disjoint < T:
        return datapoints(lab, f"datapoints, T={T}", count, T)
    pool = datapoints(lab, f"datapoints, T={T}", count, POOL * T)
    taken = []
    for features, values in zip(pool.feature, pool.value, strict=True):
        chosen: list[int] = []
        used: set[int] = set()
        for i, own in enumerate(set(f[v > 0]) for f, v in zip(features, values, strict=True)):
            if len(chosen) < T and not used & own:
                chosen.append(i)
                used |= own
        if len(chosen) < T:
            raise ValueError(f"no {T} datapoints without common features: lower disjoint")
        taken.append(chosen)
    rows = np.arange(count)[:, None], np.array(taken)
    return tm.Datapoints(*(leaf[rows] for leaf in pool))


def train(
    lab: fig.Lab[FiniteSpec],
    datasets: tm.Datapoints,
    test: tm.Datapoints,
    m: int = 2,
    budget: int = 1,
    steps: int | None = None,
    restarts: int | None = None,
    weight_decay: float | None = None,
    probe: tm.Probe | None = None,
) -> xr.Dataset:
    """Train models of m hidden dimensions on datasets of one size, for `budget` times the steps."""
    spec, (count, T, _) = lab.spec, datasets.value.shape
    steps = budget * (steps or spec.steps)
    decay = spec.weight_decay if weight_decay is None else weight_decay

    def problem(dataset, test):
        objective = tm.FiniteDataset(lambda key: tm.ReluOutput(spec.n, m, key=key), dataset, test)
        return objective, spec.adamw(steps, decay, spec.adam_epsilon)

    models = lab.train(
        f"m={m}.T={T}.x{budget}",
        problem,
        tm.Axis("dataset", np.arange(count), datasets),
        steps=steps,
        restarts=restarts,
        shared_batches=True,
        stream=f"m={m}.T={T}",  # longer runs have the same initial weights
        data={"test": test},
        probe=probe,
    )
    return models.assign(test_loss=models.loss).assign_coords(dataset_size=T, m=m, budget=budget)


def measure(objective: Any, model: Any, key: PRNGKeyArray) -> Mapping[str, Array]:
    """Measure training loss, datapoints' hidden vectors and errors, and dimensionalities."""
    h = tm.hidden_vectors(model.W[...], objective.points)
    return {
        "train_loss": objective.loss(model, key),
        "h": h,
        "datapoint_error": tm.datapoint_errors(model.W[...], model.b[...], objective.points),
        "feature_dimensionality": geometry.dimensionality(model.W[...]),
        "datapoint_dimensionality": geometry.data_dimensionality(h),
    }
