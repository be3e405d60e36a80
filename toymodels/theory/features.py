"""Moments of a sparse feature: uniform on [0, 1] with probability p, else zero."""

import numpy as np
from jax import Array
from jaxtyping import Float

from toymodels.theory.arrays import Numbers, namespace_and_arrays

__all__ = ["feature_variance"]


def feature_variance(p: Numbers) -> Float[Array | np.ndarray, "..."]:
    """Variance p/3 - p^2/4 of a sparse feature: the loss of predicting its mean.

    Args:
        p: probability that the feature is active, in [0, 1], of any shape.

    Returns:
        The variance, of p's shape.
    """
    xp, density = namespace_and_arrays(p)
    return xp.asarray(density / 3 - density**2 / 4)
