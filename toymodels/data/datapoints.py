"""Finite datasets of sparse feature vectors, stored as indices and values of active features.

At n = 10,000 features and S = 0.999 a datapoint has about ten nonzero entries; a dense array
[n, T] would dominate the cost of training on it.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from toymodels.data.distributions import FeatureDistribution, size
from toymodels.numerics.checks import check_count, check_indices
from toymodels.numerics.memory import check_fits

DRAW_ENTRIES = 2**24  # entries drawn at a time: 64 MB
BYTES_AN_ENTRY = 8 + 8 + 4  # per nonzero entry: datapoint, feature and value


class Datapoints(NamedTuple):
    """T sparse vectors of up to k active features; entries with value zero are padding."""

    feature: Int[Array | np.ndarray, "*axes T k"]
    value: Float[Array | np.ndarray, "*axes T k"]

    def dense(self, n: int) -> Float[Array, "n T"]:
        """Return the vectors as columns of a dense array, for inspection; training never does.

        Raises:
            ValueError: if a feature index is outside 0 .. n - 1.
            TooLarge: if the array does not fit into memory.
        """
        self.check_features(n)
        count = np.shape(self.feature)[0]
        check_fits(f"{count:,} datapoints as columns of {n:,} features", 4 * n * count)
        rows = jnp.arange(np.shape(self.feature)[0])[:, None]
        columns = jnp.zeros((len(rows), n)).at[rows, jnp.asarray(self.feature)]
        return columns.add(jnp.asarray(self.value)).T

    def check_features(self, n: int) -> None:
        """Raise ValueError if a feature index, padding included, is outside 0 .. n - 1."""
        check_indices("the features of the datapoints", self.feature, n, "features")


def draw_datapoints(features: FeatureDistribution, T: int, *, key: PRNGKeyArray) -> Datapoints:
    """Draw T datapoints with at least one active feature each, scaled to length 1.

    Henighan et al. 2023, "Superposition, Memorization, and Double Descent". Zero vectors, which
    cannot be scaled, are not drawn.

    Args:
        features: the distribution to draw from.
        T: number of datapoints.
        key: PRNG key.

    Raises:
        ValueError: if T < 1, no feature is ever active (S = 1), or rejection sampling finds no
            sample with an active feature.
        TooLarge: if the datapoints do not fit into memory, estimated from the first of them.
        TypeError: if it is called while JAX traces, as in a problem.
    """
    check_count("T", T)
    if isinstance(jnp.zeros(()), jax.core.Tracer):
        raise TypeError(
            "datapoints cannot be drawn inside a problem or another function that JAX traces: draw "
            "them before, and pass them by train(..., data=...) or an Axis"
        )
    if features.some_active is not None and features.some_active == 0:
        raise ValueError("no datapoint can be drawn: no feature is ever active (S = 1)")
    block = min(T, max(1, DRAW_ENTRIES // size(features)))
    draw = jax.jit(partial(features.sample_active, batch=block))
    parts = [_entries(draw(jax.random.fold_in(key, 0)))]
    entries = max(T, len(parts[0][0]) * T // block)
    check_fits(f"{T:,} datapoints", BYTES_AN_ENTRY * entries)
    parts += [_entries(draw(jax.random.fold_in(key, i))) for i in range(1, -(-T // block))]
    rows = [row + i * block for i, (row, _, _) in enumerate(parts)]
    index, value = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
    if any(len(values) == 0 or np.isnan(values).any() for _, _, values in parts):
        kind = type(features).__name__
        raise ValueError(f"no datapoint can be drawn: all samples of {kind} are zero")
    return _in_rows(np.concatenate(rows), index, value, T)


def _entries(x: Float[Array, "n block"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return datapoint, feature and value of each nonzero entry, ordered by datapoint."""
    rows = np.asarray(x).T
    row, index = np.nonzero(rows)
    return row, index, rows[row, index]


def _in_rows(row: np.ndarray, index: np.ndarray, value: np.ndarray, T: int) -> Datapoints:
    begins = np.searchsorted(row, np.arange(T))
    here = row < T
    row, index, value = row[here], index[here], value[here]
    place = np.arange(len(row)) - begins[row]
    points = Datapoints(*(np.zeros((T, place.max() + 1), kind) for kind in (np.int32, value.dtype)))
    points.feature[row, place], points.value[row, place] = index, value
    length = np.linalg.norm(points.value, axis=1, keepdims=True)
    return points._replace(value=points.value / np.where(length > 0, length, 1))


def stack_datapoints(datasets: Sequence[Datapoints]) -> Datapoints:
    """Stack datasets of the same size T along a leading axis, as the values of an `Axis`.

    Raises:
        ValueError: if their sizes differ.
    """
    if len({dataset.feature.shape[0] for dataset in datasets}) > 1:
        raise ValueError("datasets of different sizes cannot be stacked")
    width = max(dataset.feature.shape[1] for dataset in datasets)

    def pad(rows):
        return np.pad(rows, ((0, 0), (0, width - rows.shape[1])))

    indices, values = zip(*datasets, strict=True)
    return Datapoints(np.stack(list(map(pad, indices))), np.stack(list(map(pad, values))))
