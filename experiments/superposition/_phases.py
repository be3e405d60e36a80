"""What the phase diagrams share: models over p and the relative importance r of one feature."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
import xarray as xr
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig

PAPER = fig.Source("Elhage et al. 2022, Superposition as a Phase Change")
BAND = 0.15  # decades around a boundary, excluded from the comparison


class PhaseSpec(fig.TrainingSpec):
    """Settings; the source prints no optimiser and no grid."""

    cells: Annotated[fig.Count, Field(ge=2)] = 40
    """Cells along each axis of the diagram."""
    steps: fig.Count = 2000
    learning_rate: fig.Positive = 1e-2
    schedule: Literal["constant", "cosine"] = "cosine"

    @property
    def p(self) -> np.ndarray:
        """The probabilities that a feature is on, from 1 to 0.01, [cells]."""
        return 10.0 ** (-2 * self._middles())

    @property
    def r(self) -> np.ndarray:
        """The relative importances, from 0.1 to 10, [cells]."""
        return 10.0 ** (2 * self._middles() - 1)

    def _middles(self) -> np.ndarray:
        return (np.arange(self.cells) + 0.5) / self.cells


def train_cells(lab: fig.Lab[Any], n: int, m: int, **options: Any) -> xr.Dataset:
    """Train n features, of which the last has importance r and the others 1, in m dimensions.

    Args:
        lab: with a `PhaseSpec`.
        n: number of features.
        m: number of hidden dimensions.
        options: passed to `Reconstruction`.
    """
    spec = lab.spec

    def problem(sparsity, relative_importance):
        importance = jnp.stack([*np.ones(n - 1, np.float32), relative_importance])
        features = tm.SparseFeatures(n, sparsity=sparsity, importance=importance)
        objective = tm.Reconstruction(
            features, lambda key: tm.ReluOutput(n, m, key=key), spec.batch_size, **options
        )
        return objective, spec.adamw()

    grid = [tm.Axis("sparsity", 1 - spec.p), tm.Axis("relative_importance", spec.r)]
    return lab.train("relu_output", problem, axes=grid)


def away_from_boundaries(phase: Callable[..., Any], p: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Return which cells keep their phase, a function of p and r, when these change by a `BAND`."""
    step, here = 10.0**BAND, phase(p, r)
    moved = [(np.minimum(p * step, 1), r), (p / step, r), (p, r * step), (p, r / step)]
    return np.all([phase(*there) == here for there in moved], axis=0)
