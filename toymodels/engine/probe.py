"""What to measure of a model on its way, beside its weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Array, PRNGKeyArray

from toymodels.engine.objective import Objective


@dataclass(frozen=True)
class Probe:
    """A measurement of every member, at chosen steps of a training or once at its end.

    Attributes:
        measure: (objective, model, key) -> arrays by name; pure, compiled, the same key each time.
        dims: the names of each array's dimensions; none for a number.
        steps: when to measure, from 0 (before the first step) to the last step; without any, once
            at the end, and the results have no dimension `probed`.
    """

    measure: Callable[[Objective, Any, PRNGKeyArray], Mapping[str, Array]]
    dims: Mapping[str, Sequence[str]]
    steps: Sequence[int] = ()
