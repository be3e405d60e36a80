"""The training loop over chunks of steps.

Everything but the steps happens between chunks: the check for divergence, records, progress,
checkpoints, stopping and, after the requested steps only, the objective's `refresh`.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jax.typing import ArrayLike

from toymodels.engine.axes import Axis
from toymodels.engine.dataset import to_dataset
from toymodels.engine.member_programs import Programs
from toymodels.engine.records import Record, Run
from toymodels.engine.steps import NEVER, Chunk, State

SECONDS_BETWEEN_SAVES = 2.0

Report = Callable[[int, int, Any], bool | None]
"""Called as report(step, steps, loss) after each chunk: the current step, the last step, and each
member's mean loss since the previous report. A true return value ends the run."""


class TrainingDiverged(RuntimeError):
    """Losses became NaN or infinite; the message names the first step, its member and its loss."""


@runtime_checkable
class Store(Protocol):
    """Persistent storage of a run's arrays."""

    def load(self) -> dict[str, np.ndarray] | None:
        """Return the arrays saved last, or None."""
        ...

    def save(self, arrays: dict[str, np.ndarray]) -> None:
        """Save the arrays, replacing those saved before."""
        ...


@dataclass(frozen=True)
class Training:
    """A training that is ready to run.

    Attributes:
        programs: the problem's programs over its grid.
        axes: the axes, in the order of the result's dimensions.
        records: the variables to record.
        borders: the last step of each chunk.
        begin: the number of steps taken before.
        start: the state after them; None before the first step.
        coords: the objective's coordinates of the result.
        keep_diverged: whether a diverged member is kept as NaN, as long as another one is finite.
    """

    programs: Programs
    axes: Sequence[Axis]
    records: Sequence[Record]
    borders: Sequence[int]
    begin: int
    start: State | None
    coords: Mapping[str, tuple[str, np.ndarray]]
    keep_diverged: bool

    @property
    def order(self) -> tuple[Axis, ...]:
        """The axes in the order of the arrays' dimensions, outermost first."""
        return self.programs.grid.order

    def run(self, store: Store | None, reports: Sequence[Report]) -> Run:
        """Take all steps, from the store's checkpoint on if it has one.

        Without a store, Ctrl-C after the first chunk ends the run and returns it.

        Raises:
            TrainingDiverged: if the losses of all members are not finite, or of one where diverged
                members are not kept.
            KeyboardInterrupt: at Ctrl-C otherwise; with a store, the state is saved.
        """
        run, last, named = self._first(store), self.borders[-1], self._named()
        saved_at = time.monotonic()
        try:
            for border, chunk in self._chunks(run):
                diverged = np.asarray(np.minimum(run.diverged, np.asarray(chunk.diverged_at)))
                self._check_finite(diverged, chunk.diverged_loss)
                loss = np.asarray(chunk.loss)
                for record in self.records:
                    record.write(run.rows, border, chunk.state, loss)
                # a single assignment, so that an interrupt leaves a consistent run
                run = replace(run, state=chunk.state, step=border, diverged=diverged)
                said = [report(border, last, named(loss)) for report in reports]
                stop = any(said)
                seconds = time.monotonic() - saved_at
                if store and (stop or border == last or seconds > SECONDS_BETWEEN_SAVES):
                    store.save(run.to_arrays(self.records))
                    saved_at = time.monotonic()
                if stop and border < last:
                    return replace(run, ended="stopped by report")
        except KeyboardInterrupt:
            if store:
                store.save(run.to_arrays(self.records))
            if store or run.step == self.begin:
                raise
            return replace(run, ended="interrupted")
        return run

    def dataset(self, run: Run) -> xr.Dataset:
        """Compute the test loss and a probe without steps, and return the Dataset.

        Raises:
            TrainingDiverged: as `run`, for the test loss.
        """
        programs, model = self.programs, run.state.model
        loss = np.asarray(programs.measured(programs.test_loss, run.step, model))
        diverged = np.where(np.isfinite(loss), run.diverged, np.minimum(run.diverged, run.step))
        self._check_finite(diverged, loss)
        loss = np.where(diverged == NEVER, loss, np.nan)
        probe = programs.probe
        last = (
            programs.measured(programs.measure, run.step, model)
            if probe and not probe.steps
            else []
        )
        result = self.lay_out(run, loss, last)
        return result.assign_attrs(diverged=said) if (said := self._said(diverged)) else result

    def lay_out(self, run: Run, loss: np.ndarray, probed: Sequence[Any]) -> xr.Dataset:
        """Convert a run to a Dataset, with the axes in the order of `train`'s argument.

        Args:
            run: the run.
            loss: the test loss of each member.
            probed: the probe's arrays for the last state, if it has no steps.
        """
        measured: dict[str, Any] = {"loss": ((), loss)}
        if self.programs.probe and probed:
            named = zip(self.programs.probe.dims.items(), probed, strict=True)
            measured |= {name: (dims, np.asarray(array)) for (name, dims), array in named}
        dataset = to_dataset(run, self.order, self.records, measured, self.coords)
        dims = (one.name for one in self.axes), (one.dim for one in self.records)
        return dataset.transpose(*chain(*dims), ..., missing_dims="ignore")

    def _first(self, store: Store | None) -> Run:
        saved = store.load() if store else None
        if saved is not None:
            return Run.from_arrays(saved, self.programs.example, self.records)
        state = self.programs.start() if self.start is None else self.start
        rows = {record.dim: record.empty() for record in self.records}
        for record in self.records:
            record.write(rows, self.begin, state, None)
        diverged = np.full([axis.size for axis in self.order], NEVER, np.int32)
        return Run(state, self.begin, diverged, rows)

    def _chunks(self, run: Run) -> Iterator[tuple[int, Chunk]]:
        """Yield the remaining chunks with their last steps, each after the next was dispatched.

        JAX dispatches asynchronously, so that devices do not wait for the work between chunks.
        """
        state, step, started = run.state, run.step, None
        for border in (b for b in self.borders if b > run.step):
            chunk = self.programs.advance(state, step, border)
            state, step = chunk.state, border
            if started:
                yield started
            started = border, chunk
        if started:
            yield started

    def _named(self) -> Callable[[np.ndarray], xr.DataArray]:
        """Return a function that names the dimensions of losses, in the order of the axes."""
        coords = {axis.name: axis.labels for axis in self.axes}
        empty = np.empty([axis.size for axis in self.axes])
        template = xr.DataArray(empty, coords, list(coords), "loss")  # slow to build
        places = [self.order.index(axis) for axis in self.axes]
        return lambda loss: template.copy(deep=False, data=loss.transpose(places))

    def _check_finite(self, diverged: np.ndarray, loss: ArrayLike) -> None:
        """Raise TrainingDiverged if the members that diverged cannot be left out."""
        finite = diverged == NEVER
        if finite.all() or (self.keep_diverged and finite.any()):
            return
        member = np.unravel_index(diverged.argmin(), diverged.shape)
        labels = self._labels(member)
        raise TrainingDiverged(
            f"training diverged at step {diverged.min()}: loss {np.asarray(loss)[member]}"
            + (f" at {labels}" if labels else "")
        )

    def _said(self, diverged: np.ndarray) -> str:
        """Return the members that diverged and their steps, in words; empty if there is none."""
        members = map(tuple, np.argwhere(diverged != NEVER))
        return "; ".join(f"{self._labels(m)} at step {diverged[m]}" for m in members)

    def _labels(self, member: Sequence[Any]) -> str:
        points = zip(self.order, member, strict=True)
        return ", ".join(f"{axis.name}={axis.labels[i]!s}" for axis, i in points)
