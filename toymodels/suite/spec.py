"""What a figure can be set to: a frozen dataclass that checks its values when it is made.

The annotations say everything: type, range and choices, for Python and for the command line.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from numbers import Integral, Real
from types import NoneType, SimpleNamespace, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

if TYPE_CHECKING:
    import optax

FLOAT32_MAX = 3.4028235e38
MOST = 2**31 - 1  # steps are counted, and entries of arrays, in 32 bits
PRESETS = ("smoke", "quick", "paper")
"""From the fastest to the source's own sizes."""


@dataclass(frozen=True)
class Range:
    """The numbers that a field may take: from `low` to `high`, or strictly between two bounds."""

    low: int | float = -math.inf
    high: int | float = math.inf
    _: KW_ONLY
    above: int | float = -math.inf
    below: int | float = math.inf

    @property
    def unbounded(self) -> bool:
        """Whether numbers of any height are in it."""
        return self.high == self.below == math.inf

    def __contains__(self, value: int | float) -> bool:
        return self.low <= value <= self.high and self.above < value < self.below

    def __str__(self) -> str:
        low, high = max(self.low, self.above), min(self.high, self.below)
        open_low, open_high = low == self.above, high == self.below
        if math.isfinite(low) and math.isfinite(high):
            left, right = "(" if open_low else "[", ")" if open_high else "]"
            return f"in {left}{low:.10g}, {high:.10g}{right}"
        if math.isfinite(low):
            return f"{'>' if open_low else '>='} {low:.10g}"
        return f"{'<' if open_high else '<='} {high:.10g}"


class Distinct:
    """The tuples in which nothing stands twice, such as the points of a swept axis."""

    def __contains__(self, values: tuple[Any, ...]) -> bool:
        return len(set(values)) == len(values)

    def __str__(self) -> str:
        return "without repetition"


Limit = Range | Distinct
Count = Annotated[int, Range(1)]
"""A whole number of at least 1."""
Fraction = Annotated[float, Range(0, 1)]
"""A number from 0 to 1: a sparsity, a probability."""
Positive = Annotated[float, Range(above=0)]
"""A number above 0."""
NonNegative = Annotated[float, Range(0)]
"""A number of at least 0."""
Counts = tuple[Count, ...]
"""Whole numbers of at least 1, such as one for each size."""
Sizes = Annotated[Counts, Distinct()]
"""A sweep of whole numbers of at least 1: of dataset sizes, of widths."""
Positives = tuple[Positive, ...]
"""Numbers above 0, such as one for each size."""
Sparsities = Annotated[tuple[Fraction, ...], Distinct()]
"""A sweep of S, the probability that a feature is inactive."""


