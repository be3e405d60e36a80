"""The training loop: a compiled chunk of steps, and the Python loop over chunks.

Everything that is not a step happens at the borders between chunks: progress, loss records,
snapshots of the weights, checkpoints, the check for divergence, stopping, and, at the borders
that are asked for and at no others, the objective's `refresh`. The chunk is a pure function of
one member's state, so that an ensemble is nothing but its vmap; step i uses the key
`fold_in(key, i)`, so that a run cut anywhere goes on as if it had not been.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from toymodels.engine.checks import check_model, checked_loss, checked_update
from toymodels.engine.objective import Objective, Refreshing
from toymodels.models.parameters import parameters

NEVER = np.iinfo(np.int32).max
SECONDS_BETWEEN_SAVES = 2.0


class State(NamedTuple):
    """What a step changes: the model and the optimizer's memory of it."""

    model: Any
    optimizer_state: Any


class Chunk(NamedTuple):
    """What a chunk of steps gives back."""

    state: State
    loss: Float[Array, "*axes"]  # mean over the chunk's steps
    diverged_at: Int[Array, "*axes"]  # first step whose loss is not finite, or NEVER
    diverged_loss: Float[Array, "*axes"]  # the loss there


@runtime_checkable
class Store(Protocol):
    """Where a run's arrays survive the process."""

    def load(self) -> dict[str, np.ndarray] | None:
        """Return what was saved last, or None."""
        ...

    def save(self, arrays: dict[str, np.ndarray]) -> None:
        """Keep these arrays in place of what was saved before."""
        ...


Report = Callable[[int, int, Any], bool | None]
"""Called as report(step, steps, loss) at borders: the step reached, the last one, and each
member's mean loss since the report before. What it returns, if true, ends the run there."""


def start(
    objective: Objective, optimizer: optax.GradientTransformation, key: PRNGKeyArray
) -> State:
    """Build the state before the first step."""
    model = objective.init(key)
    check_model(model, objective)
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
    """Take steps `begin` to `end` (excluded), then the objective's `refresh` if so asked.

    Without `refresh`, as against False, the program has no such branch.

    Pure, and the same however a run is cut, as long as it refreshes after the same steps.
    """

    def step(i, carry: Chunk) -> Chunk:
        graph, params, rest = parameters(carry.state.model)

        def loss_of(params):
            model = nnx.merge(graph, params, rest)
            return checked_loss(objective, model, jax.random.fold_in(key, i))

        loss, gradient = jax.value_and_grad(loss_of)(params)
        updates, memory = checked_update(optimizer, gradient, carry.state.optimizer_state, params)
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
    own_key = jax.random.fold_in(key, ~end)  # negative, so that no step's batch has it
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


@dataclass(frozen=True)
class Recorder:
    """What is read off a run's state, as a list of arrays, and after which steps."""

    steps: Collection[int]
    read: Callable[[State], list[Array]]


def read_parameters(state: State) -> list[Array]:
    """Return the trainable parameters' leaves."""
    return jax.tree.leaves(parameters(state.model)[1])


