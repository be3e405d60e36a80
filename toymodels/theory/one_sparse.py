"""Exact expected loss of the ReLU-output model on one-sparse inputs, the limit S -> 1."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toymodels.numerics.arrays import Nested
from toymodels.numerics.named import named
from toymodels.numerics.names import check_same_features
from toymodels.theory.quadrature import error_of_one

__all__ = ["one_sparse_loss"]


@named("(hidden,feature),(feature)->()")
@jax.jit
def one_sparse_loss(
    W: Float[Array | np.ndarray, "*batch m n"] | Nested,
    b: Float[Array | np.ndarray, "*batch n"] | Nested,
) -> Float[Array, "*batch"]:
    """Integrate the ReLU-output model's expected loss on one-sparse inputs, exactly.

    Inputs are u e_i with i uniform among the n features and u uniform on [0, 1]; all importances
    are 1. This is the limit S -> 1 of independent features with b <= 0, in units of n p.

    With zero weights and biases the loss is E[u^2] = 1/3:

    >>> import numpy as np
    >>> from toymodels import theory
    >>> round(theory.one_sparse_loss(np.zeros((2, 5)), np.zeros(5)).item(), 4)
    0.3333

    Source: the loss L_1 of Elhage et al. 2022, section "Demonstrating Superposition", Mathematical
    Understanding; Chen et al. 2023, "Dynamical versus Bayesian Phase Transitions in a Toy Model of
    Superposition", use it as a potential.

    Args:
        W: weights, one column per feature; the dimensions of a DataArray are matched by name.
        b: biases.

    Returns:
        (1/n) sum_ij E[(u delta_ij - relu(u W_i . W_j + b_j))^2], `[*batch]`.

    Raises:
        ValueError: if W and b have different n.
    """
    # on GPUs the default precision of a float32 product is about three digits
    columns = jnp.asarray(W)
    check_same_features(columns, jnp.asarray(b))
    products = jnp.matmul(columns.mT, columns, precision="highest")
    bias = jnp.broadcast_to(jnp.asarray(b)[..., None, :], products.shape)
    target = jnp.broadcast_to(jnp.eye(products.shape[-1], dtype=products.dtype), products.shape)
    return error_of_one(products, bias, target).sum((-2, -1)) / products.shape[-1]