class Zipped:
    """Fields with one entry for each size, read together: `sizes = zipped("n", "m")`.

    On a Spec it is the list of sizes, each with the fields' entries under their names.
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def __get__(self, spec: "Spec | None", _kind: type) -> Sequence[Any]:
        if spec is None:
            return ()
        columns = [getattr(spec, name) for name in self.names]
        return [
            SimpleNamespace(**dict(zip(self.names, entries, strict=True)))
            for entries in zip(*columns, strict=True)
        ]

    def check(self, spec: "Spec") -> None:
        """Raise ValueError unless all fields have as many entries."""
        if len({len(getattr(spec, name)) for name in self.names}) > 1:
            *most, last = self.names
            raise ValueError(f"{', '.join(most)} and {last} must have one entry for each size")


def zipped(*names: str) -> Any:
    """Read tuple fields of a Spec together, an entry of each for every size."""
    return Zipped(*names)


@dataclass_transform(frozen_default=True)
@dataclass(frozen=True)
class Spec:
    """Settings of one figure, checked against their annotations; the defaults are `quick`.

        class Spec(toymodels.Spec):
            steps: Count = 4000
            sparsity: tuple[Fraction, ...] = (0.0, 0.5, 0.9)

    A subclass is a frozen dataclass by itself.
    A text below a field, as docstrings are written, is its help on the command line.
    Fields are int, float, bool, str, Literal[...], tuples of these, or any of them `| None`,
    with a Range where there are bounds. Numbers are finite, a whole number serves as a float and
    is at most 2^31 - 1 where its Range has no upper bound,
    a list as a tuple, and a tuple of any length has at least one entry.

    Raises:
        ValueError: naming the field, what it may be, and what it was given.
        TypeError: if an annotation is none of the above.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclass(frozen=True)(cls)

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        for field in fields(self):
            value = conform(field.name, hints[field.name], getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        for kind in type(self).__mro__:
            for together in vars(kind).values():
                if isinstance(together, Zipped):
                    together.check(self)
        self.check()

    def check(self) -> None:
        """Check what spans several fields; for a script to override, raising ValueError."""

    def arrays(self) -> Iterable[Sequence[int]]:
        """Give the shapes of the largest arrays that a run holds at once; for a script to override.

        Settings whose arrays do not fit into memory are refused before anything is made, and
        those whose weights are used so often, as `trained` is told, that it would take weeks.
        """
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them: lists for tuples."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    def overrides(self, against: "Spec") -> dict[str, Any]:
        """Return the fields in which this differs from another spec of its kind."""
        there = against.to_dict()
        return {name: value for name, value in self.to_dict().items() if value != there[name]}


class TrainingSpec(Spec):
    """Settings of a training on minibatches with AdamW; the defaults are the usual notebook's."""

    restarts: Count = 4
    """Models trained at each point of the sweep."""
    steps: Count = 10_000
    """Optimiser steps."""
    batch_size: Count = 1024
    """Samples a step."""
    learning_rate: Positive = 1e-3
    """AdamW's learning rate; the highest, where it follows a schedule."""
    schedule: Literal["constant", "cosine"] = "constant"
    """How the learning rate goes on: as it is, or down to zero along a cosine."""
    weight_decay: NonNegative = 1e-2
    """AdamW's decoupled weight decay."""

    def arrays(self) -> Iterable[Sequence[int]]:
        """Give the weights W of all restarts by the usual names: n, m, a sweep of sparsities."""
        n, m, sparsity = (getattr(self, name, 1) for name in ("n", "m", "sparsity"))
        points = len(sparsity) if isinstance(sparsity, tuple) else 1
        if isinstance(n, int) and isinstance(m, int):
            yield trained(self.restarts, points, m, n, uses=self.samples_seen)

    @property
    def samples_seen(self) -> int:
        """How many samples a training draws, over all of its steps."""
        return self.steps * self.batch_size

    def optimizer(self) -> "optax.GradientTransformation":
        """Return AdamW at these settings."""
        import optax  # not for settings alone: the command line's help needs no JAX

        rate: Any = self.learning_rate
        if self.schedule == "cosine":
            rate = optax.cosine_decay_schedule(rate, self.steps)
        return optax.adamw(rate, weight_decay=self.weight_decay)


class Trained(tuple[int, ...]):
    """The shape of weights with all that training holds beside them, and how often it uses them."""

    uses: int

    @property
    def multiplications(self) -> int:
        """How often something is multiplied with a weight, at the least."""
        return math.prod(self[1:]) * self.uses


def trained(*shape: int, uses: int = 0) -> Trained:
    """Return the shape of weights with all that training holds beside them.

    That is the gradient and the two moments of Adam.

    Args:
        shape: that of the weights.
        uses: how often each weight is multiplied: `samples_seen` where it is once a sample.
    """
    whole = Trained((4, *shape))
    whole.uses = uses
    return whole


def check_importance(decay: float, n: int) -> None:
    """Check that the importances decay^0 ... decay^(n-1) are finite; they may vanish.

    Raises:
        ValueError: with the largest decay that there may be.
    """
    highest = FLOAT32_MAX ** (1 / max(n - 1, 1))
    if decay > highest:
        raise ValueError(
            f"importance_decay must be at most {highest:.4g} for {n} features, whose importances "
            f"overflow otherwise; got {decay:g}"
        )


def conform(name: str, hint: Any, value: Any) -> Any:
    """Return `value` as `hint` has it, or raise a ValueError that says what `name` may be."""
    try:
        return _fit(hint, value)
    except _TooHigh as high:
        most = f"at most {MOST:,}, as far as 32 bits count"
        raise ValueError(f"{name} must be {most}; got {high.value:,}") from None
    except _Unfit as unfit:
        raise ValueError(f"{name} must be {describe(hint)}; got {unfit.value!r}") from None
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from error


def describe(hint: Any) -> str:
    """Say what an annotation allows, for a sentence that begins with "must be"."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        limits = [str(note) for note in args[1:] if isinstance(note, Limit)]
        return " ".join([describe(args[0]), *limits])
    if origin is Literal:
        return f"one of {', '.join(map(repr, args))}"
    if origin in (Union, UnionType):
        return " or ".join(map(describe, args))
    if origin is tuple:
        values = f"each {describe(args[0])}" if _repeats(args) else ", ".join(map(describe, args))
        return (
            f"one or more values, {values}" if _repeats(args) else f"{len(args)} values: {values}"
        )
    return _PLAIN[hint]


_PLAIN = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a text",
    NoneType: "None",
}


class _Unfit(Exception):
    """A value is not what its annotation asks for."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _TooHigh(_Unfit):
    """A number is higher than anything can be counted to."""


def _fit(hint: Any, value: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _fit_ranges(args[1:], _fit(args[0], value), value)
    if origin in (Union, UnionType):
        return _fit_any(args, value)
    if origin is tuple:
        return _fit_tuple(args, value)
    if origin is Literal:
        fits = any(type(value) is type(choice) and value == choice for choice in args)
        return value if fits else _refuse(value)
    if hint not in _PLAIN:
        raise TypeError(f"a Spec field cannot be annotated {hint}")
    return _fit_plain(hint, value)


def _fit_plain(hint: Any, value: Any) -> Any:
    if isinstance(value, bool):
        return value if hint is bool else _refuse(value)
    if hint is int and isinstance(value, Integral):
        return int(value)
    if hint is float and isinstance(value, Real) and math.isfinite(value):
        return float(value)
    return value if hint in (str, NoneType) and isinstance(value, hint) else _refuse(value)


def _fit_ranges(notes: tuple[Any, ...], fitted: Any, value: Any) -> Any:
    limits = [note for note in notes if isinstance(note, Limit)]
    if any(fitted not in limit for limit in limits):
        return _refuse(value)
    unbounded = all(isinstance(limit, Range) and limit.unbounded for limit in limits)
    if limits and unbounded and isinstance(fitted, int) and fitted > MOST:
        raise _TooHigh(value)
    return fitted


def _fit_any(options: tuple[Any, ...], value: Any) -> Any:
    for option in options:
        try:
            return _fit(option, value)
        except _Unfit:
            continue
    return _refuse(value)


def _fit_tuple(args: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, tuple | list) or not value:
        return _refuse(value)
    hints = args[:1] * len(value) if _repeats(args) else args
    if len(hints) != len(value):
        return _refuse(value)
    return tuple(_fit(hint, entry) for hint, entry in zip(hints, value, strict=True))


def _refuse(value: Any) -> Any:
    raise _Unfit(value)


def _repeats(args: tuple[Any, ...]) -> bool:
    return len(args) == 2 and args[1] is ...


def _plain(value: Any) -> Any:
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value
