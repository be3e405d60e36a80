"""Range checks of concrete values; traced values, which cannot be checked, pass."""

from typing import Any

import numpy as np

LARGEST_COUNT = 2**31 - 2  # one less than int32's largest number, which means "never"


def is_traced(value: Any) -> bool:
    """Whether a value is a JAX tracer, without concrete entries."""
    if isinstance(value, np.ndarray | np.generic | int | float | list | tuple):
        return False
    import jax  # not for NumPy's numbers

    return isinstance(value, jax.core.Tracer)


def check_between(name: str, value: Any, low: float, high: float) -> None:
    """Raise ValueError, naming the value, unless every entry lies in [low, high]; NaN does not."""
    if is_traced(value):
        return
    entries = np.asarray(value)
    outside = ~((entries >= low) & (entries <= high))
    if outside.any():
        raise ValueError(f"{name} must lie in [{low:g}, {high:g}]; got {entries[outside].flat[0]}")


def check_per_feature(name: str, value: Any, n: int) -> None:
    """Raise ValueError unless `value` is one number or one per feature, of n features."""
    shape = np.shape(value)
    if shape not in ((), (n,)):
        raise ValueError(f"{name} must be one number or {n}, one per feature; got shape {shape}")


def check_count(name: str, value: Any, low: int = 1, high: int = LARGEST_COUNT) -> None:
    """Raise ValueError unless `value` is an integer in [low, high].

    The default `high` keeps counts and indices within int32. A traced value raises too.
    """
    if is_traced(value):
        raise ValueError(
            f"{name} determines shapes and cannot be an axis: train once for each value, and put "
            "the results together by toymodels.gather"
        )
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}; got {value!r}")
    if value > high:
        raise ValueError(f"{name} must be at most {high:,}; got {value:,}")


def check_indices(name: str, indices: Any, size: int, among: str) -> None:
    """Raise ValueError unless every index lies in 0 .. size - 1, which JAX does not check."""
    if is_traced(indices):
        return
    entries = np.asarray(indices)
    outside = (entries < 0) | (entries >= size)
    if outside.any():
        raise ValueError(
            f"{name} must lie in 0 to {size - 1}, as there are {size} {among}; "
            f"got {entries[outside].flat[0]}"
        )
