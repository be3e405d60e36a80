"""Principal component analysis, the optimum of linear models, of features in correlated sets."""

import numpy as np
from jax import Array
from jaxtyping import ArrayLike, Float, Int, Real

from toymodels.numerics.arrays import Nested, floats
from toymodels.theory.arrays import Numbers, namespace_and_arrays
from toymodels.theory.features import feature_variance

__all__ = ["correlated_covariance", "pca_loss"]


def correlated_covariance(
    sets: Int[ArrayLike, " n"] | Nested, p: Numbers
) -> Float[Array | np.ndarray, "... n n"]:
    """Return the covariance of `CorrelatedFeatures`, whose values are independent within a set.

    It is v = p/3 - p^2/4 on the diagonal, c = p (1 - p) / 4 between members of a set, and else 0.
    A set of k members has the eigenvalue v + (k - 1) c for their sum, and k - 1 times
    v - c = p/12 for their differences.

    >>> from toymodels import theory
    >>> (12 * theory.correlated_covariance([0, 0, 1], 0.5)).round(2).tolist()
    [[1.25, 0.75, 0.0], [0.75, 1.25, 0.0], [0.0, 0.0, 1.25]]

    Source: derived here from the distribution of Elhage et al. 2022, "Correlated and
    Anti-correlated Features".

    Args:
        sets: the set of each feature, as the coordinate `set` of results has it.
        p: probability that a set is active, in [0, 1], of any shape.

    Returns:
        The covariance, of p's shape and [n, n].
    """
    xp, density = namespace_and_arrays(p)
    labels = np.asarray(sets)
    # as many axes as the result has: JAX may be set to refuse arrays of unequal rank
    square = (*[1] * density.ndim, labels.size, labels.size)
    alike = (labels[:, None] == labels).reshape(square)
    itself = np.eye(labels.size, dtype=bool).reshape(square)
    density = density[..., None, None]
    of_two = xp.where(alike, density * (1 - density) / 4, 0.0)
    return xp.asarray(xp.where(itself, feature_variance(density), of_two))


def pca_loss(
    covariance: Real[ArrayLike, "*batch n n"] | Nested, m: int
) -> Float[Array | np.ndarray, "*batch"]:
    """Return the least expected loss of a linear model with m hidden dimensions: PCA's.

    The optimum of x' = W^T W x + b is the mean plus the projection of x - E[x] onto the m
    principal components, so the loss is the sum of the n - m smallest eigenvalues of the
    covariance (Eckart and Young). Importances are 1.

    Two features of variance v and covariance c in one dimension: W = (1, 1) / sqrt 2 has the loss
    v - c, less by c than v, that of W = (1, 0).

    >>> from toymodels import theory
    >>> theory.pca_loss([[1.0, 0.75], [0.75, 1.0]], m=1).round(6).item()
    0.25

    Source: Elhage et al. 2022, "Correlated and Anti-correlated Features", relate the collapse of
    correlated features to PCA; the loss is the standard result.

    Args:
        covariance: symmetric matrices.
        m: number of hidden dimensions, from 0 to n.

    Returns:
        The loss, `[*batch]`.

    Raises:
        ValueError: if m lies outside [0, n].
    """
    xp, matrices = floats(covariance)
    n = matrices.shape[-1]
    if not 0 <= m <= n:
        raise ValueError(f"m must lie in [0, {n}], as there are {n} features; got {m}")
    return xp.asarray(xp.sum(xp.linalg.eigvalsh(matrices)[..., : n - m], axis=-1))
