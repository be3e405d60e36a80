"""A run's state, and the variables recorded during training."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toymodels.engine.memory import bytes_of
from toymodels.engine.steps import State

Rows = dict[str, list[np.ndarray]]


@dataclass(frozen=True)
class Record:
    """Variables recorded after given steps.

    Attributes:
        dim: the name of the record and of its dimension of steps.
        steps: the steps, ascending.
        dims: the names of each variable's dimensions for one member.
        shapes: shape and dtype of each variable at one step [*axes, *dims].
        read: (step, state, mean loss since the last border) -> the arrays of one step.
    """

    dim: str
    steps: tuple[int, ...]
    dims: Mapping[str, Sequence[str]]
    shapes: Sequence[jax.ShapeDtypeStruct]
    read: Callable[[int, State, Any], Sequence[Any]]

    @property
    def nbytes(self) -> int:
        """The bytes of all rows."""
        return len(self.steps) * bytes_of(self.shapes)

    def empty(self) -> list[np.ndarray]:
        """Allocate the rows [steps, *axes, *dims] of each variable."""
        return [np.empty((len(self.steps), *shape.shape), shape.dtype) for shape in self.shapes]

    def write(self, rows: Rows, step: int, state: State, loss: Any) -> None:
        """Write the row of a step, if it is one of the record's."""
        i = bisect_left(self.steps, step)
        if self.steps[i : i + 1] == (step,):
            for variable, array in zip(rows[self.dim], self.read(step, state, loss), strict=True):
                variable[i] = array

    def until(self, rows: Rows, step: int) -> list[np.ndarray]:
        """Return the rows of the steps up to `step`."""
        return [variable[: bisect_right(self.steps, step)] for variable in rows[self.dim]]


@dataclass(frozen=True)
class Run:
    """The current state of a training.

    Attributes:
        state: weights and optimizer state of all members.
        step: the number of steps taken.
        diverged: the first step of each member whose loss is not finite, or NEVER [*axes].
        rows: each record's arrays; rows of steps after `step` are not written.
        ended: why it ended before its last step; empty if it did not.
    """

    state: State
    step: int
    diverged: np.ndarray
    rows: Rows
    ended: str = ""

    def to_arrays(self, records: Sequence[Record]) -> dict[str, np.ndarray]:
        """Flatten into named arrays, for a store."""
        named = {"step": np.asarray(self.step), "diverged": self.diverged}
        for i, leaf in enumerate(jax.tree.leaves(self.state)):
            named[f"state_{i}"] = np.asarray(leaf)
        for record in records:
            for i, variable in enumerate(record.until(self.rows, self.step)):
                named[f"{record.dim}_{i}"] = variable
        return named

    @classmethod
    def from_arrays(
        cls, named: Mapping[str, np.ndarray], example: State, records: Sequence[Record]
    ) -> "Run":
        """Invert `to_arrays`; `example` has the structure of the state."""
        structure: Any = jax.tree.structure(example)
        leaves = [jnp.asarray(named[f"state_{i}"]) for i in range(structure.num_leaves)]
        rows = {record.dim: record.empty() for record in records}
        for record in records:
            for i, variable in enumerate(rows[record.dim]):
                saved = named[f"{record.dim}_{i}"]
                variable[: len(saved)] = saved
        state = jax.tree.unflatten(structure, leaves)
        return cls(state, int(named["step"]), named["diverged"], rows)
