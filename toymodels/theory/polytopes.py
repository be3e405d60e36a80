"""Regular polytopes, their tegum products, and the dimensionality of features at their corners."""

import numpy as np
import scipy.linalg
from jaxtyping import ArrayLike, Float

from toymodels.numerics.arrays import Nested

__all__ = [
    "polygon_dimensionality",
    "regular_polygon",
    "regular_simplex",
    "simplex_dimensionality",
    "tegum_product",
]


def polygon_dimensionality(k: int) -> float:
    """Dimensionality 2/k of each of k features on a regular k-gon.

    >>> from toymodels import theory
    >>> theory.polygon_dimensionality(5)
    0.4

    Source: Elhage et al. 2022, section "The Geometry of Superposition".

    Args:
        k: number of corners, 3 or more; for a pair use `simplex_dimensionality`.

    Raises:
        ValueError: k is less than 3.
    """
    if k < 3:
        raise ValueError(f"a polygon has at least 3 corners; got {k}")
    return 2 / k


def simplex_dimensionality(k: int) -> float:
    """Dimensionality (k-1)/k of each of k features on a regular simplex in k-1 dimensions.

    Source: Elhage et al. 2022, section "The Geometry of Superposition".

    Args:
        k: number of corners, 2 or more: digon 1/2, triangle 2/3, tetrahedron 3/4.

    Raises:
        ValueError: k is less than 2.
    """
    if k < 2:
        raise ValueError(f"a simplex has at least 2 corners; got {k}")
    return (k - 1) / k


def regular_polygon(k: int) -> Float[np.ndarray, "2 k"]:
    """Return the corners of a regular k-gon on the unit circle, as columns.

    Raises:
        ValueError: k is less than 3.
    """
    polygon_dimensionality(k)  # raises if k < 3
    angles = 2 * np.pi * np.arange(k) / k
    return np.stack([np.cos(angles), np.sin(angles)])


def regular_simplex(k: int) -> Float[np.ndarray, "k_less_1 k"]:
    """Return the corners of a regular simplex on the unit sphere in k - 1 dimensions, as columns.

    W^T W is k / (k - 1) times the projection orthogonal to (1, ..., 1).

    Source: Elhage et al. 2022, section "The Geometry of Superposition".

    Raises:
        ValueError: k is less than 2.
    """
    simplex_dimensionality(k)  # raises if k < 2
    basis = np.linalg.qr(np.column_stack([np.ones(k), np.eye(k)[:, : k - 1]]))[0][:, 1:]
    return basis.T * np.sqrt(k / (k - 1))


def tegum_product(*factors: Float[ArrayLike, "_ _"] | Nested) -> Float[np.ndarray, "_ _"]:
    """Combine polytopes in orthogonal spaces: the block-diagonal matrix of their corners.

    The features of each factor keep their dimensionality. Two digons make a square, a digon and a
    triangle a triangular bipyramid, three digons an octahedron.

    Source: Elhage et al. 2022, section "The Geometry of Superposition".

    Args:
        factors: corners as columns, [m, k] each.
    """
    return scipy.linalg.block_diag(*factors)
