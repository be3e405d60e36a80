"""Products of matrices as precise as their numbers."""

from typing import Any

import numpy as np


def true_float32():
    """Return a context, or decorator, within which products are taken in true float32.

    On GPUs the default precision of a float32 product is good to three digits only.
    """
    import jax  # not for NumPy's numbers

    return jax.default_matmul_precision("highest")


def matmul(left: Any, right: Any) -> Any:
    """Multiply matrices of one kind, NumPy's or JAX's, in true float32 or better."""
    if isinstance(left, np.ndarray):
        return left @ right
    with true_float32():
        return left @ right
