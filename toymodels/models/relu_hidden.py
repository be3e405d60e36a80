"""The ReLU-hidden model: an autoencoder with tied weights whose hidden layer is neurons."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.numerics.checks import check_count


class ReluHidden(nnx.Module):
    """h = relu(W x), x' = relu(W^T h + b).

    Elhage et al. 2022, "Superposition in a Privileged Basis". Weights are tied; the ReLU makes the
    rows of W neurons, a basis that rotations would not keep. There is no hidden bias: with one,
    neurons become linear. The initial W [m, n] is Xavier-normal, the initial b [n] zero. Samples
    are the columns of x.

    >>> import jax, jax.numpy as jnp
    >>> from toymodels import ReluHidden
    >>> model = ReluHidden(10, 5, key=jax.random.key(0))
    >>> model.W.shape, model(jnp.ones((10, 100))).shape
    ((5, 10), (10, 100))

    Args:
        n: number of features.
        m: number of neurons.
        key: random key for the initial W.

    Raises:
        ValueError: if n < 1 or m < 1.
    """

    dims: ClassVar = {"W": ("hidden", "feature"), "b": ("feature",)}

    def __init__(self, n: int, m: int, *, key: PRNGKeyArray):
        check_count("n", n)
        check_count("m", m)
        xavier = jax.nn.initializers.variance_scaling(1.0, "fan_avg", "normal")
        self.W = nnx.Param(xavier(key, (m, n)))
        self.b = nnx.Param(jnp.zeros(n))

    def __call__(self, x: Float[Array, "n batch"]) -> Float[Array, "n batch"]:
        """Reconstruct feature vectors, given as columns."""
        h = jax.nn.relu(self.W @ x)
        return jax.nn.relu(self.W.T @ h + self.b[:, None])
