"""The programs of a problem over a grid: initial state, steps, test loss and probe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
import optax

from toymodels.engine import steps
from toymodels.engine.axes import CPU_OPTIONS_ONCE, SEED, MemberFunction
from toymodels.engine.checks import Problem, built, checked_loss
from toymodels.engine.ensemble_program import EnsembleProgram, Grid
from toymodels.engine.objective import Objective, at_step
from toymodels.engine.probe import Probe
from toymodels.engine.steps import Chunk, State


@dataclass(frozen=True)
class Programs:
    """The programs of a training, each traced at first use.

    Attributes:
        problem: the function that builds a member's objective and optimizer.
        grid: the members.
        refreshes: the steps after which the objective's `refresh` is called.
        probe: further measurements, or None.
    """

    problem: Problem
    grid: Grid
    refreshes: frozenset[int]
    probe: Probe | None

    @property
    def example(self) -> State:
        """The shapes of one member's state."""
        shapes: State = self.start.traced.shapes
        return shapes

    @property
    def all(self) -> list[EnsembleProgram]:
        """Every program, traced."""
        return [self.start, self.chunk, self.test_loss, *([self.measure] if self.probe else [])]

    @cached_property
    def start(self) -> EnsembleProgram:
        """() -> the initial state."""

        def at_point(values, keys, _member, _shared) -> State:
            return steps.start(*self._at(values), keys.init)

        return EnsembleProgram.of(self.grid, at_point, options=CPU_OPTIONS_ONCE)

    @cached_property
    def chunk(self) -> EnsembleProgram:
        """(state, spans of steps) -> Chunk."""

        def at_point(values, keys, state, spans) -> Chunk:
            return steps.advance(*self._at(values), state, keys.batches, *spans)

        return EnsembleProgram.of(self.grid, at_point, self.example, self._spans([0, 1]))

    @cached_property
    def test_loss(self) -> EnsembleProgram:
        """(model, key and step) -> test loss, on the same samples for all members."""

        def at_point(values, _keys, model, shared):
            key, step = shared
            return checked_loss(self._objective(values, step), model, key, "test_loss")

        return self._of_model(at_point, 2)

    @cached_property
    def measure(self) -> EnsembleProgram:
        """(model, key and step) -> the probe's arrays in the order of its dims."""
        probe: Any = self.probe

        def at_point(values, _keys, model, shared):
            key, step = shared
            found = probe.measure(self._objective(values, step), model, key)
            return [found[name] for name in probe.dims]

        return self._of_model(at_point, 3)

    def advance(self, state: State, borders: Sequence[int]) -> Chunk:
        """Take the steps of up to `MOST_SPANS` spans, from the first border to the last."""
        chunk: Chunk = self.chunk(state, self._spans(borders))
        return chunk

    def measured(self, program: EnsembleProgram, step: int, model: Any) -> Any:
        """Evaluate `test_loss` or `measure` for the models after `step` steps."""
        key, _ = program.shared
        return program(model, (key, np.int32(step)))

    def _spans(self, borders: Sequence[int]) -> tuple[Any, ...]:
        row = np.full(steps.MOST_SPANS + 1, borders[-1], np.int32)
        row[: len(borders)] = borders
        refresh = [np.bool_(borders[-1] in self.refreshes)] * bool(self.refreshes)
        return row, np.int32(len(borders) - 1), *refresh

    def _of_model(self, function: MemberFunction, stream: int) -> EnsembleProgram:
        key = jax.random.fold_in(self.grid.key, stream)  # 0 and 1 are used by Keys
        return EnsembleProgram.of(self.grid, function, self.example.model, (key, np.int32(0)))

    def _objective(self, values: Mapping[str, Any], step: Any) -> Objective:
        return at_step(self._at(values)[0], step)

    def _at(self, values: Mapping[str, Any]) -> tuple[Objective, optax.GradientTransformation]:
        return built(self.problem, {name: v for name, v in values.items() if name != SEED})
