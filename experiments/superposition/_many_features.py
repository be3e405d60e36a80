"""Shared runs of the figures of many alike features: models of several sizes over densities.

Figures that import the same `Spec` and `run` share one computation: the first one trains, and the
others load its data.
"""

from types import SimpleNamespace
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig

DESCRIBES = {"inverse_density": "1 / (1 - S), the inverse of the probability that a feature is on"}


class Spec(fig.AnnealedSpec):
    """Settings; the source prints no optimiser."""

    n: Annotated[tuple[Annotated[fig.Count, Field(ge=3)], ...], Field(min_length=1)] = (
        400,
        200,
        800,
    )
    """Numbers of features; the first size is the one of the main panel."""
    m: fig.Counts = (30, 20, 60)
    """Numbers of hidden dimensions, one for each n and at most n."""
    every: fig.Counts = (1, 2, 6)
    """Each size is trained at every so many of the densities."""
    densities: fig.Count = 36
    """Values of 1 / (1 - S), from 1 on, evenly apart on a log scale."""
    highest: Annotated[float, Field(gt=1)] = 10.0
    """The largest 1 / (1 - S), above 1."""
    init_scale: fig.Positive = 0.1
    """Factor on the initial weights, Xavier's."""
    restarts: fig.Count = 1
    steps: fig.Count = 4000
    batch_size: fig.Count = 256

    @property
    def sizes(self) -> list[SimpleNamespace]:
        """The sizes, each with n, m and every."""
        return self.zipped("n", "m", "every")

    def check(self) -> None:
        for size in self.sizes:
            if size.m > size.n:
                raise ValueError(f"m must be at most n; got m = {size.m} for n = {size.n}")
        self.check_distinct("n", "m")


SMOKE = Spec(n=(40, 80), m=(4, 8), every=(1, 2), densities=4, steps=100, batch_size=64)
PAPER = Spec(
    every=(1, 1, 1),
    densities=50,
    steps=10_000,
    batch_size=1024,
    learning_rate=1e-3,
    schedule="constant",
)


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    """Train models of each size on features of equal importance, over densities."""
    return tm.gather([train(lab, size) for size in lab.spec.sizes])


def train(lab: fig.Lab[Spec], size: SimpleNamespace) -> xr.Dataset:
    """Train models of one size at its densities."""
    spec = lab.spec
    grid = np.geomspace(1, spec.highest, spec.densities)[:: size.every]

    def problem(inverse_density):
        features = tm.SparseFeatures(size.n, probability=1 / inverse_density)

        def model(key):
            return tm.ReluOutput(size.n, size.m, key=key, init_scale=spec.init_scale)

        return tm.Reconstruction(features, model, spec.batch_size), spec.adamw()

    models = lab.train(f"n={size.n}.m={size.m}", problem, tm.Axis("inverse_density", grid))
    return models.assign_coords(n=size.n, m=size.m)


def best_models(data: xr.DataTree) -> list[xr.Dataset]:
    """Return the best restarts of each size, by rising 1 / (1 - S); the main size is first."""
    return [tm.best_of(models).sortby("inverse_density") for models in tm.select_all(data)]
