"""Sources of claims, and the kinds of claim.

    PAPER = Source("Elhage et al. 2022, introduction")
    PAPER.claim("Sparse features have length 1 (lengths)").within(0.9, 1.1, lengths)

A claim on an empty selection, on numbers that are not finite, or on a sweep of a single point is
not applicable to the run.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from toymodels.suite.claim import Claim

Predicate = Callable[[np.ndarray], bool | np.bool_]


@dataclass(frozen=True)
class Source:
    """A source, or a section of one: `Source("Elhage et al. 2022, introduction")`.

    Attributes:
        where: citation of the source.
    """

    where: str

    def claim(self, text: str) -> "Statement":
        """Return a statement of the source; its methods measure it.

        Args:
            text: one sentence, with the measured quantity in brackets.
        """
        return Statement(text, self.where)


@dataclass(frozen=True)
class Statement:
    """A statement of a source; each method measures it and returns the Claim.

    `measured` has any shape, and NaN where undefined.

    Attributes:
        text: one sentence.
        where: citation of the source.
    """

    text: str
    where: str

    def within(self, low: float, high: float, measured: ArrayLike) -> Claim:
        """Claim that all numbers lie in [low, high]."""
        return self._judge((low, high), measured, lambda x: ((x >= low) & (x <= high)).all())

    def above(self, low: float, measured: ArrayLike) -> Claim:
        """Claim that all numbers lie above `low`."""
        return self._judge(f"above {low:g}", measured, lambda x: (x > low).all())

    def below(self, high: float, measured: ArrayLike) -> Claim:
        """Claim that all numbers lie below `high`."""
        return self._judge(f"below {high:g}", measured, lambda x: (x < high).all())

    def equal(self, expected: float, measured: ArrayLike) -> Claim:
        """Claim that all numbers equal `expected`."""
        return self._judge(expected, measured, lambda x: (x == expected).all())

    def rises(self, measured: ArrayLike) -> Claim:
        """Claim that a sweep is strictly increasing."""
        return self._judge("rising", measured, lambda x: (np.diff(x) > 0).all(), fewest=2)

    def falls(self, measured: ArrayLike) -> Claim:
        """Claim that a sweep is strictly decreasing."""
        return self._judge("falling", measured, lambda x: (np.diff(x) < 0).all(), fewest=2)

    def does_not_fall(self, measured: ArrayLike, *, slack: float = 0.0) -> Claim:
        """Claim that a sweep never falls by more than `slack` from one point to the next."""
        expected = f"non-decreasing, within {slack:g}" if slack else "non-decreasing"
        return self._judge(expected, measured, lambda x: (np.diff(x) >= -slack).all(), fewest=2)

    def peaks_inside(self, measured: ArrayLike, *, margin: float = 0.0) -> Claim:
        """Claim that a sweep has an interior maximum, above (1 + margin) times both ends."""
        expected = (
            f"a maximum inside, {margin:.0%} above both ends" if margin else "a maximum inside"
        )

        def peaks(x: np.ndarray) -> bool:
            return bool(x.max() > (1 + margin) * max(x[0], x[-1]))

        return self._judge(expected, measured, peaks, fewest=3)

    def share_above(self, low: float, flags: ArrayLike) -> Claim:
        """Claim that more than a share `low` of the flags, booleans of any shape, is true."""
        each = np.asarray(flags, bool).ravel()
        share = each.mean(keepdims=True) if each.size else []
        return self._judge(f"a share above {low:g}", share, lambda x: (x > low).all())

    def somewhere(self, at: ArrayLike, flags: ArrayLike) -> Claim:
        """Claim that `flags` is true at one or more points of a sweep, with coordinates `at`."""
        places, true = _row(at), np.asarray(flags, bool).ravel()
        holds = bool(true.any()) if places.size > 1 else None
        return Claim(self.text, self.where, "at least one", places[true], holds)

    def first_before(self, first: ArrayLike, second: ArrayLike) -> Claim:
        """Claim that every number of `first` is smaller than every number of `second`."""
        lower, upper = _row(first), _row(second)
        fewest = lower.size + upper.size if lower.size and upper.size else np.inf
        both = np.concatenate([lower, upper])
        holds = lambda _: lower.max() < upper.min()  # noqa: E731
        return self._judge("the first below the second", both, holds, fewest=fewest)

    def _judge(
        self, expected: object, measured: ArrayLike, holds: Predicate, *, fewest: float = 1
    ) -> Claim:
        numbers = _row(measured)
        if numbers.size < fewest or not np.isfinite(numbers).all():
            return Claim(self.text, self.where, expected, numbers, None)
        return Claim(self.text, self.where, expected, numbers, bool(holds(numbers)))


OURS = Source("ours")
"""For claims of our own."""


def _row(measured: ArrayLike) -> np.ndarray:
    array = np.asarray(measured)
    return (array.astype(float) if array.dtype == bool else array).reshape(-1)
