"""Statistics of a weight matrix W: how features share the hidden dimensions.

Column i of `W [*batch, m, n]` is the direction W_i of feature i in the hidden space; leading axes
(sparsity, seed, training step) are batch. Every function accepts NumPy and JAX arrays, returns the
same kind (NumPy for nested lists), and works under `jax.jit`, `jax.vmap` and `jax.grad`, except
`angular_gaps` and `arrangement`, which always return NumPy arrays.

The dimensions of an `xarray.DataArray`, such as W of a trained Dataset, are matched by name, in
any order, and a DataArray with its coordinates is returned. m is called `hidden` (or `activation`,
`head`, `unit`), n `feature` (or `dictionary_feature`, `attentional_feature`, `datapoint`, `label`);
the second axis of a matrix [n, n] is `feature_other`.

>>> import numpy as np, xarray as xr
>>> from toymodels import geometry
>>> W = xr.DataArray(np.eye(3)[:2], dims=("hidden", "feature"))
>>> geometry.norms(W).dims, geometry.gram(W.T).dims
(('feature',), ('feature', 'feature_other'))

The measures are those of Elhage et al. 2022, "Toy Models of Superposition"
(https://transformer-circuits.pub/2022/toy_model).
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from toymodels.numerics.arrays import AnyArray, Nested, floats
from toymodels.numerics.named import named
from toymodels.numerics.products import matmul

__all__ = [
    "angular_gaps",
    "arrangement",
    "cosines",
    "cross_polytope_error",
    "data_dimensionality",
    "dimensionality",
    "dimensions_per_feature",
    "gram",
    "interference",
    "leverage_scores",
    "norms",
    "represented",
    "represented_count",
    "superposition",
]

POLYGONS = {2: "digon", 3: "triangle", 4: "square", 5: "pentagon", 6: "hexagon"}
SAME_DIRECTION = 18.0  # degrees; columns closer than this count as one direction

Weights = Float[AnyArray, "*batch m n"] | Nested


@named("(hidden,feature)->(feature)")
def norms(W: Weights) -> Float[AnyArray, "*batch n"]:
    """Length |W_i| of each feature's direction, about 1 for a fully represented feature.

    Source: Elhage et al. 2022, section "Demonstrating Superposition", Basic Results.

    Args:
        W: weights, one column per feature.

    Returns:
        |W_i|, `[*batch, n]`. Its gradient at a zero column is 0, not NaN.
    """
    xp, weights = floats(W)
    squared = _squared_norms(weights)
    return xp.where(squared > 0, xp.sqrt(_or_one(squared)), 0)


@named("(hidden,feature)->(feature,feature_other)")
def gram(W: Weights) -> Float[AnyArray, "*batch n n"]:
    """All inner products W^T W; entry (i, j) is W_i . W_j.

    Source: Elhage et al. 2022, section "Demonstrating Superposition", Basic Results.

    Args:
        W: weights, one column per feature.

    Returns:
        W^T W, `[*batch, n, n]`: symmetric, positive semi-definite, of rank at most m.
    """
    _, weights = floats(W)
    return matmul(weights.mT, weights)


@named("(hidden,feature)->(feature)")
def interference(
    W: Weights,
) -> Float[AnyArray, "*batch n"]:
    """Interference of each feature with the others, sum_{j != i} (W_i . W_j)^2.

    Unlike `superposition`, it depends on the length of W_i.

    Source: the interference term of the linear model's loss in Elhage et al. 2022, section
    "Demonstrating Superposition", Mathematical Understanding.

    Args:
        W: weights, one column per feature.

    Returns:
        The sums, `[*batch, n]`; 0 for a feature orthogonal to all others.
    """
    return _squared_off_diagonal(gram(W)).sum(axis=-1)


@named("(hidden,feature)->(feature)")
def superposition(
    W: Weights,
) -> Float[AnyArray, "*batch n"]:
    """Overlap of the other features with a feature's direction, sum_{j != i} (What_i . W_j)^2.

    What_i = W_i / |W_i|. At 1 or above, the other features together can activate the direction as
    strongly as feature i itself.

    Source: Elhage et al. 2022, section "Demonstrating Superposition", Basic Results.

    Args:
        W: weights, one column per feature.

    Returns:
        The sums, `[*batch, n]`; 0 for an orthogonal feature and for a zero column.
    """
    _, weights = floats(W)
    return _squared_off_diagonal(matmul(_directions(weights).mT, weights)).sum(axis=-1)


@named("(hidden,feature)->(feature)")
def dimensionality(
    W: Weights,
) -> Float[AnyArray, "*batch n"]:
    """Share of a hidden dimension of each feature, D_i = |W_i|^2 / sum_j (What_i . W_j)^2.

    D_i lies in [0, 1], and the D_i sum to rank(W) at most: with F = W W^T,
    D_i = (W_i^T W_i)^2 / (W_i^T F W_i) <= W_i^T F^+ W_i (Cauchy-Schwarz), and these leverage
    scores sum to rank(W). They are equal if every W_i is an eigenvector of F. Scherlis et al. 2022
    call the same quantity capacity.

    An antipodal pair shares a dimension, the third feature has its own, the fourth is not learned:

    >>> from toymodels import geometry
    >>> geometry.dimensionality([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    array([0.5, 0.5, 1. , 0. ])

    Source: Elhage et al. 2022, section "The Geometry of Superposition", Uniform Superposition.

    Args:
        W: weights, one column per feature. A column whose squared length underflows counts as zero.

    Returns:
        D, `[*batch, n]`; 0 for a zero column, with gradient 0 there.
    """
    xp, weights = floats(W)
    directions = _directions(weights)
    # sum_j (What_i . W_j)^2 = What_i^T (W W^T) What_i, without an array [n, n]
    total = xp.sum(directions * matmul(matmul(weights, weights.mT), directions), axis=-2)
    return _squared_norms(weights) / _or_one(total)


@named("(hidden,feature)->(feature)")
def data_dimensionality(h: Weights) -> Float[AnyArray, "*batch T"]:
    """Share of a hidden dimension of each datapoint, D_X,i = |h_i|^2 / sum_j (hhat_i . h_j)^2.

    hhat_i = h_i / |h_i|. It is the `dimensionality` of hidden vectors instead of feature
    directions: 2 / T for T datapoints on a regular polygon in m = 2 dimensions. `leverage_scores`
    are its maximum over all directions in the place of hhat_i.

    Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent".

    Args:
        h: hidden vectors, one column per datapoint, as `hidden_vectors` returns them.

    Returns:
        D_X, `[*batch, T]`; 0 for a zero column.
    """
    return dimensionality(h)


@named("(hidden,feature)->(feature)")
def leverage_scores(h: Weights) -> Float[AnyArray, "*batch T"]:
    """Leverage of each column, h_i^T (h h^T)^+ h_i = max_v (v . h_i)^2 / sum_j (v . h_j)^2.

    It measures how well a linear readout can separate datapoint i from the others: 1 if a readout
    is 1 on it and 0 on all others. It is at least `data_dimensionality`, which has v = h_i. The
    scores sum to the rank of h (singular values below max(m, T) eps times the largest count as
    zero) and are invariant under invertible linear maps of the hidden space.

    Source: the maximum is the D* of Henighan et al. 2023, section on MNIST; its identity with the
    statistical leverage, and so the closed form, is derived here.

    Args:
        h: one column per datapoint or feature.

    Returns:
        The scores, from 0 to 1, `[*batch, T]`.
    """
    xp, columns = floats(h)
    _, values, right = xp.linalg.svd(columns, full_matrices=False)
    precision = max(columns.shape[-2:]) * xp.finfo(columns.dtype).eps
    kept = xp.where(values > precision * values[..., :1], 1.0, 0.0)
    return xp.sum(kept[..., :, None] * right * right, axis=-2).astype(columns.dtype)


@named("(hidden,feature)->()")
def dimensions_per_feature(
    W: Weights,
) -> Float[AnyArray, "*batch"]:
    """Hidden dimensions per represented feature, D* = m / ||W||_F^2.

    ||W||_F^2 approximates the number of represented features, whose lengths are near 1, as the
    other lengths are near 0. `dimensionality` is the value for each feature.

    Source: Elhage et al. 2022, section "The Geometry of Superposition", Uniform Superposition.

    Args:
        W: weights, one column per feature.

    Returns:
        D*, `[*batch]`; infinite where W is zero.
    """
    xp, weights = floats(W)
    squared = xp.sum(_squared_norms(weights), axis=-1)
    # asarray: a NumPy sum over all axes is a scalar
    return xp.asarray(xp.where(squared > 0, weights.shape[-2] / _or_one(squared), xp.inf))


@named("(hidden,feature)->(feature)")
def represented(W: Weights, threshold: float = 0.5) -> Bool[AnyArray, "*batch n"]:
    """Whether each feature is represented, |W_i| > threshold.

    Args:
        W: weights, one column per feature.
        threshold: length above which a feature counts. Trained lengths are near 0 or near 1, so
            the count depends little on it.

    Returns:
        Booleans, `[*batch, n]`.
    """
    return norms(W) > threshold


@named("(hidden,feature)->()")
def represented_count(W: Weights, threshold: float = 0.5) -> Int[AnyArray, "*batch"]:
    """Count the represented features of each model, those with |W_i| > threshold.

    >>> from toymodels import geometry
    >>> geometry.represented_count([[1.0, -1.0, 0.1], [0.0, 0.0, 0.1]])
    array(2)

    Args:
        W: weights, one column per feature.
        threshold: as for `represented`.

    Returns:
        Integers, `[*batch]`.
    """
    xp, weights = floats(W)
    return xp.asarray(xp.sum(represented(weights, threshold), axis=-1))


@named("(hidden,feature)->(feature,feature_other)")
def cosines(W: Weights) -> Float[AnyArray, "*batch n n"]:
    """Cosines between different features: -1 for an antipodal pair, 0 for orthogonal features.

    Args:
        W: weights, one column per feature.

    Returns:
        Entry (i, j) is What_i . What_j, `[*batch, n, n]`; 0 on the diagonal and for zero columns.
    """
    _, weights = floats(W)
    directions = _directions(weights)
    return _off_diagonal(matmul(directions.mT, directions))


@named("(hidden,feature)->(gap)")
def angular_gaps(
    W: Float[AnyArray, "*batch 2 n"] | Nested,
) -> Float[AnyArray, "*batch n"]:
    """Angles between neighbouring directions in the plane, in degrees, around the full circle.

    The gaps sum to 360; those of a regular polygon are all 360/n.

    Args:
        W: directions in two dimensions, one column each.

    Returns:
        The gaps, `[*batch, n]`, counter-clockwise from the direction with the smallest angle.
    """
    directions = np.asarray(W)
    turned = np.arctan2(directions[..., 1, :], directions[..., 0, :])
    angles = np.sort(np.degrees(turned), axis=-1)
    return np.diff(angles, axis=-1, append=angles[..., :1] + 360)


@named("(hidden,feature)->()")
def arrangement(
    W: Float[AnyArray, "*batch 2 n"] | Nested,
) -> Shaped[AnyArray, "*batch"]:
    """Name the polygon formed by the represented directions in the plane.

    k directions are a polygon if each gap differs from 360/k by less than a quarter of it.
    Directions closer than 18 degrees count as one, and the polygon is then "doubled". "digon + 1"
    is an antipodal pair with one direction at right angles; a "cone" has a gap above 180 degrees;
    everything else is "other".

    >>> import numpy as np
    >>> from toymodels import geometry
    >>> angles = 2 * np.pi * np.arange(5) / 5
    >>> geometry.arrangement([np.cos(angles), np.sin(angles)]).item()
    'pentagon'

    Args:
        W: directions in two dimensions, one column each.

    Returns:
        The names, `[*batch]`: "pentagon", "square, doubled", "cone", ...
    """
    return np.vectorize(_arrangement, otypes=[object], signature="(m,n)->()")(np.asarray(W))


def _arrangement(W: np.ndarray) -> str:
    kept = W[:, represented(W)]
    gaps = angular_gaps(kept) if kept.size else np.array([360.0])
    apart = np.sort(gaps[gaps > SAME_DIRECTION])
    if len(apart) == 3 and np.abs(apart - [90, 90, 180]).max() < 22.5:
        return "digon + 1"
    if gaps.max() > 180:
        return "cone"
    if np.abs(apart - 360 / len(apart)).max() >= 90 / len(apart):
        return "other"
    name = POLYGONS.get(len(apart), "polygon")
    return name if len(apart) == len(gaps) else f"{name}, doubled"


@named("(hidden,feature)->()")
def cross_polytope_error(W: Weights) -> Float[AnyArray, "*batch"]:
    """Deviation of W from a cross-polytope, orthogonal antipodal pairs: digon, square, octahedron.

    Args:
        W: weights, one column per feature.

    Returns:
        The largest deviation of an entry of W^T W from a cross-polytope's, `[*batch]`: 1 on the
        diagonal, -1 at the smallest entry of each row, else 0.
    """
    products = gram(W)
    xp, n = products.__array_namespace__(), products.shape[-1]
    identity = xp.eye(n, dtype=products.dtype)
    antipodes = identity[xp.argmin(products, axis=-1)]
    expected = xp.broadcast_to(identity, products.shape) - antipodes
    return xp.asarray(xp.max(xp.abs(products - expected), axis=(-1, -2)))


def _squared_norms(W):
    xp = W.__array_namespace__()
    return xp.sum(W * W, axis=-2)


def _directions(W):
    """Scale the columns of W to length 1; a zero column stays zero."""
    xp = W.__array_namespace__()
    return W / xp.sqrt(_or_one(_squared_norms(W)))[..., None, :]


def _squared_off_diagonal(products):
    return _off_diagonal(products) ** 2


def _off_diagonal(products):
    xp = products.__array_namespace__()
    diagonal = xp.broadcast_to(xp.eye(products.shape[-1], dtype=bool), products.shape)
    return xp.where(diagonal, 0, products)


def _or_one(values):
    """Replace 0 by 1 in non-negative values, to divide by them without NaN or warnings."""
    xp = values.__array_namespace__()
    return xp.where(values > 0, values, 1)
