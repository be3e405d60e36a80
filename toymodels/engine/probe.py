"""Measurements of models during or after training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Array, PRNGKeyArray

from toymodels.engine.objective import Objective


@dataclass(frozen=True)
class Probe:
    """A measurement of every member, at given steps of a training or once at its end.

    Attributes:
        measure: (objective, model, key) -> arrays by name; pure; jitted; always the same key.
        dims: the names of each array's dimensions; empty for a scalar.
        steps: when to measure, from 0 (before the first step) to the last step; if empty, once
            at the end, and the results have no dimension `probed`.
    """

    measure: Callable[[Objective, Any, PRNGKeyArray], Mapping[str, Array]]
    dims: Mapping[str, Sequence[str]]
    steps: Sequence[int] = ()
