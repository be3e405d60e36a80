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
from flax.traverse_util import flatten_dict
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from toymodels.engine.checks import checked_loss
from toymodels.engine.objective import Objective, Refreshing, at_step
from toymodels.models.parameters import check_trainable, parameters

NEVER = np.iinfo(np.int32).max
MOST_SPANS = 100  # as many as a loss curve has points, where nothing else is recorded


class State(NamedTuple):
    """The model and the optimizer's state."""

    model: Any
    optimizer_state: Any


class Chunk(NamedTuple):
    """The result of a chunk of steps, which consists of spans."""

    state: State
    loss: Float[Array, "*axes spans"]  # mean over each span's steps, and 0 after the last one
    diverged_at: Int[Array, "*axes"]  # first step whose loss is not finite, or NEVER
    diverged_loss: Float[Array, "*axes"]  # the loss at that step


def start(
    objective: Objective, optimizer: optax.GradientTransformation, key: PRNGKeyArray
) -> State:
    """Build the initial state."""
    model = objective.init(key)
    check_trainable(model)
    return State(model, optimizer.init(nnx.to_pure_dict(parameters(model)[1])))


def advance(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    state: State,
    key: PRNGKeyArray,
    borders: Int[Array, " borders"],
    spans: Int[Array, ""],
    refresh: Bool[Array, ""] | None = None,
) -> Chunk:
    """Take the steps of some spans, then call the objective's `refresh` if `refresh` is True.

    With `refresh=None` the program has no branch for it. The result does not depend on how spans
    are divided into chunks, as long as it refreshes after the same steps. A member whose loss is
    not finite is NaN from the end of its span on.

    Args:
        objective: the objective.
        optimizer: the optimizer.
        state: the state before the first step.
        key: PRNG key of the batches.
        borders: span s consists of the steps `borders[s]` to `borders[s + 1]` (excluded); entries
            after `borders[spans]` are ignored.
        spans: the number of spans, at most `MOST_SPANS`.
        refresh: whether to refresh after the last one.
    """
    update = optax.with_extra_args_support(optimizer).update

    def step(i, carry: Chunk) -> Chunk:
        graph, params, rest = parameters(carry.state.model)
        now, own_key = at_step(objective, i), jax.random.fold_in(key, i)

        def loss_of(weights):
            own = jax.tree.map(lambda leaf: leaf, rest)  # nnx: variables of this trace may change
            model = nnx.merge(graph, with_weights(params, weights), own)
            return checked_loss(now, model, own_key), parameters(model)[2]

        weights = nnx.to_pure_dict(params)  # so that optimizers can address them by name
        (loss, rest), gradient = jax.value_and_grad(loss_of, has_aux=True)(weights)
        # line searches and schedules on plateaus need the loss as well
        more = {"value": loss, "grad": gradient, "value_fn": lambda w: loss_of(w)[0]}
        updates, memory = update(gradient, carry.state.optimizer_state, weights, **more)
        weights = optax.apply_updates(weights, updates)
        model = nnx.merge(graph, with_weights(params, weights), rest)
        diverges = ~jnp.isfinite(loss) & (carry.diverged_at == NEVER)
        return Chunk(
            State(model, memory),
            carry.loss + loss,
            jnp.where(diverges, i, carry.diverged_at),
            jnp.where(diverges, loss, carry.diverged_loss),
        )

    zero = jnp.zeros(())

    def span(s, carry: tuple[Chunk, Array]) -> tuple[Chunk, Array]:
        chunk, losses = carry
        begin, end = borders[s], borders[s + 1]
        chunk = lax.fori_loop(begin, end, step, _nan_if_diverged(chunk._replace(loss=zero)))
        return chunk, losses.at[s].set(chunk.loss / (end - begin))

    chunk = Chunk(state, zero, jnp.asarray(NEVER, jnp.int32), zero)
    chunk, losses = lax.fori_loop(0, spans, span, (chunk, jnp.zeros(MOST_SPANS)))
    if refresh is not None and isinstance(objective, Refreshing):
        end = borders[spans]
        chunk = chunk._replace(state=_refreshed(objective, chunk.state, key, end, refresh))
    return _nan_if_diverged(chunk._replace(loss=losses))


def with_weights(params: Any, weights: dict[str, Any]) -> Any:
    """Return parameters with the arrays of `weights`, a nested dict as of `nnx.to_pure_dict`."""
    leaves = flatten_dict(weights)
    flat = nnx.to_flat_state(params)
    return nnx.from_flat_state([(path, variable.replace(leaves[path])) for path, variable in flat])


def _refreshed(objective: Refreshing, state: State, key, end, refresh) -> State:
    own_key = jax.random.fold_in(key, ~end)  # negative, unlike the numbers of steps
    refreshed: State = lax.cond(
        refresh,
        lambda state: State(*objective.refresh(state.model, state.optimizer_state, own_key, end)),
        lambda state: state,
        state,
    )
    return refreshed


def _nan_if_diverged(chunk: Chunk) -> Chunk:
    diverged = chunk.diverged_at != NEVER

    def of_leaf(leaf):
        return (
            jnp.where(diverged, jnp.nan, leaf) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
        )

    return chunk._replace(state=jax.tree.map(of_leaf, chunk.state))


def even_steps(steps: int, count: int = 100) -> tuple[int, ...]:
    """Return up to `count` steps spread evenly over 1..steps, the last one included."""
    return tuple(sorted({round(steps * i / count) for i in range(1, count + 1)} - {0}))


def log_steps(steps: int, count: int = 100) -> tuple[int, ...]:
    """Return 0 and up to `count` steps spread logarithmically over 1..steps, the last included."""
    return (0, *sorted({round(s) for s in np.geomspace(steps, 1, count)}))
