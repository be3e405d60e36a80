"""Computation of absolute values: the loss without superposition."""

import numpy as np
from jax import Array
from jaxtyping import ArrayLike, Float, Real

from toymodels.numerics.arrays import Nested
from toymodels.theory.arrays import Numbers
from toymodels.theory.linear import linear_optimum_loss

__all__ = ["absolute_value_bound"]


def absolute_value_bound(
    importance: Real[ArrayLike, "*batch n"] | Nested, p: Numbers, m: int
) -> Float[Array | np.ndarray, "..."]:
    """Loss of computing |x_i| with two neurons of its own for each of the important features.

    |x_i| = relu(x_i) + relu(-x_i) takes two of m neurons, so that the floor(m/2) most important
    features are computed exactly. The others, x_i uniform on [-1, 1] with probability p, have
    E|x| = p/2 and E x^2 = p/3, and the best constant costs p/3 - p^2/4. A lower loss needs
    superposition, or, if m is odd, half of another feature.

    Source: Elhage et al. 2022, "Computation in Superposition", describes the solution; the loss is
    derived here as above.

    >>> from toymodels import theory
    >>> bound = theory.absolute_value_bound([1.0, 0.5, 0.25], p=1.0, m=4)  # 0.25 / 12
    >>> round(bound.item(), 4)
    0.0208

    Args:
        importance: I, in any order, non-negative.
        p: feature probability, the same for all features; broadcasts against `batch`.
        m: number of neurons, 0 or more.

    Returns:
        The loss, of the common shape of `batch` and p.

    Raises:
        ValueError: m is negative.
    """
    if m < 0:
        raise ValueError(f"m must be at least 0; got {m}")
    return linear_optimum_loss(importance, p, m // 2)  # PCA keeps features, with the same moments