@dataclass
class Trajectory:
    """Where a run stands: its state, and what was recorded on the way.

    `losses` has the mean loss of each chunk [*axes]; `kept`, by recorder, what it read each time;
    `ended`, where the run was ended before its last step, says how.
    """

    state: State
    step: int = 0
    losses: list[np.ndarray] = field(default_factory=list)
    kept: dict[str, list[list[np.ndarray]]] = field(default_factory=dict)
    ended: str = ""

    def after(self, chunk: Chunk, step: int, recorders: Mapping[str, Recorder]) -> "Trajectory":
        """Return the run after one more chunk, with what the recorders read then."""
        losses = [*self.losses, np.asarray(chunk.loss)]
        kept = {name: list(rows) for name, rows in self.kept.items()}
        later = Trajectory(chunk.state, step, losses, kept)
        later.record(recorders)
        return later

    def record(self, recorders: Mapping[str, Recorder]) -> None:
        """Let those recorders read whose step it is."""
        for name, recorder in recorders.items():
            rows = self.kept.setdefault(name, [])
            if self.step in recorder.steps:
                rows.append([np.asarray(array) for array in recorder.read(self.state)])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Flatten into named arrays, for a store."""
        named = {"step": np.asarray(self.step), "losses": np.asarray(self.losses)}
        for i, leaf in enumerate(jax.tree.leaves(self.state)):
            named[f"state_{i}"] = np.asarray(leaf)
        for name, rows in self.kept.items():
            for i, leaves in enumerate(zip(*rows, strict=True)):
                named[f"{name}_{i}"] = np.stack(leaves)
        return named

    def restore(self, named: dict[str, np.ndarray], recorders: Iterable[str]) -> None:
        """Go to where `to_arrays` was called; the state's structure is taken from here."""
        leaves, structure = jax.tree.flatten(self.state)
        saved = [jnp.asarray(named[f"state_{i}"]) for i in range(len(leaves))]
        self.state = jax.tree.unflatten(structure, saved)
        self.step = int(named["step"])
        self.losses = [np.asarray(loss) for loss in named["losses"]]
        self.kept = {name: _rows(named, name) for name in recorders}


def _rows(named: dict[str, np.ndarray], name: str) -> list[list[np.ndarray]]:
    count = sum(key.startswith(f"{name}_") for key in named)
    stacks = [named[f"{name}_{i}"] for i in range(count)]
    return [list(map(np.asarray, leaves)) for leaves in zip(*stacks, strict=True)]


def _one_ahead(
    chunk: Callable[[State, int, int], Chunk], run: Trajectory, borders: Sequence[int]
) -> Iterator[tuple[int, Chunk]]:
    """Yield the chunks that remain, each when the next one has been started.

    JAX computes in the background, so that devices do not wait for what happens at borders.
    """
    state, step, started = run.state, run.step, None
    for border in (b for b in borders if b > run.step):
        outcome = chunk(state, step, border)
        state, step = outcome.state, border
        if started:
            yield started
        started = border, outcome
    if started:
        yield started


def run_chunks(
    chunk: Callable[[State, int, int], Chunk],
    state: State,
    borders: Sequence[int],
    *,
    begin: int = 0,
    recorders: Mapping[str, Recorder] = MappingProxyType({}),
    store: Store | None = None,
    report: Report | None = None,
    check: Callable[[Chunk], None] = lambda _: None,
    interruptible: bool = False,
) -> Trajectory:
    """Run chunks from border to border, from where the store says that the run stands.

    Args:
        chunk: (state, begin, end) -> Chunk.
        state: the state after `begin` steps.
        borders: the last step of each chunk, ascending.
        begin: how many steps the state has behind it.
        recorders: by name, what is kept at which steps: `begin`, or among the borders.
        store: where checkpoints go; none are made without it.
        report: called at each border; see `Report`.
        check: called with each chunk's outcome; what it raises stops the run.
        interruptible: whether Ctrl-C ends the run where it stands, once a step has been taken.

    Raises:
        KeyboardInterrupt: at Ctrl-C otherwise, with the state saved if there is a store.
    """
    run = Trajectory(state, begin)
    saved = store.load() if store else None
    if saved is not None:
        run.restore(saved, recorders)
    else:
        run.record(recorders)
    last_save = time.monotonic()
    try:
        for border, outcome in _one_ahead(chunk, run, borders):
            check(outcome)
            # one assignment: an interrupt finds the run before it or after it, never between
            run = run.after(outcome, border, recorders)
            stop = report and report(border, borders[-1], run.losses[-1])
            is_last = bool(stop) or border == borders[-1]
            if store and (is_last or time.monotonic() - last_save > SECONDS_BETWEEN_SAVES):
                store.save(run.to_arrays())
                last_save = time.monotonic()
            if stop and border < borders[-1]:
                return replace(run, ended="stopped by report")
    except KeyboardInterrupt:
        if store:
            store.save(run.to_arrays())
        if not interruptible or run.step == begin:
            raise
        return replace(run, ended="interrupted")
    return run
