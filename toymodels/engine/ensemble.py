"""Ensembles: one problem trained at every point of a grid of named axes, as one program.

A problem is a function `problem(**axis_values) -> (objective, optimizer)`. The ensemble is
its vmap, axis by axis, so that a learning rate can be an axis as well as a sparsity; the axis
called `seed` is not passed on: it decides the initial weights and the batches.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.engine import training
from toymodels.engine.axes import (
    CPU_OPTIONS,
    CPU_OPTIONS_ONCE,
    SEED,
    UNTUNED,
    Axis,
    execution_order,
)
from toymodels.engine.checks import (
    Problem,
    built,
    check_axes,
    check_key,
    check_kind,
    check_problem,
    check_steps,
)
from toymodels.engine.continuing import state_of, steps_of
from toymodels.engine.dataset import check_names, to_dataset
from toymodels.engine.diverged import TrainingDiverged
from toymodels.engine.everywhere import Everywhere, Grid
from toymodels.engine.memory import check_fits
from toymodels.engine.objective import Objective, Refreshing
from toymodels.engine.probe import Probe
from toymodels.engine.training import (
    Chunk,
    Recorder,
    Report,
    State,
    Store,
    Trajectory,
)
from toymodels.numerics.checks import LARGEST_COUNT, check_count

# split(key)[i] is fold_in(key, i): a caller may split the same key for data of its own
OWN_KEYS = 2**31 - 1


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
    """Train as `toymodels.train` does, for a program rather than a person.

    It shows nothing, Ctrl-C is an exception, and the result cannot be trained on.
    """
    given = prepare(problem, axes, steps, key, data, snapshots, probe, refreshes, devices)
    return given.dataset(given.run(store, report))


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

    Takes what `train` takes and refuses what it refuses, but for what no memory would hold.
    Returns a Dataset like its, of zeros that need no memory, with the bytes of the trained state
    as the attribute `state_bytes`.
    """
    given = prepare(
        problem, axes, steps, key, data, snapshots, probe, refreshes, devices, rehearsed=True
    )
    state, chunk = jax.eval_shape(given.programs.start), given.programs.chunk
    jax.eval_shape(lambda state: chunk(state, 0, 1), state)
    loss = jax.eval_shape(given.programs.test_loss, state.model)
    rows = {
        name: [_zeros(jax.eval_shape(recorder.read, state))] * len(set(recorder.steps))
        for name, recorder in given.recorders.items()
    }
    loss = _zeros(loss)
    run = Trajectory(_zeros(state), steps, [loss] * len(given.borders), rows)
    return given.laid_out(run, loss).assign_attrs(state_bytes=_bytes_of(state))


def _zeros(shapes: Any) -> Any:
    """Put zeros without memory of their own in the place of shapes."""
    return jax.tree.map(lambda leaf: np.broadcast_to(np.zeros((), leaf.dtype), leaf.shape), shapes)


def _bytes_of(shapes: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))


@dataclass(frozen=True)
class Training:
    """A training, checked: its programs, what is recorded of it, where it stops on its way.

    Attributes:
        programs: those of its problem over its grid.
        axes: the axes as the result shall have them.
        begin: the steps that were taken before.
        start: the state after them; None before the first step.
        snapshots: the steps of the snapshots, as asked for.
        probe: what else is measured.
        recorders: what is kept, by name.
        borders: the last step of each chunk.
    """

    programs: "_Programs"
    axes: Sequence[Axis]
    begin: int
    start: State | None
    snapshots: Sequence[int]
    probe: Probe | None
    recorders: dict[str, Recorder]
    borders: list[int]

    @property
    def order(self) -> tuple[Axis, ...]:
        """The axes as the arrays have them, outermost first."""
        return self.programs.grid.order

    def run(
        self, store: Store | None, report: Report | None, interruptible: bool = False
    ) -> Trajectory:
        """Take the steps."""
        run = training.run_chunks(
            self.programs.chunk,
            self.programs.start() if self.start is None else self.start,
            self.borders,
            begin=self.begin,
            recorders=self.recorders,
            store=store,
            report=report and self._with_names(report),
            check=lambda chunk: _check_finite(chunk.diverged_at, chunk.diverged_loss, self.order),
            interruptible=interruptible,
        )
        if run.ended and self.probe and not self.probe.steps:  # this is the end, then
            run.kept["probed"] = [list(map(np.asarray, self.recorders["probed"].read(run.state)))]
        return run

    def dataset(self, run: Trajectory) -> xr.Dataset:
        """Measure the test loss, and lay everything out."""
        loss = self.programs.test_loss(run.state.model)
        # the last update can spoil the weights as well
        _check_finite(np.where(np.isfinite(loss), training.NEVER, run.step), loss, self.order)
        return self.laid_out(run, loss)

    def laid_out(self, run: Trajectory, loss: Float[Array | np.ndarray, "*axes"]) -> xr.Dataset:
        """Lay everything out, the axes as they were asked for."""
        names = [axis.name for axis in self.axes]
        recorded = [border for border in self.borders if border <= run.step]
        snapshots = [step for step in self.snapshots if step <= run.step]
        return to_dataset(run, self.order, names, loss, recorded, snapshots, self.probe)

    def _with_names(self, report: Report) -> Report:
        names, coords = [axis.name for axis in self.axes], {a.name: a.labels for a in self.order}

        def named(step: int, steps: int, loss: np.ndarray) -> bool | None:
            found = xr.DataArray(loss, coords, [axis.name for axis in self.order], "loss")
            return report(step, steps, found.transpose(*names))

        return named


