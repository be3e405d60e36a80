"""Mean of a loss over blocks of samples, so that one block's arrays fit in the cache."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jaxtyping import Array, Float

from toymodels.numerics.derivatives import with_own_gradient

Model = TypeVar("Model")
Block = TypeVar("Block")

# entries of one block's widest array: at most 512 KiB in float32, part of a core's L2 cache
BLOCK_ENTRIES = 2**17


def block_columns(rows: int, columns: int, entries: int | None = None) -> int:
    """Return the number of samples per block, a divisor of `columns`.

    A block has at most `entries` entries, BLOCK_ENTRIES by default, in samples of `rows` each. If
    no divisor is more than half of what fits, as for a prime, all samples make one block: its
    cache misses cost far less than thousands of small blocks.
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
    with respect to `model` is computed in the forward loop and summed. Other derivatives are
    correct but differentiate the loop: higher ones, and those with respect to `blocks` or to
    arrays that `loss` closes over.
    """
    first = jax.tree.map(lambda leaf: leaf[0], blocks)
    if len(jax.tree.leaves(blocks)[0]) == 1:
        return loss(model, first)
    # closed-over arrays become arguments, so that they can be differentiated and mapped
    program = jax.make_jaxpr(loss)(model, first)

    def opened(closed_over, model, block):
        leaves = jax.tree.leaves((model, block))
        return jaxpr_as_fun(ClosedJaxpr(program.jaxpr, closed_over))(*leaves)[0]

    def value(model, blocks, closed_over):
        return mean_value_over_blocks(partial(opened, closed_over), model, blocks)

    def both(model, blocks, closed_over):
        return _mean_and_gradient(partial(opened, closed_over), model, blocks)

    return with_own_gradient(value, both, model, blocks, list(program.consts))


def _mean_and_gradient(loss, model, blocks):
    def add(total, block):
        return jax.tree.map(jnp.add, total, jax.value_and_grad(loss)(model, block)), None

    zero = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, model))
    total, _ = lax.scan(add, zero, blocks)
    count = len(jax.tree.leaves(blocks)[0])
    return jax.tree.map(lambda sum_of_all: sum_of_all / count, total)


def mean_value_over_blocks(
    loss: Callable[[Model, Block], Float[Array, ""]], model: Model, blocks: Block
) -> Float[Array, ""]:
    """Mean of `loss(model, block)` over the leading axis of `blocks`, for evaluation.

    Differentiating it stores every block's activations.
    """

    def add(total, block):
        return total + loss(model, block), None

    count = len(jax.tree.leaves(blocks)[0])
    return lax.scan(add, jnp.zeros(()), blocks)[0] / count
