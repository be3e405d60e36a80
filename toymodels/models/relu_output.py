"""The ReLU-output model: an autoencoder of n features with m hidden dimensions and tied weights."""

from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.numerics.checks import check_count


def relu(x: Array) -> Array:
    """Return max(x, 0). A model with the jitted `jax.nn.relu` itself cannot be pickled."""
    return jax.nn.relu(x)


class ReluOutput(nnx.Module):
    """h = W x, x' = f(W^T h + b), with f = ReLU by default.

    Elhage et al. 2022, "Demonstrating Superposition". Weights are tied; the initial W [m, n] is
    Xavier-normal, the initial b [n] zero. Samples are the columns of x.

    >>> import jax, jax.numpy as jnp
    >>> from toymodels import ReluOutput
    >>> model = ReluOutput(5, 2, key=jax.random.key(0))
    >>> model.W.shape, model(jnp.ones((5, 100))).shape
    ((2, 5), (5, 100))

    Args:
        n: number of features.
        m: number of hidden dimensions.
        key: random key for the initial W.
        activation: any elementwise function (`jax.nn.gelu`, ...).
        init_scale: factor on the initial W.

    Raises:
        ValueError: if n < 1 or m < 1.
    """

    dims: ClassVar = {"W": ("hidden", "feature"), "b": ("feature",)}

    def __init__(
        self,
        n: int,
        m: int,
        *,
        key: PRNGKeyArray,
        activation: Callable[[Array], Array] = relu,
        init_scale: ArrayLike = 1.0,
    ):
        check_count("n", n)
        check_count("m", m)
        # JAX's glorot_normal is truncated, the initialisation in the papers' code is not
        xavier = jax.nn.initializers.variance_scaling(1.0, "fan_avg", "normal")
        self.W = nnx.Param(init_scale * xavier(key, (m, n)))
        self.b = nnx.Param(jnp.zeros(n))
        self.activation = activation

    def __call__(self, x: Float[Array, "n batch"]) -> Float[Array, "n batch"]:
        """Reconstruct feature vectors, given as columns."""
        h = self.W @ x
        return self.activation(self.W.T @ h + self.b[:, None])


def identity(x: Array) -> Array:
    """Return x: the activation of the linear model."""
    return x


class LinearModel(ReluOutput):
    """h = W x, x' = W^T h + b: the model without ReLU, whose optimum is PCA.

    Arguments as for `ReluOutput`, without the activation.
    """

    def __init__(self, n: int, m: int, *, key: PRNGKeyArray, init_scale: ArrayLike = 1.0):
        super().__init__(n, m, key=key, activation=identity, init_scale=init_scale)
