"""Products of matrices as precise as their numbers."""

import jax


def true_float32():
    """Return a context, or decorator, within which products are taken in true float32.

    On GPUs the default precision of a float32 product is good to three digits only.
    """
    return jax.default_matmul_precision("highest")
