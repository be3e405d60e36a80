"""The training loop over chunks of steps.

Everything but the steps happens between chunks: the check for divergence, records, progress,
checkpoints, stopping and, after the requested steps only, the objective's `refresh`. That takes
about a millisecond, as long as ten steps of a small ensemble. So a chunk takes about half a second
and consists of spans: each span gives a point of the loss curve, and the last one the state.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jax.typing import ArrayLike

from toymodels.engine.axes import Axis
from toymodels.engine.dataset import to_dataset
from toymodels.engine.member_programs import Programs
from toymodels.engine.records import Record, Run
from toymodels.engine.steps import MOST_SPANS, NEVER, Chunk, State

SECONDS_BETWEEN_SAVES = 2.0
SECONDS_A_CHUNK = 0.5

Report = Callable[[int, int, Any], bool | None]
"""Called as report(step, steps, loss) for each span: its last step, the training's last step, and
each member's mean loss since the previous report. A true return value ends the run."""


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
        borders: the last step of each span.
        stops: the borders whose state is recorded or refreshed, each the end of a chunk.
        begin: the number of steps taken before.
        start: the state after them; None before the first step.
        coords: the objective's coordinates of the result.
        keep_diverged: whether a diverged member is kept as NaN, as long as another one is finite.
    """

    programs: Programs
    axes: Sequence[Axis]
    records: Sequence[Record]
    borders: Sequence[int]
    stops: Set[int]
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
        run, last = self._first(store), self.borders[-1]
        saved_at = time.monotonic()
        try:
            for borders, chunk in self._chunks(run):
                step, diverged, stop = self._read(run, borders, chunk, reports)
                if step < borders[-1]:  # the state there was not kept
                    chunk = self.programs.advance(run.state, [b for b in borders if b <= step])
                # a single assignment, so that an interrupt leaves a consistent run
                run = replace(run, state=chunk.state, step=step, diverged=diverged)
                seconds = time.monotonic() - saved_at
                if store and (stop or step == last or seconds > SECONDS_BETWEEN_SAVES):
                    store.save(run.to_arrays(self.records))
                    saved_at = time.monotonic()
                if stop and step < last:
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

    def _chunks(self, run: Run) -> Iterator[tuple[Sequence[int], Chunk]]:
        """Yield the remaining chunks with their borders, each after the next was dispatched.

        JAX dispatches asynchronously, so that devices do not wait for the work between chunks. A
        chunk has as many spans as the previous ones say take `SECONDS_A_CHUNK`.
        """
        left = [run.step, *(border for border in self.borders if border > run.step)]
        state, started, spans, since = run.state, None, 1, time.monotonic()
        while len(left) > 1:
            borders = self._together(left[: spans + 1])
            chunk = self.programs.advance(state, borders)
            left, state = left[len(borders) - 1 :], chunk.state
            if started:
                yield started
                now = time.monotonic()
                # of the first chunk the time includes compilation, so that the next ones are short
                fitting = SECONDS_A_CHUNK / (now - since) * (len(started[0]) - 1)
                spans, since = max(1, int(min(fitting, MOST_SPANS))), now
            started = borders, chunk
        if started:
            yield started

    def _together(self, borders: Sequence[int]) -> Sequence[int]:
        """Return the borders of a chunk's spans: those given, up to the first stop."""
        stop = next((i for i, b in enumerate(borders[1:], 1) if b in self.stops), len(borders) - 1)
        return borders[: stop + 1]

    def _read(
        self, run: Run, borders: Sequence[int], chunk: Chunk, reports: Sequence[Report]
    ) -> tuple[int, np.ndarray, bool]:
        """Record and report the spans of a chunk, until a report asks to stop.

        Returns the last step read, the steps up to there at which members diverged, and whether a
        report asked to stop.
        """
        diverged_at = np.minimum(run.diverged, np.asarray(chunk.diverged_at))
        losses = np.moveaxis(np.asarray(chunk.loss), -1, 0)
        for step, loss in zip(borders[1:], losses, strict=False):
            diverged = np.where(diverged_at < step, diverged_at, NEVER)
            self._check_finite(diverged, chunk.diverged_loss)
            for record in self.records:
                record.write(run.rows, step, chunk.state, loss)
            said = [report(step, self.borders[-1], self._named(loss)) for report in reports]
            if any(said):
                return step, diverged, True
        return step, diverged, False

    @cached_property
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
