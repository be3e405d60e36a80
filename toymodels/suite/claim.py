"""A claim of a source, with the expected and the measured value."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

Number = int | float


@dataclass(frozen=True)
class Claim:
    """One measured statement of a source; if it does not hold, the run does not fail.

    Attributes:
        text: the statement, in one sentence.
        source: the paper and section that state it.
        expected: a number, an interval (low, high), or a sentence.
        measured: a number or a list of numbers, stored as a tuple; NaN where undefined.
        holds: whether the measurement agrees with the expectation; None if the claim does not
            apply to the settings of the run.

    Raises:
        TypeError: if `expected` or `measured` has another type.
    """

    text: str
    source: str
    expected: Any  # array-like, checked below
    measured: Any
    holds: bool | np.bool_ | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", None if self.holds is None else bool(self.holds))
        if not isinstance(self.expected, str):
            object.__setattr__(self, "expected", _numbers(self.text, self.expected))
        object.__setattr__(self, "measured", _numbers(self.text, self.measured))

    def to_dict(self) -> dict[str, Any]:
        """Return the claim for JSON: lists instead of tuples, None instead of NaN and infinity."""
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
