"""Array namespaces: closed forms accept NumPy arrays, JAX arrays and lists."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import ArrayLike, Real

from toymodels.numerics.arrays import Nested

Numbers = Real[ArrayLike, "..."] | Nested


def namespace_and_arrays(*values: Any) -> tuple[Any, ...]:
    """Return the namespace, jax.numpy if any value is a JAX array, and the broadcast values."""
    xp = jnp if any(isinstance(value, Array) for value in values) else np
    return xp, *xp.broadcast_arrays(*map(xp.asarray, values))
