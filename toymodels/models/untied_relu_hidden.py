"""One hidden layer of neurons with untied weights, to compute a function of sparse features."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.numerics.checks import check_count


class UntiedReluHidden(nnx.Module):
    """h = relu(W_in x), y = relu(W_out h + b).

    Elhage et al. 2022, "Computation in Superposition", with the target y = |x|. The initial W_in
    [m, n] and W_out [n, m] are Xavier-normal, the initial b [n] zero. Samples are the columns of x.

    >>> import jax, jax.numpy as jnp
    >>> from toymodels import UntiedReluHidden
    >>> model = UntiedReluHidden(3, 6, key=jax.random.key(0))
    >>> model.W_in.shape, model.W_out.shape, model(jnp.ones((3, 100))).shape
    ((6, 3), (3, 6), (3, 100))

    Args:
        n: number of features, inputs and outputs.
        m: number of neurons.
        key: random key for the initial weights.

    Raises:
        ValueError: if n < 1 or m < 1.
    """

    dims: ClassVar = {
        "W_in": ("hidden", "feature"),
        "W_out": ("feature", "hidden"),
        "b": ("feature",),
    }

    def __init__(self, n: int, m: int, *, key: PRNGKeyArray):
        check_count("n", n)
        check_count("m", m)
        in_key, out_key = jax.random.split(key)
        xavier = jax.nn.initializers.variance_scaling(1.0, "fan_avg", "normal")
        self.W_in = nnx.Param(xavier(in_key, (m, n)))
        self.W_out = nnx.Param(xavier(out_key, (n, m)))
        self.b = nnx.Param(jnp.zeros(n))

    def __call__(self, x: Float[Array, "n batch"]) -> Float[Array, "n batch"]:
        """Compute the outputs of feature vectors, given as columns."""
        h = jax.nn.relu(self.W_in @ x)
        return jax.nn.relu(self.W_out @ h + self.b[:, None])
