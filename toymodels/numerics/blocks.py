"""Mean of a loss over blocks of samples, so that one block's arrays fit in the cache."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jaxtyping import Array, Float

from toymodels.numerics.derivatives import with_own_gradient
from toymodels.numerics.sharing import sum_on_devices
from toymodels.numerics.turns import members_in_turn

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
    loss: Callable[[Model, Any], Float[Array, ""]],
    model: Model,
    blocks: Block,
    draw: Callable[[Block], Any] = lambda block: block,
    in_turn: bool = False,
) -> Float[Array, ""]:
    """Mean of `loss(model, draw(block))` over the leading axis of `blocks`, and its exact gradient.

    Differentiating a loop would store every block's activations. Here each block's gradient
    with respect to `model` is computed in the forward loop and summed. Other derivatives are
    correct but differentiate the loop: higher ones, and those with respect to `blocks` or to
    arrays that `loss` or `draw` closes over.

    Args:
        loss: (model, sample) -> scalar.
        model: pytree of arrays.
        blocks: pytree of arrays [block, ...], such as keys.
        draw: block -> sample, independent of the model.
        in_turn: whether vmapped members are computed one after the other, see `members_in_turn`:
            faster if a member's arrays fill the cache, and slower if members can multiply one
            sample together.
    """
    first = jax.tree.map(lambda leaf: leaf[0], blocks)
    if len(jax.tree.leaves(blocks)[0]) == 1:
        return loss(model, draw(first))
    drawn, given_draw = _opened(draw, first)
    lost, given_loss = _opened(loss, model, jax.eval_shape(draw, first))

    def value(model, blocks, given):
        return mean_value_over_blocks(
            lambda model, block: lost(given[1], model, drawn(given[0], block)), model, blocks
        )

    def both(model, blocks, given):
        of_block = jax.value_and_grad(lost, argnums=1)
        each = members_in_turn(of_block) if in_turn else of_block

        def sum_of_all(blocks, model, given):
            def add(total, block):
                found = each(given[1], model, drawn(given[0], block))
                return jax.tree.map(jnp.add, total, found), None

            zero = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, model))
            return lax.scan(add, zero, blocks)[0]

        total = sum_on_devices(sum_of_all, blocks, model, given, least=2)
        count = len(jax.tree.leaves(blocks)[0])
        return jax.tree.map(lambda leaf: leaf / count, total)

    return with_own_gradient(value, both, model, blocks, (given_draw, given_loss))


def _opened(function: Callable[..., Any], *args: Any) -> tuple[Callable[..., Any], list[Any]]:
    """Return the function of (closed_over, *args), and the arrays that `function` closes over.

    As arguments, these can be differentiated and mapped.
    """
    program, shapes = jax.make_jaxpr(function, return_shape=True)(*args)

    def call(closed_over: list[Any], *args: Any) -> Any:
        leaves = jaxpr_as_fun(ClosedJaxpr(program.jaxpr, closed_over))(*jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shapes), leaves)

    return call, list(program.consts)


def mean_value_over_blocks(
    loss: Callable[[Model, Any], Float[Array, ""]],
    model: Model,
    blocks: Block,
    draw: Callable[[Block], Any] = lambda block: block,
) -> Float[Array, ""]:
    """Mean of `loss(model, draw(block))` over the leading axis of `blocks`, for evaluation.

    Differentiating it stores every block's activations. Arguments as for `mean_over_blocks`.
    """

    def add(total, block):
        return total + loss(model, draw(block)), None

    count = len(jax.tree.leaves(blocks)[0])
    return lax.scan(add, jnp.zeros(()), blocks)[0] / count
