"""What a source says, beside what came out."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

Number = int | float


@dataclass(frozen=True)
class Claim:
    """One statement of a source, measured; one that does not hold is a finding, not a failure.

    Attributes:
        text: the statement, in one sentence.
        source: where it is made.
        expected: a number, an interval (low, high), or a sentence.
        measured: a number or a list of them, kept as a tuple; NaN where nothing can be measured.
        holds: whether the measurement is what was expected; None where the settings do not meet
            what the claim needs.

    Raises:
        TypeError: if `expected` or `measured` is something else.
    """

    text: str
    source: str
    expected: Any  # what NumPy can read as numbers, checked below
    measured: Any
    holds: bool | np.bool_ | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", None if self.holds is None else bool(self.holds))
        if not isinstance(self.expected, str):
            object.__setattr__(self, "expected", _numbers(self.text, self.expected))
        object.__setattr__(self, "measured", _numbers(self.text, self.measured))

    def to_dict(self) -> dict[str, Any]:
        """Return the claim as JSON has it: lists for tuples, None for what is not finite."""
        return {
            "text": self.text,
            "source": self.source,
            "expected": _plain(self.expected),
            "measured": _plain(self.measured),
            "holds": self.holds,
        }


def _numbers(text: str, value: Any) -> Number | tuple[Number, ...]:
    array = np.asarray(value)
    if array.ndim > 1 or array.dtype.kind not in "iuf":
        raise TypeError(f"{text}: must be a number or a list of numbers; got {value!r}")
    return tuple(array.tolist()) if array.ndim else array.item()


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, Real) and not math.isfinite(value) else value
