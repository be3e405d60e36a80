"""Arrays of one kind out of what is given: NumPy's, JAX's, or nested lists of numbers."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

AnyArray = Any
"""NumPy's, JAX's or xarray's: JAX is not loaded where only NumPy's are measured."""

Nested = Sequence[Any]
"""Numbers in lists within lists, as many deep as the array that they stand for has axes."""


def floats(*given: Any) -> tuple[Any, ...]:
    """Return a namespace, and the values as its arrays of floats.

    It is jax.numpy if any value is a JAX array, else numpy. NumPy arrays keep their precision,
    nested lists become float64.

    Raises:
        ValueError: if a nested list is ragged, or holds what is no number.
    """
    others = (xp for xp in map(_namespace, _leaves(given)) if xp is not np)
    xp = next(others, np)
    return xp, *(_floats(xp, values) for values in given)


def _namespace(leaf: Any) -> Any:
    return leaf.__array_namespace__() if hasattr(leaf, "__array_namespace__") else np


def _leaves(values: Any) -> Iterator[Any]:
    if not isinstance(values, list | tuple):
        yield values
        return
    for value in values:
        yield from _leaves(value)


def _floats(xp, values):
    array = xp.asarray(values)
    return array if xp.issubdtype(array.dtype, xp.floating) else array.astype(float)
