"""Matrix products in full precision."""

from typing import Any

import numpy as np


def true_float32():
    """Return a context manager and decorator that computes products in true float32.

    On GPUs the default precision of float32 products is about three digits.
    """
    import jax  # not for NumPy's numbers

    return jax.default_matmul_precision("highest")


def matmul(left: Any, right: Any) -> Any:
    """Multiply two NumPy or two JAX matrices, in true float32 or better."""
    if isinstance(left, np.ndarray):
        return left @ right
    with true_float32():
        return left @ right
