"""Ensembles: one problem trained at every point of a grid of named axes, as one program.

A problem is a function `problem(**axis_values) -> (objective, optimizer)`. The ensemble is
its vmap, axis by axis, so that a learning rate can be an axis as well as a sparsity; the axis
called `seed` is not passed on: it decides the initial weights and the batches.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.engine import training
from toymodels.engine.axes import SEED, Axis, Keys, MemberFunction, execution_order, spread
from toymodels.engine.dataset import check_names, to_dataset
from toymodels.engine.memory import widest_array
from toymodels.engine.objective import Objective, Refreshing
from toymodels.engine.probe import Probe
from toymodels.engine.training import (
    Chunk,
    Recorder,
    Report,
    State,
    Store,
    TrainingDiverged,
    Trajectory,
)
from toymodels.numerics.checks import check_count
from toymodels.numerics.products import true_float32

# split(key)[i] is fold_in(key, i): a caller may split the same key for data of its own
OWN_KEYS = 2**31 - 1
MANY = 10_007  # members of a trial trace: a prime that no other size is a multiple of

Problem = Callable[..., tuple[Objective, optax.GradientTransformation]]


def train(
    problem: Problem,
    axes: Sequence[Axis],
    steps: int,
    key: PRNGKeyArray,
    *,
    data: Mapping[str, Any] | None = None,
    snapshots: Sequence[int] = (),
    probe: Probe | None = None,
    refreshes: Sequence[int] = (),
    devices: Sequence[jax.Device] | None = None,
    store: Store | None = None,
    report: Report | None = None,
) -> xr.Dataset:
    """Train `problem` at every point of the grid of `axes`.

    All members share their random numbers except along the seed axis, so a member equals the
    same point trained alone with the same key and seed. The test set is one for all.

    Args:
        problem: axis values by name (the seed's aside) -> (objective, optimizer).
        axes: the grid's axes; none trains a single model.
        steps: optimizer steps.
        key: randomness of everything.
        data: what the problem receives by name at every point alike: pytrees of arrays, passed
            to the compiled program, where an array that the problem closes over is built into it.
        snapshots: steps (0 to `steps`) at which to keep the parameters.
        probe: what else to measure, at which steps or at the end.
        refreshes: steps (1 to `steps`) after which to call the objective's `refresh`, before a
            snapshot of the same step is taken; it is called at no others.
        devices: where to train; all local devices by default.
        store: where checkpoints go, and come from when the run is taken up again.
        report: called as report(step, steps, mean loss) about a hundred times.

    Returns:
        A Dataset with a dimension for each axis, the parameters under their own names,
        `loss` (test loss), `loss_history` (training loss, mean since the previous `step`),
        and NAME_history (..., snapshot, ...) for each parameter if snapshots were asked for,
        (..., probed, ...) for each measurement of the probe, without `probed` if it has no steps.

    Raises:
        ValueError: if axes or data repeat a name or take one that the results need, a value is
            outside its range, steps < 1, or refreshes are given to an objective without `refresh`.
        TrainingDiverged: if a loss becomes NaN or infinite.
    """
    plan = _plan(problem, axes, steps, key, data, snapshots, probe, refreshes, devices)
    run = training.run_chunks(
        plan.grid.compile_chunk(frozenset(refreshes)),
        plan.grid.start(),
        plan.borders,
        recorders=plan.recorders,
        store=store,
        report=report,
        check=lambda chunk: _check_finite(chunk.diverged_at, chunk.diverged_loss, plan.grid.order),
    )
    loss = plan.grid.test_loss(run.state.model)
    # the last update can spoil the weights as well
    _check_finite(np.where(np.isfinite(loss), training.NEVER, steps), loss, plan.grid.order)
    return to_dataset(run, plan.grid.order, plan.names, loss, plan.borders, snapshots, probe)


def rehearse(
    problem: Problem,
    axes: Sequence[Axis],
    steps: int,
    key: PRNGKeyArray,
    *,
    data: Mapping[str, Any] | None = None,
    snapshots: Sequence[int] = (),
    probe: Probe | None = None,
    refreshes: Sequence[int] = (),
    devices: Sequence[jax.Device] | None = None,
    store: Store | None = None,
    report: Report | None = None,
) -> xr.Dataset:
    """Go through all of `train` but the steps: every program is traced, none compiled or run.

    Takes what `train` takes and refuses what it refuses. Returns a Dataset like its, of zeros that
    need no memory, with the bytes of the trained state as the attribute `state_bytes`.
    """
    plan = _plan(problem, axes, steps, key, data, snapshots, probe, refreshes, devices, True)
    state = jax.eval_shape(plan.grid.start)
    jax.eval_shape(lambda state: plan.grid.compile_chunk(frozenset(refreshes))(state, 0, 1), state)
    loss = jax.eval_shape(plan.grid.test_loss, state.model)
    rows = {
        name: [_zeros(jax.eval_shape(recorder.read, state))] * len(set(recorder.steps))
        for name, recorder in plan.recorders.items()
    }
    loss = _zeros(loss)
    run = Trajectory(_zeros(state), steps, [loss] * len(plan.borders), rows)
    found = to_dataset(run, plan.grid.order, plan.names, loss, plan.borders, snapshots, probe)
    state_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
    return found.assign_attrs(state_bytes=state_bytes)


def _zeros(shapes: Any) -> Any:
    """Put zeros without memory of their own in the place of shapes."""
    return jax.tree.map(lambda leaf: np.broadcast_to(np.zeros((), leaf.dtype), leaf.shape), shapes)


class _Plan(NamedTuple):
    """A training, checked: its grid, what is recorded of it, and where it stops on its way."""

    grid: "_Grid"
    names: list[str]
    recorders: dict[str, Recorder]
    borders: list[int]


def _plan(
    problem: Problem,
    axes: Sequence[Axis],
    steps: int,
    key: PRNGKeyArray,
    data: Mapping[str, Any] | None,
    snapshots: Sequence[int],
    probe: Probe | None,
    refreshes: Sequence[int],
    devices: Sequence[jax.Device] | None,
    rehearsed: bool = False,
) -> _Plan:
    check_count("steps", steps)
    _check_steps("snapshots", snapshots, 0, steps)
    _check_steps("the probe's steps", probe.steps if probe else (), 0, steps)
    _check_steps("refreshes", refreshes, 1, steps)
    shared = jax.tree.map(jnp.asarray, dict(data or {}))
    objective = _check_axes(problem, axes, shared)
    if refreshes and not isinstance(objective, Refreshing):
        raise ValueError(f"refreshes need an objective with refresh: {type(objective).__name__}")
    devices = tuple(devices or jax.local_devices())
    own_key = jax.random.fold_in(key, OWN_KEYS)
    grid = _Grid(problem, execution_order(axes), shared, devices, own_key, rehearsed)
    names = [axis.name for axis in axes]
    check_names(names, grid.example().model, probe)
    recorders = _recorders(grid, steps, snapshots, probe)
    kept = {step for recorder in recorders.values() for step in recorder.steps}
    return _Plan(grid, names, recorders, sorted({*_recorded_steps(steps), *kept, *refreshes} - {0}))


def _check_steps(name: str, asked: Sequence[int], first: int, last: int) -> None:
    if any(not first <= step <= last for step in asked):
        raise ValueError(f"{name} must lie in [{first}, {last}]; got {list(asked)}")


@dataclass(frozen=True)
class _Grid:
    """A problem over its axes, outermost first, with everything that its members share."""

    problem: Problem
    order: tuple[Axis, ...]
    data: dict[str, Any]
    devices: tuple[jax.Device, ...]
    key: PRNGKeyArray
    rehearsed: bool = False

    def start(self) -> State:
        return self._spread(self._start, None)(None, None)

    def compile_chunk(self, refreshes: Collection[int]) -> Callable[[State, int, int], Chunk]:
        def span(begin, end):
            return np.int32(begin), np.int32(end), *([np.bool_(end in refreshes)] * bool(refreshes))

        advance = self._spread(self._advance, self.example(), span(0, 1))
        return lambda state, begin, end: advance(state, span(begin, end))

    def test_loss(self, model) -> Float[Array, "*axes"]:
        key = jax.random.fold_in(self.key, 2)  # 0 and 1 are taken by the training keys
        return self._spread(self._test_loss, self.example().model, key)(model, key)

    def measure(self, probe: Probe) -> Callable[[State], list[Array]]:
        """Return what reads a probe's arrays, in the order of its dims, off a state."""

        def at_point(values, _keys, model, key):
            found = probe.measure(self._at(values)[0], model, key)
            return [found[name] for name in probe.dims]

        everywhere, key = self._spread(at_point, self.example().model, self.key), self.key
        key = jax.random.fold_in(key, 3)
        return lambda state: everywhere(state.model, key)

    def _at(self, values: dict[str, Any]) -> tuple[Objective, optax.GradientTransformation]:
        return self.problem(**{name: v for name, v in values.items() if name != SEED})

    def _start(self, values, keys, _member, _shared) -> State:
        return training.start(*self._at(values), keys.init)

    def _advance(self, values, keys, state, span) -> Chunk:
        return training.advance(*self._at(values), state, keys.batches, *span)

    def _test_loss(self, values, _keys, model, key):
        return self._at(values)[0].test_loss(model, key)

    def _point(self) -> tuple[dict[str, Any], Keys]:
        values = {axis.name: axis.point(0) for axis in self.order}
        return {**values, **self.data}, Keys(self.key, self.key)

    def example(self) -> State:
        return jax.eval_shape(lambda: self._start(*self._point(), None, None))

    def _spread(self, function: MemberFunction, member: Any, shared: Any = None):
        """Spread over the grid what takes (values, keys, member, shared) at one point."""
        seeds = next((axis for axis in self.order if axis.name == SEED), None)
        values = {axis.name: axis.values for axis in self.order} | self.data
        keys = Keys.of(self.key, seeds)
        each = [_bytes_along(axis, function, *self._point(), member, shared) for axis in self.order]
        everywhere = spread(
            _in_true_float32(function), self.order, self.devices, each, not self.rehearsed
        )
        return lambda member, shared: everywhere(values, keys, member, shared)


def _in_true_float32(function: MemberFunction) -> MemberFunction:
    """Trace with products as exact as sums: some accelerators shorten the factors by default."""

    def exact(*args):
        with true_float32():
            return function(*args)

    return exact


def _recorders(
    grid: _Grid, steps: int, snapshots: Sequence[int], probe: Probe | None
) -> dict[str, Recorder]:
    found = {}
    if snapshots:
        found["snapshots"] = Recorder(frozenset(snapshots), training.read_parameters)
    if probe:
        found["probed"] = Recorder(frozenset(probe.steps or [steps]), grid.measure(probe))
    return found


def _recorded_steps(steps: int) -> tuple[int, ...]:
    """Return the steps of the loss records: ten, and up to a hundred where each has ten steps."""
    return training.even_steps(steps, min(100, max(10, steps // 10)))


def _bytes_along(axis: Axis, function: MemberFunction, values, keys, member, shared) -> int:
    """Return one point's share of the widest array that has an axis along `axis`."""

    def point(mine, common):
        (value, key, member), (values, keys, shared) = mine, common
        return function({**values, axis.name: value}, keys._replace(**key), member, shared)

    mine = (values[axis.name], keys.along(axis), member)
    many = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((MANY, *leaf.shape), leaf.dtype), mine)
    each = jax.vmap(point, in_axes=(0, None))
    return widest_array(each, many, (values, keys, shared), members=MANY)


def _check_axes(problem: Problem, axes: Sequence[Axis], data: Mapping[str, Any]) -> Objective:
    """Build the problem once at each point of each axis, where values can still be looked at.

    Returns the objective at the first point of all.
    """
    names = [*(axis.name for axis in axes), *data]
    if len(set(names)) != len(names):
        raise ValueError(f"every axis, and all data, needs a name of its own; got {names}")
    if SEED in data:
        raise ValueError(f"data cannot be called {SEED}: that is the restart axis")
    swept = [axis for axis in axes if axis.name != SEED]
    first = {axis.name: axis.point(0) for axis in swept} | dict(data)
    objective, _ = problem(**first)
    for axis in swept:
        for i in range(1, axis.size):
            problem(**{**first, axis.name: axis.point(i)})
    return objective


def _check_finite(diverged_at: ArrayLike, loss: ArrayLike, order: Sequence[Axis]) -> None:
    at = np.asarray(diverged_at)
    if (at == training.NEVER).all():
        return
    member = np.unravel_index(at.argmin(), at.shape)
    labels = [f"{axis.name}={axis.labels[i]!s}" for axis, i in zip(order, member, strict=True)]
    where = f" at {', '.join(labels)}" if labels else ""
    raise TrainingDiverged(
        f"training diverged at step {at.min()}: loss {np.asarray(loss)[member]}{where}"
    )
