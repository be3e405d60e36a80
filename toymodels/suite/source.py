"""Where a claim is made, and the kinds of claim that there are.

A source is named once in a script; its methods say what must come out. Each refuses to judge what
cannot be judged: nothing at all, numbers that are not finite, a sweep of a single point, or
settings that the claim is not about (`when`). Such a claim neither holds nor fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from toymodels.suite.claim import Claim

Condition = bool | np.bool_


@dataclass(frozen=True)
class Source:
    """A source, or a place in one: `Source("Elhage et al. 2022, introduction")`.

    All methods take the statement in one sentence, what was measured (any shape, NaN where nothing
    could be), and `when`: whether the settings are those that the claim is about.

    Attributes:
        where: the source in words.
    """

    where: str

    def within(
        self, text: str, low: float, high: float, measured: ArrayLike, *, when: Condition = True
    ) -> Claim:
        """Claim that all numbers, of which there is at least one, lie in [low, high]."""
        numbers = _row(measured)
        holds = _judge(numbers, 1, when, lambda x: bool(((x >= low) & (x <= high)).all()))
        return Claim(text, self.where, (low, high), numbers, holds)

    def above(self, text: str, low: float, measured: ArrayLike, *, when: Condition = True) -> Claim:
        """Claim that all numbers, of which there is at least one, lie above `low`."""
        numbers = _row(measured)
        holds = _judge(numbers, 1, when, lambda x: bool((x > low).all()))
        return Claim(text, self.where, f"above {low:g}", numbers, holds)

    def below(
        self, text: str, high: float, measured: ArrayLike, *, when: Condition = True
    ) -> Claim:
        """Claim that all numbers, of which there is at least one, lie below `high`."""
        numbers = _row(measured)
        holds = _judge(numbers, 1, when, lambda x: bool((x < high).all()))
        return Claim(text, self.where, f"below {high:g}", numbers, holds)

    def equal(
        self,
        text: str,
        expected: float,
        measured: ArrayLike,
        *,
        tolerance: float = 0.0,
        when: Condition = True,
    ) -> Claim:
        """Claim that all numbers equal the expected one, up to an absolute tolerance."""
        numbers = _row(measured)
        holds = _judge(numbers, 1, when, lambda x: bool((np.abs(x - expected) <= tolerance).all()))
        within = (expected - tolerance, expected + tolerance)
        return Claim(text, self.where, within if tolerance else expected, numbers, holds)

    def rises(self, text: str, measured: ArrayLike, *, when: Condition = True) -> Claim:
        """Claim that each number of a sweep, in its order, is larger than the one before."""
        return self._along(text, "rising", measured, when, lambda steps: steps > 0)

    def falls(self, text: str, measured: ArrayLike, *, when: Condition = True) -> Claim:
        """Claim that each number of a sweep, in its order, is smaller than the one before."""
        return self._along(text, "falling", measured, when, lambda steps: steps < 0)

    def does_not_fall(
        self, text: str, measured: ArrayLike, *, slack: float = 0.0, when: Condition = True
    ) -> Claim:
        """Claim that no number of a sweep lies below the one before by more than `slack`."""
        expected = f"non-decreasing, within {slack:g}" if slack else "non-decreasing"
        return self._along(text, expected, measured, when, lambda steps: steps >= -slack)

    def does_not_rise(
        self, text: str, measured: ArrayLike, *, slack: float = 0.0, when: Condition = True
    ) -> Claim:
        """Claim that no number of a sweep lies above the one before by more than `slack`."""
        expected = f"non-increasing, within {slack:g}" if slack else "non-increasing"
        return self._along(text, expected, measured, when, lambda steps: steps <= slack)

    def peaks_inside(
        self, text: str, measured: ArrayLike, *, margin: float = 0.0, when: Condition = True
    ) -> Claim:
        """Claim that a sweep is largest inside, above its ends by more than `margin` of them."""
        numbers = _row(measured)
        expected = (
            f"a maximum inside, {margin:.0%} above both ends" if margin else "a maximum inside"
        )
        holds = _judge(numbers, 3, when, lambda x: bool(x.max() > (1 + margin) * max(x[0], x[-1])))
        return Claim(text, self.where, expected, numbers, holds)

    def share_above(
        self, text: str, low: float, flags: ArrayLike, *, when: Condition = True
    ) -> Claim:
        """Claim that of the flags, booleans of any shape, a larger share than `low` is true."""
        kept = np.asarray(flags, bool).ravel()
        share = _row(kept.mean() if kept.size else np.nan)
        holds = _judge(share, 1, when, lambda x: bool((x > low).all()))
        return Claim(text, self.where, f"a share above {low:g}", share, holds)

    def somewhere(
        self, text: str, at: ArrayLike, flags: ArrayLike, *, when: Condition = True
    ) -> Claim:
        """Claim that `flags` is true at one point of a sweep or more; `at` names them all."""
        places, true = _row(at), np.asarray(flags, bool).ravel()
        holds = bool(true.any()) if when and places.size > 1 else None
        return Claim(text, self.where, "at least one", places[true], holds)

    def first_before(
        self, text: str, first: ArrayLike, second: ArrayLike, *, when: Condition = True
    ) -> Claim:
        """Claim that every number of `first` is smaller than every number of `second`."""
        one, other = _row(first), _row(second)
        numbers = np.concatenate([one, other])
        both = bool(when and one.size and other.size)
        holds = _judge(numbers, 2, both, lambda _: bool(one.max() < other.min()))
        return Claim(text, self.where, "the first below the second", numbers, holds)

    def _along(
        self, text: str, expected: str, measured: ArrayLike, when: Condition, fits: Any
    ) -> Claim:
        numbers = _row(measured)
        holds = _judge(numbers, 2, when, lambda x: bool(fits(np.diff(x)).all()))
        return Claim(text, self.where, expected, numbers, holds)


OURS = Source("ours")
"""For what no source says."""


def _row(measured: ArrayLike) -> np.ndarray:
    array = np.asarray(measured)
    return (array.astype(float) if array.dtype == bool else array).reshape(-1)


def _judge(
    numbers: np.ndarray, fewest: int, when: Condition, holds: Callable[[np.ndarray], bool]
) -> bool | None:
    """Judge numbers if the claim is about them, there are enough, and all are finite."""
    if not when or numbers.size < fewest or not np.isfinite(numbers).all():
        return None
    return holds(numbers)
