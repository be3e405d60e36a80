"""Datapoints on a polygon: the smallest polygon that memorises a finite dataset exactly."""

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, Int

from toymodels.numerics.arrays import Nested

__all__ = ["Memoriser", "memoriser_norms"]


class Memoriser(NamedTuple):
    """The smallest T-gon that memorises T datapoints in two hidden dimensions."""

    rho: Float[np.ndarray, "*batch"]
    """Radius of the circle of hidden vectors."""
    beta: Float[np.ndarray, "*batch"]
    """The negative bias on a datapoint's support, in units of the datapoint."""
    weight_norm: Float[np.ndarray, "*batch"]
    """||W||_F = rho sqrt(T)."""
    bias_norm: Float[np.ndarray, "*batch"]
    """||b|| = |beta| sqrt(T)."""


def memoriser_norms(T: Int[ArrayLike, "..."] | Nested) -> Memoriser:
    """Norms of the smallest T-gon that reproduces T datapoints exactly, m = 2.

    The datapoints X_i are non-negative, have length 1 and disjoint supports. With hidden vectors
    h_i at angles 2 pi i / T on a circle of radius rho, W = H X^T and b = -beta sum_i X_i, the
    output on the support of datapoint j is X_j relu(rho^2 cos(theta_ij) - beta) for input i. It is
    exact if rho^2 - beta = 1 and rho^2 cos(2 pi / T) <= beta; rho is smallest at equality, so
    rho^2 = 1 / (1 - cos(2 pi / T)). The dimensionality of each datapoint is 2/T, or 1/2 if T = 2.

    >>> from toymodels import theory
    >>> theory.memoriser_norms([3, 4, 8]).rho.round(3)
    array([0.816, 1.   , 1.848])

    Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", shows that such
    solutions exist and that their norms grow with T; the formulae are derived here as above.

    Args:
        T: number of datapoints, 2 or more, of any shape.

    Returns:
        Radius, bias and norms in float64, of T's shape.

    Raises:
        ValueError: T is less than 2.
    """
    count = np.asarray(T)
    if (count < 2).any():
        raise ValueError(f"T must be at least 2; got {T}")
    # 1 - cos(2 a) = 2 sin(a)^2 avoids the cancellation
    rho_squared = np.asarray(0.5 / np.sin(np.pi / count) ** 2)
    rho, beta = np.sqrt(rho_squared), rho_squared - 1
    root = np.sqrt(count)
    return Memoriser(*map(np.asarray, (rho, beta, rho * root, np.abs(beta) * root)))
