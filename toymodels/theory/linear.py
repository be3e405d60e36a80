"""The linear model x' = W^T W x + b: expected loss, and its minimum."""

import numpy as np
from jax import Array
from jaxtyping import ArrayLike, Float, Real

from toymodels.numerics.arrays import Nested, floats
from toymodels.numerics.named import named
from toymodels.theory.arrays import Numbers, namespace_and_arrays
from toymodels.theory.features import feature_variance

__all__ = ["linear_loss", "linear_optimum_loss"]


@named("(hidden,feature),(feature),(),(feature)->()")
def linear_loss(
    W: Real[ArrayLike, "*batch m n"] | Nested,
    b: Real[ArrayLike, "*batch n"] | Nested,
    p: Numbers,
    importance: Real[ArrayLike, " n"] | Nested,
) -> Float[Array | np.ndarray, "..."]:
    """Return the expected loss of the linear model x' = W^T W x + b.

    With Q = 1 - W^T W and independent features of mean mu = p/2 and variance v = p/3 - p^2/4, the
    loss is sum_i I_i [ (Q mu - b)_i^2 + v sum_j Q_ij^2 ].

    Args:
        W: weights.
        b: biases.
        p: feature probability, the same for all features; broadcasts against `batch`.
        importance: I.

    Returns:
        The loss, of the common shape of `batch` and p.
    """
    xp, weights, bias, density, importances = floats(W, b, p, importance)
    density = density[..., None]
    Q = xp.eye(weights.shape[-1]) - weights.mT @ weights
    offset = Q.sum(axis=-1) * density / 2 - bias
    spread = feature_variance(density) * xp.sum(Q**2, axis=-1)
    return xp.asarray((offset**2 + spread) @ importances)


def linear_optimum_loss(
    importance: Real[ArrayLike, "*batch n"] | Nested, p: Numbers, m: int
) -> Float[Array | np.ndarray, "..."]:
    """Minimum expected loss of the linear model x' = W^T W x + b with m hidden dimensions.

    The optimum reproduces the m most important features exactly and predicts the mean of the
    others, b_i = p/2. Proof: with Q = 1 - W^T W the loss at the optimal bias is
    (p/3 - p^2/4) tr(diag(I) Q^2), Q^2 is at least a projector of rank n - m, and the trace of
    diag(I) times such a projector is at least the sum of the n - m smallest importances.

    >>> from toymodels import theory
    >>> loss = theory.linear_optimum_loss([1.0, 0.5, 0.25], p=1.0, m=1)  # (0.5 + 0.25) / 12
    >>> round(loss.item(), 4)
    0.0625

    Source: Elhage et al. 2022, section "Demonstrating Superposition", states that the linear model
    performs principal component analysis; the loss is derived here as above.

    Args:
        importance: I, in any order, non-negative.
        p: feature probability, the same for all features; broadcasts against `batch`.
        m: number of hidden dimensions, 0 or more.

    Returns:
        The loss, of the common shape of `batch` and p.

    Raises:
        ValueError: m is negative.
    """
    if m < 0:
        raise ValueError(f"m must be at least 0; got {m}")
    xp, weights = namespace_and_arrays(importance)
    dropped = max(weights.shape[-1] - m, 0)
    tail = xp.sum(xp.sort(weights, axis=-1)[..., :dropped], axis=-1)
    xp, tail, density = namespace_and_arrays(tail, p)
    return xp.asarray(tail * feature_variance(density))
