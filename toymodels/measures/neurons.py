"""Weights of neurons: the features that each neuron of a hidden layer responds to.

Row k of `W [*batch, m, n]` holds the input weights of neuron k, one for each feature. As in
`geometry`, NumPy and JAX arrays return the same kind (`by_main_feature` always NumPy's), and the
dimensions of a DataArray, `hidden` and `feature`, are matched by name.

Source: Elhage et al. 2022, "Superposition in a Privileged Basis" and "Computation in
Superposition".
"""

import numpy as np
from jaxtyping import Float, Int

from toymodels.numerics.arrays import AnyArray, Nested, floats
from toymodels.numerics.named import named

__all__ = ["by_main_feature", "feature_count", "largest_share"]

Weights = Float[AnyArray, "*batch m n"] | Nested


@named("(hidden,feature)->(hidden)")
def largest_share(W: Weights) -> Float[AnyArray, "*batch m"]:
    """Share of the largest weight in the sum of a neuron's weights, max_i |w_i| / sum_i |w_i|.

    It is 1 for a monosemantic neuron, 1/k for k equal weights, and NaN without weights.
    """
    xp, weights = floats(W)
    size = xp.abs(weights)
    total = size.sum(axis=-1)
    return xp.where(total > 0, size.max(axis=-1) / xp.where(total > 0, total, 1), xp.nan)


@named("(hidden,feature)->(hidden)")
def feature_count(W: Weights, least: float = 0.3) -> Int[AnyArray, "*batch m"]:
    """Count the features of a neuron: 1 for a monosemantic neuron, more for a polysemantic one.

    Args:
        W: input weights, one row per neuron.
        least: share of the neuron's largest |weight| from which a feature counts.

    Returns:
        The counts, `[*batch, m]`; 0 for a neuron without weights.
    """
    xp, weights = floats(W)
    size = xp.abs(weights)
    return xp.sum((size >= least * size.max(axis=-1, keepdims=True)) & (size > 0), axis=-1)


@named("(hidden,feature)->(hidden)")
def by_main_feature(W: Weights) -> Int[AnyArray, "*batch m"]:
    """Order neurons by the feature of their largest weight, equal ones from purest to most mixed.

    Returns:
        The neurons' indices in that order, `[*batch, m]`.
    """
    weights = np.asarray(W)
    size = np.abs(weights)
    total = np.maximum(size.sum(axis=-1), np.finfo(float).tiny)
    return np.lexsort((-size.max(axis=-1) / total, size.argmax(axis=-1)))
