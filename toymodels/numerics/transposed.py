"""The product W^T h, the readout of tied weights."""

import jax
from jax import lax
from jaxtyping import Array, Float


@jax.custom_jvp
def transposed_product(
    W: Float[Array, "m n"], h: Float[Array, "m batch"]
) -> Float[Array, "n batch"]:
    """Return W^T h, from a transposed copy of W.

    On a CPU, XLA computes products along the first axis of the left matrix more slowly than others;
    the barrier keeps it from undoing the copy. In the derivative W itself stands on the left.
    """
    return lax.optimization_barrier(W.T) @ h


@transposed_product.defjvp
def _(primals, tangents):
    (W, h), (along_W, along_h) = primals, tangents
    return transposed_product(W, h), along_W.T @ h + W.T @ along_h
