"""Arrays of one kind out of what is given: NumPy's, JAX's, or nested lists of numbers."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Nested = Sequence[Any]
"""Numbers in lists within lists, as many deep as the array that they stand for has axes."""


def floats(*given: Any) -> tuple[Any, ...]:
    """Return a namespace, and the values as its arrays of floats.

    It is jax.numpy if any value is a JAX array, else numpy. NumPy arrays keep their precision,
    nested lists become float64.

    Raises:
        ValueError: if a nested list is ragged, or holds what is no number.
    """
    xp = jnp if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(given)) else np
    return xp, *(_floats(xp, values) for values in given)


def _floats(xp, values):
    array = xp.asarray(values)
    return array if xp.issubdtype(array.dtype, xp.floating) else array.astype(float)