def prepare(
    problem: Problem,
    axes: Sequence[Axis],
    steps: int,
    key: PRNGKeyArray,
    data: Mapping[str, Any] | None,
    snapshots: Sequence[int],
    probe: Probe | None,
    refreshes: Sequence[int],
    devices: Sequence[jax.Device] | None,
    start: xr.Dataset | None = None,
    rehearsed: bool = False,
) -> Training:
    """Check what a training is asked for, and trace what has to be known of it."""
    key = check_key(key)
    check_kind("start", start, xr.Dataset, "a result of train, such as toymodels.load(path)")
    check_kind("probe", probe, Probe, "a toymodels.Probe(measure, dims)")
    begin = steps_of(start) if start is not None else 0
    check_count("steps", steps, 1, LARGEST_COUNT - begin)
    check_axes(axes, {} if data is None else data)
    last = begin + steps
    check_steps("snapshots", snapshots, begin, last)
    check_steps("the probe's steps", probe.steps if probe else (), begin, last)
    check_steps("refreshes", refreshes, begin + 1, last)
    shared = jax.tree.map(jnp.asarray, dict(data or {}))
    objective = check_problem(problem, axes, shared)
    if refreshes and not isinstance(objective, Refreshing):
        raise ValueError(f"refreshes need an objective with refresh: {type(objective).__name__}")
    order, own_key = execution_order(axes), jax.random.fold_in(key, OWN_KEYS)
    grid = Grid(order, shared, tuple(devices or jax.local_devices()), own_key)
    programs = _Programs(problem, grid, frozenset(refreshes), rehearsed)
    example = programs.example
    check_names([axis.name for axis in axes], example.model, probe)
    if not rehearsed:
        check_fits(_bytes_of(example), [axis.size for axis in order], grid.devices[0])
    state = None if start is None else state_of(start, example, order)
    recorders = _recorders(programs, last, snapshots, probe)
    kept = {step for recorder in recorders.values() for step in recorder.steps} | set(refreshes)
    recorded = (begin + step for step in _recorded_steps(steps))
    borders = sorted(step for step in {*recorded, *kept} if step > begin)
    return Training(programs, axes, begin, state, snapshots, probe, recorders, borders)


@dataclass(frozen=True)
class _Programs:
    """The programs of a problem over a grid, each traced when it is first asked for."""

    problem: Problem
    grid: Grid
    refreshes: frozenset[int]
    rehearsed: bool = False

    @property
    def example(self) -> State:
        """The shapes of one member's state."""
        shapes: State = self.start.traced.shapes
        return shapes

    @cached_property
    def start(self) -> Everywhere:
        """() -> the state before the first step."""

        def at_point(values, keys, _member, _shared) -> State:
            return training.start(*self._at(values), keys.init)

        options = UNTUNED if self.rehearsed else CPU_OPTIONS_ONCE
        return Everywhere.of(self.grid, at_point, options=options)

    @cached_property
    def chunk(self) -> Callable[[State, int, int], Chunk]:
        """(state, begin, end) -> Chunk."""

        def at_point(values, keys, state, span) -> Chunk:
            return training.advance(*self._at(values), state, keys.batches, *span)

        def span(begin, end):
            refresh = [np.bool_(end in self.refreshes)] * bool(self.refreshes)
            return np.int32(begin), np.int32(end), *refresh

        advance = self._everywhere(at_point, self.example, span(0, 1))
        return lambda state, begin, end: advance(state, span(begin, end))

    @cached_property
    def test_loss(self) -> Callable[[Any], Float[Array, "*axes"]]:
        """Model -> test loss."""

        def at_point(values, _keys, model, key):
            return self._at(values)[0].test_loss(model, key)

        key = jax.random.fold_in(self.grid.key, 2)  # 0 and 1 are taken by the training keys
        everywhere = self._everywhere(at_point, self.example.model, key)
        return lambda model: everywhere(model, key)

    def measure(self, probe: Probe) -> Callable[[State], list[Array]]:
        """Return what reads a probe's arrays, in the order of its dims, off a state."""

        def at_point(values, _keys, model, key):
            found = probe.measure(self._at(values)[0], model, key)
            return [found[name] for name in probe.dims]

        key = jax.random.fold_in(self.grid.key, 3)
        everywhere = self._everywhere(at_point, self.example.model, key)
        return lambda state: everywhere(state.model, key)

    def _everywhere(self, function, member: Any, shared: Any) -> Everywhere:
        options = UNTUNED if self.rehearsed else CPU_OPTIONS
        return Everywhere.of(self.grid, function, member, shared, options)

    def _at(self, values: dict[str, Any]) -> tuple[Objective, optax.GradientTransformation]:
        return built(self.problem, {name: v for name, v in values.items() if name != SEED})


def _recorders(
    programs: _Programs, last: int, snapshots: Sequence[int], probe: Probe | None
) -> dict[str, Recorder]:
    found = {}
    if snapshots:
        found["snapshots"] = Recorder(frozenset(snapshots), training.read_parameters)
    if probe:
        found["probed"] = Recorder(frozenset(probe.steps or [last]), programs.measure(probe))
    return found


def _recorded_steps(steps: int) -> tuple[int, ...]:
    """Return the steps of the loss records: ten, and up to a hundred where each has ten steps."""
    return training.even_steps(steps, min(100, max(10, steps // 10)))


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
