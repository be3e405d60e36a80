"""Feature dimensionality in regular polytopes: the heights of the plateaus that training finds."""

__all__ = ["polygon_dimensionality", "simplex_dimensionality"]


def polygon_dimensionality(k: int) -> float:
    """Dimensionality 2/k of each of k features on a regular k-gon.

    >>> from toymodels import theory
    >>> theory.polygon_dimensionality(5)
    0.4

    Source: Elhage et al. 2022, section "The Geometry of Superposition".

    Args:
        k: number of corners, 3 or more; a pair is a simplex of 2.

    Raises:
        ValueError: k is less than 3.
    """
    if k < 3:
        raise ValueError(f"a polygon has 3 or more corners, got {k}")
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
        raise ValueError(f"a simplex of features has 2 or more corners, got {k}")
    return (k - 1) / k
