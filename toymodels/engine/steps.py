"""The training steps of one member, as pure functions of its state.

An ensemble is their vmap. Step i uses the key `fold_in(key, i)`, so that a run interrupted at any
step and continued gives the same result as an uninterrupted one.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from toymodels.engine.checks import checked_loss
from toymodels.engine.objective import Objective, Refreshing
from toymodels.models.parameters import parameters

NEVER = np.iinfo(np.int32).max


class State(NamedTuple):
    """The model and the optimizer's state."""

    model: Any
    optimizer_state: Any


class Chunk(NamedTuple):
    """The result of a chunk of steps."""

    state: State
    loss: Float[Array, "*axes"]  # mean over the chunk's steps
    diverged_at: Int[Array, "*axes"]  # first step whose loss is not finite, or NEVER
    diverged_loss: Float[Array, "*axes"]  # the loss at that step


def start(
    objective: Objective, optimizer: optax.GradientTransformation, key: PRNGKeyArray
) -> State:
    """Build the initial state."""
    model = objective.init(key)
    return State(model, optimizer.init(parameters(model)[1]))


def advance(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    state: State,
    key: PRNGKeyArray,
    begin: Int[Array, ""],
    end: Int[Array, ""],
    refresh: Bool[Array, ""] | None = None,
) -> Chunk:
    """Take steps `begin` to `end` (excluded), then call the objective's `refresh` if it is True.

    With `refresh=None` the program has no branch for it. The result does not depend on how a run
    is divided into chunks, as long as it refreshes after the same steps.
    """

    def step(i, carry: Chunk) -> Chunk:
        graph, params, rest = parameters(carry.state.model)

        def loss_of(params):
            model = nnx.merge(graph, params, rest)
            return checked_loss(objective, model, jax.random.fold_in(key, i))

        loss, gradient = jax.value_and_grad(loss_of)(params)
        updates, memory = optimizer.update(gradient, carry.state.optimizer_state, params)
        model = nnx.merge(graph, optax.apply_updates(params, updates), rest)
        diverges = ~jnp.isfinite(loss) & (carry.diverged_at == NEVER)
        return Chunk(
            State(model, memory),
            carry.loss + loss,
            jnp.where(diverges, i, carry.diverged_at),
            jnp.where(diverges, loss, carry.diverged_loss),
        )

    zero = jnp.zeros(())
    chunk = Chunk(state, zero, jnp.asarray(NEVER, jnp.int32), zero)
    chunk = lax.fori_loop(begin, end, step, chunk)
    chunk = chunk._replace(loss=chunk.loss / (end - begin))
    if refresh is None or not isinstance(objective, Refreshing):
        return chunk
    own_key = jax.random.fold_in(key, ~end)  # negative, unlike the numbers of steps
    refreshed = lax.cond(
        refresh,
        lambda state: State(*objective.refresh(state.model, state.optimizer_state, own_key, end)),
        lambda state: state,
        chunk.state,
    )
    return chunk._replace(state=refreshed)


def even_steps(steps: int, count: int = 100) -> tuple[int, ...]:
    """Return up to `count` steps spread evenly over 1..steps, the last one included."""
    return tuple(sorted({round(steps * i / count) for i in range(1, count + 1)} - {0}))


def log_steps(steps: int, count: int = 100) -> tuple[int, ...]:
    """Return 0 and up to `count` steps spread logarithmically over 1..steps, the last included."""
    return (0, *sorted({round(s) for s in np.geomspace(steps, 1, count)}))
