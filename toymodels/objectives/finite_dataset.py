"""Full-batch training on a finite dataset of T datapoints.

The mean squared error of x' = relu(W^T W x + b) over sparse x is

    1/T sum_t ( sum_i relu(z_ti)^2 + sum_{i active in t} (x_ti^2 - 2 x_ti relu(z_ti)) ),

z_t = W^T h_t + b. Only the first sum runs over all n features, and it does not depend on x: it is
computed over blocks of datapoints, whose pre-activations stay in cache and serve both the value
and its gradient. The second sum, and the first layer h = W x, use active features only.

The two sums nearly cancel when the dataset is memorised. The gradient stays accurate, but the
value loses precision below 1e-6: without a gradient, it is computed from the differences x - x'.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.data.datapoints import Datapoints
from toymodels.models.calls import check_build, check_can
from toymodels.models.relu_output import ReluOutput, relu
from toymodels.numerics.arrays import Nested
from toymodels.numerics.derivatives import with_own_gradient
from toymodels.numerics.named import named
from toymodels.numerics.names import check_same_features
from toymodels.numerics.products import true_float32
from toymodels.numerics.sharing import sum_on_devices
from toymodels.numerics.turns import members_in_turn

Matrix = Float[Array | np.ndarray, "m n"] | Nested
Vector = Float[Array | np.ndarray, " n"] | Nested

# A block has about 1 MB of pre-activations, part of a core's L2 cache, and at least twelve
# datapoints for each row of the readout, whose gradient is read and written once a block
BLOCK_ENTRIES, DATAPOINTS_A_ROW = 2**18, 12
# entries of all pre-activations from which members are computed one after the other
WORTH_A_TURN = 2**14
# entries of a device's share from which devices share the datapoints out: about .3 ms of work
WORTH_SHARING = 2**19


@dataclass(frozen=True)
class FiniteDataset:
    """Mean squared reconstruction error of a ReLU-output model on a fixed dataset.

    L = 1/T sum_t |x_t - x'_t|^2, with all importances 1 (Henighan et al. 2023).

    Attributes:
        build: key -> model; its activation must be ReLU.
        points: the T datapoints, all of them used at every step.
        test_points: fresh datapoints, at least 2^16 if small differences matter.

    Raises:
        ValueError: if a dataset is empty or has a feature index outside the model's n, or the
            activation is not ReLU.
    """

    build: Callable[[PRNGKeyArray], ReluOutput]
    points: Datapoints
    test_points: Datapoints

    def __post_init__(self) -> None:
        check_build(self.build)
        for name in ("points", "test_points"):
            if getattr(self, name).feature.size == 0:
                raise ValueError(f"{name} must hold at least one datapoint with an active feature")
        if not isinstance(self.points.feature, jax.core.Tracer):
            n = jax.eval_shape(self.init, jax.random.key(0)).W.shape[1]
            self.points.check_features(n)
            self.test_points.check_features(n)

    def init(self, key: PRNGKeyArray) -> ReluOutput:
        """Build the initial model.

        Raises:
            TypeError: if it lacks `W`, `b` or `activation` of `ReluOutput`.
            ValueError: if its activation is not ReLU.
        """
        model = self.build(key)
        check_can(model, "FiniteDataset", "W", "b", "activation", like="ReluOutput")
        if model.activation not in (relu, jax.nn.relu):
            raise ValueError("FiniteDataset needs a model with ReLU output")
        return model

    def loss(self, model: ReluOutput, _key: PRNGKeyArray) -> Float[Array, ""]:
        """Measure L on the whole dataset, with its exact gradient."""
        return squared_error(model.W[...], model.b[...], self.points)

    def test_loss(self, model: ReluOutput, _key: PRNGKeyArray) -> Float[Array, ""]:
        """Measure L on the test datapoints."""
        return squared_error(model.W[...], model.b[...], self.test_points)


@named("(hidden,feature)->(hidden,datapoint)")
def hidden_vectors(W: Matrix, points: Datapoints) -> Float[Array, "m T"]:
    """Return h_t = W x_t of every datapoint, as columns.

    Args:
        W: weights [m, n]; the dimensions of a DataArray are matched by name.
        points: T datapoints.

    Raises:
        ValueError: if a datapoint has a feature index outside W's n.
    """
    weights, points = jnp.asarray(W), _checked(points, np.shape(W)[1])
    columns = weights.at[:, points.feature].get(mode="promise_in_bounds")
    with true_float32():
        return jnp.einsum("mtk,tk->mt", columns, points.value)


@named("(hidden,feature),(feature)->()")
def squared_error(W: Matrix, b: Vector, points: Datapoints) -> Float[Array, ""]:
    """Mean over the datapoints of |x - relu(W^T W x + b)|^2, differentiable in W and b.

    Without a gradient, errors far below 1e-6 are resolved. With a gradient, the value is accurate
    to about 1e-6 only, and never negative.

    Args:
        W: weights [m, n].
        b: biases [n].
        points: T datapoints.

    Raises:
        ValueError: if a datapoint has a feature index outside W's n, or W and b have different n.
    """
    at = jnp.asarray(W), jnp.asarray(b)
    check_same_features(*at)
    return with_own_gradient(_error, _error_and_gradient, at, _checked(points, np.shape(W)[1]))


@named("(hidden,feature),(feature)->(datapoint)")
def datapoint_errors(W: Matrix, b: Vector, points: Datapoints) -> Float[Array, " T"]:
    """Return |x_t - relu(W^T W x_t + b)|^2 of each datapoint; their mean is `squared_error`.

    A datapoint that is not represented has an error of about |x|^2, which is 1.

    Args:
        W: weights [m, n].
        b: biases [n].
        points: T datapoints.

    Raises:
        ValueError: as `squared_error`.
    """
    at = jnp.asarray(W), jnp.asarray(b)
    check_same_features(*at)
    return _errors(at, _checked(points, np.shape(W)[1]))


def _checked(points: Datapoints, n: int) -> Datapoints:
    points.check_features(n)
    return Datapoints(*map(jnp.asarray, points))


def _error(at, points):
    return jnp.mean(_errors(at, points))


@true_float32()
def _errors(at, points):
    W, b = at
    layers = _Layers.of(W, b, points)
    blocks = [_blocks(leaf, *layers.readout.shape) for leaf in (layers.hidden, *points)]

    def of_block(block):
        h, feature, x = block
        y = jax.nn.relu(h @ layers.readout)
        sample = jnp.arange(len(x))[:, None]
        error = y.at[sample, feature].add(-x, mode="promise_in_bounds")
        return jnp.sum(jnp.square(error), axis=1)

    return lax.map(of_block, blocks).reshape(-1)[: len(points.feature)]


def _error_and_gradient(at, points):
    T, n = len(points.feature), len(at[1])
    sums = members_in_turn(_sums) if T * n >= WORTH_A_TURN else _sums
    error, gradient = sum_on_devices(sums, points, at, least=-(-WORTH_SHARING // n))
    # the two sums nearly cancel when the dataset is memorised: rounding may give negative values
    return jnp.maximum(error, 0.0) / T, (2 / T * gradient[:-1], 2 / T * gradient[-1])


@true_float32()
def _sums(points, at):
    """Return T L and its gradient [m+1, n] with respect to W and b, divided by 2."""
    W, b = at
    layers, T, (m, n) = _Layers.of(W, b, points), len(points.feature), W.shape

    def add(by_readout, h):
        y = jax.nn.relu(h @ layers.readout)  # datapoints are rows, the fastest layout
        return by_readout + h.T @ y, y @ layers.readout.T

    blocks = _blocks(layers.hidden, m + 1, n)
    by_readout, by_hidden = lax.scan(add, jnp.zeros((m + 1, n)), blocks)
    by_hidden = by_hidden.reshape(-1, m + 1)[:T]
    dense = jnp.vdot(layers.readout, by_readout)  # relu(z)^2 is relu(z) z
    # the gradients of -2 x relu(z) and of h = W x are in the columns of active features only
    slope = jnp.where(layers.active > 0, -points.value, 0.0)
    by_hidden += jnp.einsum("mtk,tk->tm", layers.columns, slope)
    at_active = slope[None] * layers.hidden.T[:, :, None]
    at_active = at_active.at[:m].add(points.value[None] * by_hidden.T[:m, :, None])
    gradient = by_readout.at[:, points.feature].add(at_active, mode="promise_in_bounds")
    return dense + layers.sparse_error(points.value), gradient


class _Layers(NamedTuple):
    """Both layers with the bias as an additional hidden dimension of constant value 1."""

    readout: Float[Array, "m+1 n"]
    hidden: Float[Array, "T m+1"]
    columns: Float[Array, "m+1 T k"]  # the readout of the active features
    active: Float[Array, "T k"]  # z of the active features

    @classmethod
    def of(cls, W, b, points) -> "_Layers":
        weights = jnp.concatenate([W, b[None]])
        columns = weights.at[:, points.feature].get(mode="promise_in_bounds")
        h = jnp.einsum("mtk,tk->tm", columns[:-1], points.value)
        hidden = jnp.concatenate([h, jnp.ones_like(h[:, :1])], axis=1)
        return cls(weights, hidden, columns, jnp.einsum("mtk,tm->tk", columns, hidden))

    def sparse_error(self, x) -> Float[Array, ""]:
        return jnp.sum(jnp.square(x) - 2 * x * jax.nn.relu(self.active))


def _blocks(datapoints: Array, rows: int, n: int) -> Array:
    """Cut [T, ...] into blocks [blocks, k, ...] of equal size, padded with zeros.

    Args:
        datapoints: an array with an entry for each datapoint.
        rows: rows of the readout, m + 1.
        n: features.
    """
    T, *rest = datapoints.shape
    count = -(-T // max(BLOCK_ENTRIES // n, DATAPOINTS_A_ROW * rows))
    k = -(-T // count)
    padded = jnp.pad(datapoints, ((0, count * k - T), *[(0, 0)] * len(rest)))
    return padded.reshape(count, k, *rest)
