"""The settings of a figure: a frozen pydantic model whose fields are checked when it is built.

The annotation of a field gives its type and range, for Python and for the command line. For other
ranges than those below, a script writes `Annotated[int, Field(ge=3)]`, as in pydantic.
"""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

FLOAT32_MAX = 3.4028235e38
PRESETS = ("smoke", "quick", "paper")
"""From the fastest to the source's settings."""

T = TypeVar("T", bound=tuple[Any, ...])


def distinct(values: T) -> T:
    """Return `values`, such as the points of a swept axis, if they are distinct.

    Raises:
        ValueError: if one is repeated.
    """
    if len(set(values)) < len(values):
        raise ValueError("must not repeat a value")
    return values


def below_one(values: T) -> T:
    """Return `values`, sparsities at which something is active, if they are below 1.

    Raises:
        ValueError: if one is not.
    """
    if max(values) >= 1:
        raise ValueError("must be below 1, where no feature is ever active")
    return values


def rising(values: T) -> T:
    """Return `values` if they are strictly increasing.

    Raises:
        ValueError: if they are not.
    """
    if list(values) != sorted(set(values)):
        raise ValueError("must be rising")
    return values


Count = Annotated[int, Field(ge=1, le=10_000_000)]
"""An integer of at least 1: a number of features, steps, restarts or samples."""
Fraction = Annotated[float, Field(ge=0, le=1)]
"""A number from 0 to 1: a sparsity, a probability."""
Positive = Annotated[float, Field(gt=0)]
"""A number above 0."""
NonNegative = Annotated[float, Field(ge=0)]
"""A number of at least 0."""
Counts = Annotated[tuple[Count, ...], Field(min_length=1)]
"""Counts, such as one for each size."""
Positives = Annotated[tuple[Positive, ...], Field(min_length=1)]
"""Numbers above 0, such as one for each size."""
Sizes = Annotated[Counts, AfterValidator(distinct)]
"""A sweep of counts: of dataset sizes, of widths."""
RisingSizes = Annotated[Counts, AfterValidator(rising)]
"""A sweep of counts in ascending order."""
Sparsities = Annotated[tuple[Fraction, ...], Field(min_length=1), AfterValidator(distinct)]
"""A sweep of S, the probability that a feature is inactive."""
ActiveSparsities = Annotated[Sparsities, AfterValidator(below_one)]
"""The same below 1, such as for samples in which a feature is active."""
PositiveSweep = Annotated[Positives, AfterValidator(distinct)]
"""A sweep of numbers above 0."""


class Spec(BaseModel):
    """Settings of one figure; the defaults are the preset `quick`.

        class Spec(toymodels.Spec):
            steps: Count = 4000
            '''Optimiser steps.'''
            sparsity: Sparsities = (0.0, 0.5, 0.9)

    The docstring of a field is its help text on the command line.

    Raises:
        ValueError: in one sentence, with the field, its range and the value given.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        use_attribute_docstrings=True,
    )

    if not TYPE_CHECKING:  # type checkers infer the arguments from the fields

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise ValueError(_sentence(error)) from None

    @model_validator(mode="after")
    def _check(self) -> "Spec":
        self.check()
        return self

    def check(self) -> None:
        """Check conditions on several fields; scripts override it and raise ValueError."""

    def zipped(self, *names: str) -> list[Any]:
        """Return an object for each position in these fields, with the entries as attributes.

        Raises:
            ValueError: if the fields differ in length.
        """
        columns = [getattr(self, name) for name in names]
        if len(set(map(len, columns))) > 1:
            raise ValueError(f"{', '.join(names[:-1])} and {names[-1]} must have as many entries")
        return [
            SimpleNamespace(**dict(zip(names, row, strict=True)))
            for row in zip(*columns, strict=True)
        ]

    def check_distinct(self, *names: str) -> None:
        """Check that no two positions in these fields have the same entries.

        Raises:
            ValueError: if two have, or the fields differ in length.
        """
        cases = [tuple(vars(case).values()) for case in self.zipped(*names)]
        if len(set(cases)) < len(cases):
            raise ValueError(
                f"{', '.join(names[:-1])} and {names[-1]} must not name the same case twice"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON: lists instead of tuples."""
        return self.model_dump(mode="json")

    def overrides(self, against: "Spec") -> dict[str, Any]:
        """Return the fields that differ from those of another spec of the same class."""
        other = against.to_dict()
        return {name: value for name, value in self.to_dict().items() if value != other[name]}


def check_sets(n: int, sets: int) -> None:
    """Check that n features are sets of equal size, of at least two members.

    Raises:
        ValueError: if they are not.
    """
    if n % sets or n < 2 * sets:
        raise ValueError(
            "n must be a multiple of sets, in sets of at least two; "
            f"got {n} features in {sets} sets"
        )


def check_importance(decay: float, n: int) -> None:
    """Check that the importances decay^0 ... decay^(n-1) are finite; they may underflow to 0.

    Raises:
        ValueError: if they overflow; the message gives the largest valid decay.
    """
    highest = FLOAT32_MAX ** (1 / max(n - 1, 1))
    if decay > highest:
        raise ValueError(
            f"importance_decay must be at most {highest:.4g} for {n} features, whose importances "
            f"overflow otherwise; got {decay:g}"
        )


def _sentence(error: ValidationError) -> str:
    """Return the first error as one sentence."""
    first = error.errors(include_url=False)[0]
    field, message = str(first["loc"][0]) if first["loc"] else "", first["msg"]
    if first["type"] == "extra_forbidden":
        return f"there is no setting {field!r}"
    message = message.removeprefix("Value error, ").replace("Input should be", "must be")
    if not field:  # from `check`, whose messages name the fields
        return message
    colon = "" if message.startswith("must") else ":"
    return f"{field}{colon} {message[0].lower()}{message[1:]}; got {first['input']!r}"
