"""The runs that the figures on memorization share: one model for each finite dataset.

Figures that import the same `Spec` and `run` are one computation: whichever is made first
trains, and the others find its data.
"""

from dataclasses import dataclass
from typing import Annotated

import jax
import numpy as np
import optax

import toymodels
from toymodels import (
    Axis,
    FiniteDataset,
    ReluOutput,
    SparseFeatures,
    draw_datapoints,
    geometry,
    hidden_vectors,
    join_sizes,
    squared_error,
    stack_datapoints,
)
from toymodels.suite.spec import Count, Distinct, Fraction, NonNegative, Positive

DatasetSizes = Annotated[tuple[Count, ...], Distinct()]
MOST_EMPTY = 0.01  # share of vectors without any active feature that still is none


@dataclass(frozen=True)
class FiniteSpec(toymodels.Spec):
    """How a model is trained on a finite dataset."""

    n: Count = 1000
    """Number of features."""
    sparsity: Fraction = 0.99
    """S, the probability that a feature is inactive."""
    data_seeds: Count = 4
    """Datasets drawn of each size."""
    restarts: Count = 1
    """Models trained on each dataset."""
    steps: Count = 10_000
    """Full-batch steps."""
    learning_rate: Positive = 1e-3
    """AdamW's learning rate after a warm-up of 5 % of the steps; it falls along a cosine."""
    weight_decay: NonNegative = 1e-2
    """AdamW's decoupled weight decay."""
    test_points: Count = 2**16
    """Fresh datapoints of the test loss, the same for all models."""

    def check(self):
        empty = self.sparsity**self.n
        if empty > MOST_EMPTY:
            raise ValueError(
                f"with n = {self.n} a sparsity of {self.sparsity} leaves {empty:.0%} of the "
                f"datapoints without any feature; lower it, or raise n (n (1 - S) > 5 will do)"
            )


@dataclass(frozen=True)
class Spec(FiniteSpec):
    """Settings of the runs over dataset sizes."""

    m: Count = 2
    """Number of hidden dimensions."""
    dataset_size: DatasetSizes = (3, 5, 6, 8, 10, 15, 30, 50, 100, 200, 500, 1000, 2000, 5000)
    """T, the number of datapoints."""
    large: Count = 1000
    """Above this T, `large_data_seeds` datasets are drawn."""
    large_data_seeds: Count = 2
    """Datasets of each size above `large`, and for the longer runs."""
    longer: Count = 4
    """The longer runs have this many times the steps."""
    longer_dataset_size: DatasetSizes = (5, 15, 30, 100, 200, 500, 1000)
    """T of the longer runs."""

    def check(self):
        super().check()
        if self.large_data_seeds > self.data_seeds:
            raise ValueError("large_data_seeds must be at most data_seeds")
        if self.longer < 2:
            raise ValueError("longer must be at least 2: it multiplies the steps")


SMOKE = Spec(
    n=100,
    sparsity=0.9,
    dataset_size=(3, 5, 20),
    longer_dataset_size=(5,),
    data_seeds=2,
    steps=100,
    test_points=256,
)
PAPER = Spec(
    n=10_000,
    sparsity=0.999,
    steps=50_000,
    dataset_size=(3, 5, 6, 8, 10, 15, 30, 50, 100, 200, 500, 1000, 2000, 5000, 10_000),
    longer_dataset_size=(15, 30, 50, 100, 200, 500),
)


def run(spec, key, runner):
    features, test = test_set(spec, key)
    short = dict.fromkeys(spec.dataset_size, spec.data_seeds)
    short |= {T: spec.large_data_seeds for T in spec.dataset_size if spec.large < T}
    long = dict.fromkeys(spec.longer_dataset_size, spec.large_data_seeds)
    budgets = []
    for budget, sizes in {1: short, spec.longer: long}.items():
        members = [
            train(spec, key, runner, features, test, f"T{T}_x{budget}", T, spec.m, seeds, budget)
            for T, seeds in sizes.items()
        ]
        budgets.append(join_sizes(members, "dataset_size", list(sizes)))
    return join_sizes(budgets, "budget", [1, spec.longer])


def test_set(spec, key):
    """Return the distribution of features, and the test datapoints of all models."""
    features = SparseFeatures(spec.n, sparsity=spec.sparsity)
    return features, draw_datapoints(features, spec.test_points, jax.random.fold_in(key, 0))


def train(spec, key, runner, features, test, name, T, m, data_seeds, budget=1):
    """Train on `data_seeds` datasets of T points, and look at features and datapoints."""
    points = stack_datapoints(
        [
            draw_datapoints(features, T, jax.random.fold_in(jax.random.fold_in(key, T), seed))
            for seed in range(data_seeds)
        ]
    )
    steps = budget * spec.steps

    def problem(data_seed, test_points):
        rate = optax.warmup_cosine_decay_schedule(0, spec.learning_rate, steps // 20, steps)
        objective = FiniteDataset(
            lambda key: ReluOutput(spec.n, m, key=key), data_seed, test_points
        )
        return objective, optax.adamw(rate, weight_decay=spec.weight_decay)

    axes = [
        Axis("data_seed", np.arange(data_seeds), points),
        Axis.seeds(spec.restarts, shared_batches=True),
    ]
    models = runner.train(name, problem, axes, steps, key=key, data={"test_points": test})
    models = models.drop_dims("step").assign_coords(datapoint=np.arange(T))
    return models.assign(**seen(models, points))


def seen(models, points):
    """Compute what the figures show: hidden vectors, dimensionalities and both losses."""
    W, b = models.W.values, models.b.values
    h = np.asarray(jax.vmap(jax.vmap(hidden_vectors, (0, None)))(W, points))
    errors = jax.vmap(squared_error, (0, 0, None))
    train_loss = jax.lax.map(lambda dataset: errors(*dataset), (W, b, points))
    members = ("data_seed", "seed")
    return {
        "h": ((*members, "hidden", "datapoint"), h),
        "test_loss": (members, models.loss.values),
        "train_loss": (members, np.asarray(train_loss)),
        "feature_dimensionality": ((*members, "feature"), geometry.dimensionality(W)),
        "datapoint_dimensionality": ((*members, "datapoint"), geometry.dimensionality(h)),
    }
