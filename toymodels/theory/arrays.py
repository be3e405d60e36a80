"""NumPy, JAX or lists: closed forms take any kind of array, and return JAX's for JAX's."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import ArrayLike, Real

from toymodels.numerics.arrays import Nested

Numbers = Real[ArrayLike, "..."] | Nested


def namespace_and_arrays(*values: Any) -> tuple[Any, ...]:
    """Broadcast the values; their namespace, jax.numpy if any is a JAX array, comes first."""
    xp = jnp if any(isinstance(value, Array) for value in values) else np
    return xp, *xp.broadcast_arrays(*map(xp.asarray, values))
