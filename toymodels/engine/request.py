"""The arguments of a training: checked, traced, and compared with the available memory."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import xarray as xr
from jaxtyping import PRNGKeyArray

from toymodels.engine.axes import Axis, execution_order
from toymodels.engine.checks import (
    Problem,
    check_axes,
    check_key,
    check_points,
    check_problem,
    check_steps,
)
from toymodels.engine.dataset import check_names
from toymodels.engine.ensemble_program import Grid
from toymodels.engine.member_programs import Programs
from toymodels.engine.memory import bytes_of, device_bytes, widest_in
from toymodels.engine.objective import Objective, Refreshing, coords_of
from toymodels.engine.probe import Probe
from toymodels.engine.records import Record
from toymodels.engine.resume import state_of, steps_of
from toymodels.engine.steps import State, even_steps
from toymodels.engine.training import Training
from toymodels.models.parameters import named_parameters, parameters
from toymodels.numerics.checks import LARGEST_COUNT, check_count
from toymodels.numerics.memory import check_fits, in_words

# split(key)[i] equals fold_in(key, i), and a caller may split the same key for data
OWN_KEYS = 2**31 - 1


@dataclass(frozen=True)
class Request:
    """The arguments of `train` that determine the result, documented there."""

    problem: Problem
    axes: Sequence[Axis]
    steps: int
    key: PRNGKeyArray
    data: Mapping[str, Any] | None = None
    snapshots: Sequence[int] = ()
    probe: Probe | None = None
    refreshes: Sequence[int] = ()
    devices: Sequence[jax.Device] | None = None
    start: xr.Dataset | None = None
    diverged: Literal["keep", "raise"] = "keep"

    def prepare(self) -> Training:
        """Check all arguments and trace the programs; nothing is compiled or allocated.

        Raises:
            ValueError: as `train` does.
        """
        begin = self._check_steps()
        if self.diverged not in ("keep", "raise"):
            raise ValueError(f"diverged must be 'keep' or 'raise'; got {self.diverged!r}")
        check_axes(self.axes, self.data or {})
        data = jax.tree.map(jnp.asarray, dict(self.data or {}))
        objective = check_problem(self.problem, self.axes, data)
        programs = self._programs(objective, data)
        check_names([axis.name for axis in self.axes], programs.example.model, self.probe)
        records = self._records(programs, begin)
        _check_memory(programs, records)
        check_points(self.problem, self.axes, data)
        start = None
        if self.start is not None:
            start = state_of(self.start, programs.example, programs.grid.order)
        history, *of_states = records
        stops = {step for record in of_states for step in record.steps} | set(self.refreshes)
        keep = self.diverged == "keep"
        coords = coords_of(objective)
        return Training(
            programs, self.axes, records, history.steps, stops, begin, start, coords, keep
        )

    def _check_steps(self) -> int:
        """Check all numbers of steps; return the number of steps taken before."""
        begin = steps_of(self.start) if self.start is not None else 0
        check_count("steps", self.steps, 1, LARGEST_COUNT - begin)
        last = begin + self.steps
        check_steps("snapshots", self.snapshots, begin, last)
        check_steps("the probe's steps", self.probe.steps if self.probe else (), begin, last)
        check_steps("refreshes", self.refreshes, begin + 1, last)
        return begin

    def _programs(self, objective: Objective, data: Mapping[str, Any]) -> Programs:
        key = jax.random.fold_in(check_key(self.key), OWN_KEYS)
        if self.refreshes and not isinstance(objective, Refreshing):
            raise ValueError(
                f"refreshes need an objective with a method refresh, which "
                f"{type(objective).__name__} lacks"
            )
        devices = tuple(self.devices or jax.local_devices())
        grid = Grid(execution_order(self.axes), data, devices, key)
        return Programs(self.problem, grid, frozenset(self.refreshes), self.probe)

    def _records(self, programs: Programs, begin: int) -> list[Record]:
        """Return the records: of the loss, then of parameter snapshots and the probe's arrays."""
        sizes = [axis.size for axis in programs.grid.order]

        def of_all(leaf: Any) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct((*sizes, *leaf.shape), leaf.dtype)

        loss = of_all(jax.ShapeDtypeStruct((), programs.chunk.traced.shapes.loss.dtype))
        # 10 to 100 points, from 100 steps on at least ten steps apart
        recorded = even_steps(self.steps, min(100, max(10, self.steps // 10)))
        stops = {begin + step for step in recorded} | set(self.refreshes)
        records = []
        if self.snapshots:
            named = named_parameters(programs.example.model)
            dims = {f"{name}_history": dims for name, _, dims in named}
            shapes = [of_all(leaf) for _, leaf, _ in named]
            steps = _ascending(self.snapshots)
            records.append(Record("snapshot", steps, dims, shapes, _read_parameters))
        if self.probe and self.probe.steps:
            shapes = [of_all(leaf) for leaf in programs.measure.traced.shapes]

            def measure(step: int, state: State, _loss: Any) -> Any:
                return programs.measured(programs.measure, step, state.model)

            steps, own = _ascending(self.probe.steps), self.probe.dims
            records.append(Record("probed", steps, own, shapes, measure))
        stops |= {step for record in records for step in record.steps if step > begin}
        history = Record("step", _ascending(stops), {"loss_history": ()}, [loss], _read_loss)
        return [history, *records]


def _ascending(steps: Any) -> tuple[int, ...]:
    return tuple(sorted({int(step) for step in steps}))


def _read_loss(_step: int, _state: State, loss: Any) -> list[Any]:
    return [loss]


def _read_parameters(_step: int, state: State, _loss: Any) -> list[Any]:
    return jax.tree.leaves(parameters(state.model)[1])


def _check_memory(programs: Programs, records: Sequence[Record]) -> None:
    """Raise TooLarge if the arrays of a training do not fit into memory."""
    grid, each = programs.grid, bytes_of(programs.example)
    members = math.prod(axis.size for axis in grid.order)
    models = f"{members:,} models with {in_words(each)} of weights and optimizer state each"
    there = device_bytes(grid.devices)
    check_fits(models, members * each, there)
    kept = sum(record.nbytes for record in records)
    check_fits(f"{models}, and {in_words(kept)} of records,", members * each + kept)
    widest = max(widest_in(program.traced.program) for program in programs.all)
    check_fits("the arrays of a single model's training", widest, there)
