"""Mean of a loss over blocks of samples, keeping one block's arrays in cache at a time."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Model = TypeVar("Model")
Block = TypeVar("Block")

# entries of one block's widest array: about 400 KB in float32, a share of a core's L2 cache
BLOCK_ENTRIES = 2**17


def block_columns(rows: int, columns: int, entries: int | None = None) -> int:
    """Return how many of `columns` samples of `rows` entries make a block: a divisor of it.

    A block holds about `entries`, BLOCK_ENTRIES if not given. All samples make one where no
    divisor comes near what fits, as with a prime: a large block costs cache misses, thousands
    of small ones cost far more.
    """
    fits = max(1, (BLOCK_ENTRIES if entries is None else entries) // rows)
    size = largest_divisor(columns, fits)
    return size if 2 * size > min(fits, columns) else columns


def largest_divisor(number: int, limit: int) -> int:
    """Return the largest divisor of `number` that is at most `limit`."""
    return next(size for size in range(min(limit, number), 0, -1) if number % size == 0)


def mean_over_blocks(
    loss: Callable[[Model, Block], Float[Array, ""]], model: Model, blocks: Block
) -> Float[Array, ""]:
    """Mean of `loss(model, block)` over the leading axis of `blocks`, with its exact gradient.

    Differentiating a loop would store every block's activations. Here each block's gradient
    is taken at once and summed; the returned scalar has the mean as its value and that sum as
    its (first) derivative with respect to `model`. Nothing else is differentiated through.
    """
    count = len(jax.tree.leaves(blocks)[0])
    if count == 1:
        return loss(model, jax.tree.map(lambda leaf: leaf[0], blocks))
    frozen = lax.stop_gradient(model)

    def add(total, block):
        return jax.tree.map(jnp.add, total, jax.value_and_grad(loss)(frozen, block)), None

    zero = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, frozen))
    (value, gradient), _ = lax.scan(add, zero, blocks)
    # model - frozen is zero, and its derivative is one: only the gradient passes
    pairs = zip(*map(jax.tree.leaves, (gradient, model, frozen)), strict=True)
    tangent = sum(jnp.vdot(lax.stop_gradient(g), live - still) for g, live, still in pairs)
    return (value + tangent) / count


def mean_value_over_blocks(
    loss: Callable[[Model, Block], Float[Array, ""]], model: Model, blocks: Block
) -> Float[Array, ""]:
    """Mean of `loss(model, block)` over the leading axis of `blocks`, for looking at only."""

    def add(total, block):
        return total + loss(model, block), None

    count = len(jax.tree.leaves(blocks)[0])
    return lax.scan(add, jnp.zeros(()), blocks)[0] / count
