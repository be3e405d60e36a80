"""NumPy or JAX: closed forms take either kind of array and return the same."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import ArrayLike


def namespace_and_arrays(*values: ArrayLike) -> tuple[Any, ...]:
    """Broadcast the values; their namespace, jax.numpy if any is a JAX array, comes first."""
    xp = jnp if any(isinstance(value, Array) for value in values) else np
    return xp, *xp.broadcast_arrays(*map(xp.asarray, values))
