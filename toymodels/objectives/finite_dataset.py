"""Training on a finite dataset, full batch: the same T datapoints at every step.

The mean squared error of x' = relu(W^T W x + b) over sparse x is

    1/T sum_t ( sum_i relu(z_ti)^2 + sum_{i active in t} (x_ti^2 - 2 x_ti relu(z_ti)) ),

z_t = W^T h_t + b. Only the first sum is over all n features, and it needs nothing of x: it is
taken over blocks of datapoints, whose pre-activations stay in cache and are used for the value
and its gradient at once. The second, and the first layer h = W x, touch active features only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.data.datapoints import Datapoints
from toymodels.models.relu_output import ReluOutput

# entries of a block's pre-activations, 8 MB: what these thin products are fastest at
BLOCK_ENTRIES = 2**21


@dataclass(frozen=True)
class FiniteDataset:
    """Mean squared reconstruction error on a fixed dataset, by a ReLU-output model.

    L = 1/T sum_t |x_t - x'_t|^2, importances one (Henighan et al. 2023).

    Attributes:
        build: key -> model; its activation must be the ReLU.
        points: the T datapoints, all of them used at every step.
        test_points: fresh datapoints, at least 2^16 where small differences matter.

    Raises:
        ValueError: if a dataset is empty.
    """

    build: Callable[[PRNGKeyArray], ReluOutput]
    points: Datapoints
    test_points: Datapoints

    def __post_init__(self) -> None:
        for name in ("points", "test_points"):
            if getattr(self, name).feature.size == 0:
                raise ValueError(f"{name} must hold at least one datapoint with an active feature")

    def init(self, key: PRNGKeyArray) -> ReluOutput:
        """Build the model at its starting point.

        Raises:
            ValueError: if its activation is not the ReLU, which the error is written for.
        """
        model = self.build(key)
        if model.activation is not jax.nn.relu:
            raise ValueError("a finite dataset is reconstructed by a model with ReLU output")
        return model

    def loss(self, model: ReluOutput, _key: PRNGKeyArray) -> Float[Array, ""]:
        """Measure L on the whole dataset, with its exact gradient."""
        return squared_error(model.W[...], model.b[...], self.points)

    def test_loss(self, model: ReluOutput, _key: PRNGKeyArray) -> Float[Array, ""]:
        """Measure L on the test datapoints, the same for every model that is given them."""
        return squared_error(model.W[...], model.b[...], self.test_points)


def hidden_vectors(W: Float[Array, "m n"], points: Datapoints) -> Float[Array, "m T"]:
    """Return h_t = W x_t of every datapoint, as columns."""
    return jnp.einsum(
        "mtk,tk->mt", W.at[:, points.feature].get(mode="promise_in_bounds"), points.value
    )


def squared_error(
    W: Float[Array, "m n"], b: Float[Array, " n"], points: Datapoints
) -> Float[Array, ""]:
    """Mean over the datapoints of |x - relu(W^T W x + b)|^2, differentiable in W and b."""
    return _error(W, b, points)


@jax.custom_vjp
def _error(W, b, points):
    layers = _Layers.of(W, b, points)

    def add(total, h):
        return total + jnp.sum(jnp.square(jax.nn.relu(layers.readout @ h))), None

    dense, _ = lax.scan(add, jnp.zeros(()), _blocks(layers.hidden, W.shape[1]))
    return _mean(dense, layers, points)


def _value_and_gradient(W, b, points):
    layers, T, (m, n) = _Layers.of(W, b, points), len(points.feature), W.shape

    def add(by_readout, h):
        y = jax.nn.relu(layers.readout @ h)
        return by_readout + y @ h.T, layers.readout.T @ y

    by_readout, by_hidden = lax.scan(add, jnp.zeros((n, m + 1)), _blocks(layers.hidden, n))
    by_hidden = jnp.moveaxis(by_hidden, 0, 1).reshape(m + 1, -1)[:, :T]
    dense = jnp.vdot(layers.readout, by_readout)  # relu(z)^2 is relu(z) z
    # -2 x relu(z), and then h = W x, reach the columns of the active features only
    slope = jnp.where(layers.active > 0, -points.value, 0.0)
    by_hidden += jnp.einsum("mtk,tk->mt", layers.columns, slope)
    at_active = slope[None] * layers.hidden[:, :, None]
    at_active = at_active.at[:m].add(points.value[None] * by_hidden[:m, :, None])
    gradient = by_readout.T.at[:, points.feature].add(at_active, mode="promise_in_bounds")
    return _mean(dense, layers, points), (2 / T * gradient[:m], 2 / T * gradient[m])


def _mean(dense, layers, points):
    # the two sums nearly cancel where the dataset is memorised: rounding may take it below zero
    return jnp.maximum(dense + layers.sparse_error(points.value), 0.0) / len(points.feature)


def _scale_gradient(gradient, cotangent):
    by_W, by_b = gradient
    return cotangent * by_W, cotangent * by_b, None


_error.defvjp(_value_and_gradient, _scale_gradient)


class _Layers(NamedTuple):
    """Both layers with the bias as one more hidden dimension, whose value is always 1."""

    readout: Float[Array, "n m+1"]
    hidden: Float[Array, "m+1 T"]
    columns: Float[Array, "m+1 T k"]  # the readout of the active features
    active: Float[Array, "T k"]  # z of the active features

    @classmethod
    def of(cls, W, b, points) -> "_Layers":
        weights = jnp.concatenate([W, b[None]])
        columns = weights.at[:, points.feature].get(mode="promise_in_bounds")
        h = jnp.einsum("mtk,tk->mt", columns[:-1], points.value)
        hidden = jnp.concatenate([h, jnp.ones_like(h[:1])])
        return cls(weights.T, hidden, columns, jnp.einsum("mtk,mt->tk", columns, hidden))

    def sparse_error(self, x) -> Float[Array, ""]:
        return jnp.sum(jnp.square(x) - 2 * x * jax.nn.relu(self.active))


def _blocks(hidden: Float[Array, "rows T"], n: int) -> Float[Array, "blocks rows columns"]:
    """Cut the datapoints into blocks of one size; what is added is all zero, the 1 as well."""
    rows, T = hidden.shape
    count = -(-T // max(1, BLOCK_ENTRIES // n))
    columns = -(-T // count)
    padded = jnp.pad(hidden, ((0, 0), (0, count * columns - T)))
    return padded.reshape(rows, count, columns).transpose(1, 0, 2)
