"""The Thomson problem: points on a sphere that repel each other like equal charges."""

import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.optimize import minimize

from toymodels.numerics.arrays import Nested
from toymodels.numerics.checks import check_count

__all__ = ["thomson_energy", "thomson_points"]


def thomson_energy(points: Float[ArrayLike, "m k"] | Nested) -> float:
    """Return the sum of 1 / |x_i - x_j| over all pairs of columns.

    >>> from toymodels import theory
    >>> round(theory.thomson_energy(theory.regular_simplex(4)), 4)  # the tetrahedron
    3.6742
    """
    x = np.asarray(points)
    i, j = np.triu_indices(x.shape[1], 1)
    return float((1 / np.linalg.norm(x[:, i] - x[:, j], axis=0)).sum())


def thomson_points(
    k: int, m: int, *, restarts: int = 16, seed: int = 0
) -> Float[np.ndarray, "m k"]:
    """Minimise the Thomson energy of k points on the unit sphere in m dimensions.

    Features of equal importance have similar arrangements. The result is the best of several local
    minima; for up to ten points with m = 3, one in a few starts finds the global minimum.

    Source: Elhage et al. 2022, section "The Geometry of Superposition", which compares the
    arrangements of features with the solutions of the Thomson problem.

    Args:
        k: number of points, 2 or more.
        m: number of dimensions, 2 or more.
        restarts: number of random starts.
        seed: of the random starts.

    Returns:
        The points as columns.

    Raises:
        ValueError: if k, m or restarts is too small.
    """
    check_count("k", k, 2)
    check_count("m", m, 2)
    check_count("restarts", restarts)
    i, j = np.triu_indices(k, 1)

    def on_sphere(flat: np.ndarray) -> np.ndarray:
        x = flat.reshape(m, k)
        return x / np.linalg.norm(x, axis=0)

    def energy(flat: np.ndarray) -> tuple[float, np.ndarray]:
        x, radii = on_sphere(flat), np.linalg.norm(flat.reshape(m, k), axis=0)
        apart = x[:, i] - x[:, j]
        distance = np.linalg.norm(apart, axis=0)
        force = np.zeros((m, k))  # -gradient
        np.add.at(force.T, i, (apart / distance**3).T)
        np.add.at(force.T, j, (-apart / distance**3).T)
        tangential = force - x * (x * force).sum(axis=0)
        return (1 / distance).sum(), (-tangential / radii).ravel()

    starts = np.random.default_rng(seed).normal(size=(restarts, m * k))
    found = [minimize(energy, start, jac=True, tol=1e-12, method="BFGS") for start in starts]
    return on_sphere(min(found, key=lambda result: result.fun).x)
