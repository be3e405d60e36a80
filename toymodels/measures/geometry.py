"""Statistics of a weight matrix W: how features share the hidden dimensions.

Column i of `W [*batch, m, n]` is the direction W_i that feature i has in the hidden space; any
leading axes (sparsity, seed, training step) are batch. Every function takes NumPy and JAX arrays
alike, returns the same kind (NumPy's for nested lists), and works under `jax.jit`, `jax.vmap` and
`jax.grad`; `angular_gaps` and `arrangement`, which are for looking at, always return NumPy's.

An `xarray.DataArray`, such as W of a trained Dataset, is taken by the names of its dimensions, in
any order, and a DataArray comes back, with its coordinates. m is called `hidden` (or `activation`,
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
from jaxtyping import Bool, Float, Shaped

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
    "superposition",
]

POLYGONS = {2: "digon", 3: "triangle", 4: "square", 5: "pentagon", 6: "hexagon"}
SAME_DIRECTION = 18.0  # degrees; columns closer than this count as one direction

Weights = Float[AnyArray, "*batch m n"] | Nested


@named("(hidden,feature)->(feature)")
def norms(W: Weights) -> Float[AnyArray, "*batch n"]:
    """Length |W_i| of every feature's direction, about 1 for a fully represented feature.

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
    """Interference of every feature with the others, sum_{j != i} (W_i . W_j)^2.

    It weighs the overlap by the feature's own length; `superposition` does not.

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
    """How strongly the others share a feature's direction, sum_{j != i} (What_i . W_j)^2.

    What_i = W_i / |W_i|. At 1 or above, the other features together can drive the direction as
    hard as feature i itself.

    Source: Elhage et al. 2022, section "Demonstrating Superposition", Basic Results.

    Args:
        W: weights, one column per feature.

    Returns:
        The sums, `[*batch, n]`; 0 for an orthogonal feature, and for a zero column, which has no
        direction to share.
    """
    _, weights = floats(W)
    return _squared_off_diagonal(matmul(_directions(weights).mT, weights)).sum(axis=-1)


@named("(hidden,feature)->(feature)")
def dimensionality(
    W: Weights,
) -> Float[AnyArray, "*batch n"]:
    """Share of a hidden dimension each feature has, D_i = |W_i|^2 / sum_j (What_i . W_j)^2.

    D_i lies in [0, 1], and the D_i sum to rank(W) at most: with F = W W^T,
    D_i = (W_i^T W_i)^2 / (W_i^T F W_i) <= W_i^T F^+ W_i (Cauchy-Schwarz), and these leverage
    scores sum to rank(W). They are equal where every W_i is an eigenvector of F. The same quantity
    is the capacity of Scherlis et al. 2022.

    An antipodal pair shares a dimension, the third feature has one, the fourth is not there:

    >>> from toymodels import geometry
    >>> geometry.dimensionality([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    array([0.5, 0.5, 1. , 0. ])

    Source: Elhage et al. 2022, section "The Geometry of Superposition", Uniform Superposition.

    Args:
        W: weights, one column per feature. Columns whose squared length underflows count as zero.

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

    hhat_i = h_i / |h_i|. It is the `dimensionality` of the datapoints' hidden vectors in the place
    of the features' directions; 2 / T each where m = 2 dimensions hold T datapoints as a polygon.
    The `leverage_scores` are the largest that another direction than hhat_i makes of it.

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

    How far a linear readout can single out datapoint i: 1 if one can be 1 on it and 0 on all
    others. At least `data_dimensionality`, which takes v = h_i. The scores sum to the rank of h
    (singular values below max(m, T) machine precisions of the largest count as zero), and no
    invertible map of the hidden space changes them.

    Source: the maximum is the D* of Henighan et al. 2023, section on MNIST; that it is the
    statistical leverage, and so has a closed form, is derived here.

    Args:
        h: one column per datapoint, or feature.

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
    """Hidden dimensions for each represented feature, D* = m / ||W||_F^2.

    ||W||_F^2 counts the represented features, as each of them has a length near 1 and the others
    near 0. It is a statement about the whole of W; `dimensionality` is its per-feature form.

    Source: Elhage et al. 2022, section "The Geometry of Superposition", Uniform Superposition.

    Args:
        W: weights, one column per feature.

    Returns:
        D*, `[*batch]`; infinite where W is zero.
    """
    xp, weights = floats(W)
    squared = xp.sum(_squared_norms(weights), axis=-1)
    # asarray: NumPy turns a sum without remaining axes into a scalar
    return xp.asarray(xp.where(squared > 0, weights.shape[-2] / _or_one(squared), xp.inf))


@named("(hidden,feature)->(feature)")
def represented(W: Weights, threshold: float = 0.5) -> Bool[AnyArray, "*batch n"]:
    """Which features the model represents, |W_i| > threshold.

    Args:
        W: weights, one column per feature.
        threshold: length above which a feature counts. Trained lengths gather near 0 and near 1,
            so the count hardly depends on it.

    Returns:
        Booleans, `[*batch, n]`.
    """
    return norms(W) > threshold


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

    A regular polygon has n equal gaps of 360/n; they sum to 360 in any case.

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
    """Name the polygon that the represented directions in the plane make.

    A polygon has k directions with gaps within a quarter of 360/k of each other's ideal; directions
    closer than 18 degrees are one, and such a polygon is "doubled". "digon + 1" is an antipodal
    pair with one direction across, a "cone" leaves half of the plane free, all else is "other".

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
    """How far W is from a digon, square, octahedron, ...: orthogonal pairs of opposite features.

    Args:
        W: weights, one column per feature.

    Returns:
        The largest deviation of an entry of W^T W from a cross-polytope's, `[*batch]`: 1 on the
        diagonal, -1 for the nearest to an antipode that each feature has, and else 0.
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
    """Make a divisor of non-negative values: 1 where they are 0, against NaN and warnings."""
    xp = values.__array_namespace__()
    return xp.where(values > 0, values, 1)
