"""Conversion of NumPy arrays, JAX arrays and nested lists to arrays of one library."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

AnyArray = Any
"""A NumPy, JAX or xarray array; JAX is not imported for NumPy arrays."""

Nested = Sequence[Any]
"""Nested lists of numbers, as deep as the array has axes."""


def floats(*given: Any) -> tuple[Any, ...]:
    """Return an array namespace, and the values as its floating-point arrays.

    The namespace is jax.numpy if any value is a JAX array, else numpy. Floating-point arrays keep
    their precision, NumPy's others and nested lists become float64.

    Raises:
        ValueError: if a nested list is ragged, or contains something other than numbers.
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
