"""How well a dictionary recovers known features, and how it codes: the field's metrics.

Directions are columns, codes f are [features, samples], leading axes are batch. Every function
takes NumPy and JAX arrays alike and returns the same kind, NumPy's for nested lists; a
DataArray is taken by the names of its dimensions, as in `geometry`, and a DataArray comes back.
Codes are (dictionary_feature, sample), the dimensions of others are those of W.
"""

from jaxtyping import Bool, Float

from toymodels.numerics.arrays import AnyArray, Nested, floats
from toymodels.numerics.named import named
from toymodels.numerics.products import matmul

__all__ = [
    "dead_fraction",
    "explained_variance",
    "feature_density",
    "l0",
    "max_cosines",
    "mmcs",
    "shrinkage",
]

Truth = Float[AnyArray, "*#batch d n"] | Nested
Dictionary = Float[AnyArray, "*#batch d features"] | Nested
Held = Bool[AnyArray, "*#batch n"] | Nested
Codes = Float[AnyArray, "*batch features samples"] | Nested
Samples = Float[AnyArray, "*batch d samples"] | Nested


@named("(hidden,feature),(hidden,code)->(feature)")
def max_cosines(
    truth: Truth,
    dictionary: Dictionary,
) -> Float[AnyArray, "*#batch n"]:
    """Cosine of each true feature with the dictionary's column that comes nearest.

    Signed: a column that points the other way recovers nothing. A zero column has cosine 0 with
    everything.

    Args:
        truth: true directions, of any length.
        dictionary: learned directions, of any length; leading axes broadcast against the truth's.
    """
    xp, *columns = floats(truth, dictionary)
    true, learned = map(_directions, columns)
    return xp.max(matmul(true.mT, learned), axis=-1)


@named("(hidden,feature),(hidden,code),(feature)->()")
def mmcs(
    truth: Truth,
    dictionary: Dictionary,
    held: Held | None = None,
) -> Float[AnyArray, "*#batch"]:
    """Mean max cosine similarity: the mean of `max_cosines` over the true features.

    >>> import numpy as np
    >>> from toymodels import recovery
    >>> found = np.eye(3)[:, :2]  # two of three features
    >>> round(recovery.mmcs(np.eye(3), found).item(), 2)
    0.67

    Source: Sharkey et al. 2022, "Taking features out of superposition with sparse
    autoencoders". It grows with the size of the dictionary whatever that has learned, most of
    all in few dimensions: compare it with that of random directions.

    Args:
        truth: true directions, of any length.
        dictionary: learned directions, of any length; leading axes broadcast against the truth's.
        held: the features that count, all if not given: those that a toy model represents,
            `geometry.represented(W)`. NaN where there is none.
    """
    xp, nearest = floats(max_cosines(truth, dictionary))
    if held is None:
        return xp.asarray(xp.mean(nearest, axis=-1))
    weight = xp.broadcast_to(xp.where(xp.asarray(held), 1.0, 0.0), nearest.shape)
    count = xp.sum(weight, axis=-1)
    total = xp.sum(weight * nearest, axis=-1)
    return xp.asarray(xp.where(count > 0, total / xp.where(count > 0, count, 1), xp.nan))


@named("(code,sample)->()")
def l0(
    codes: Codes,
) -> Float[AnyArray, "*batch"]:
    """Mean number of active codes in a sample."""
    xp, density = floats(feature_density(codes))
    return xp.asarray(xp.sum(density, axis=-1))


@named("(code,sample)->(code)")
def feature_density(
    codes: Codes,
) -> Float[AnyArray, "*batch features"]:
    """Share of samples in which each feature is active."""
    xp, values = floats(codes)
    return xp.mean(xp.where(values != 0, 1.0, 0.0), axis=-1)


@named("(code,sample)->()")
def dead_fraction(
    codes: Codes,
) -> Float[AnyArray, "*batch"]:
    """Share of features that are active in none of the samples."""
    xp, density = floats(feature_density(codes))
    return xp.asarray(xp.mean(xp.where(density == 0, 1.0, 0.0), axis=-1))


@named("(hidden,sample),(hidden,sample)->()")
def explained_variance(
    x: Samples,
    reconstruction: Samples,
) -> Float[AnyArray, "*batch"]:
    """Share of the variance explained, 1 - sum |x - x'|^2 / sum |x - mean|^2.

    1 where the reconstruction is perfect, 0 where it is the mean, negative where it is worse.
    """
    xp, wanted, found = floats(x, reconstruction)
    spread = wanted - xp.mean(wanted, axis=-1, keepdims=True)
    return xp.asarray(1.0 - _total(xp.square(wanted - found)) / _total(xp.square(spread)))


@named("(hidden,sample),(hidden,sample)->()")
def shrinkage(
    x: Samples,
    reconstruction: Samples,
) -> Float[AnyArray, "*batch"]:
    """Relative reconstruction bias gamma = E[|x'|^2] / E[x . x']: 1 if unbiased, below if shrunk.

    1 / gamma is the factor by which x' had to be multiplied to be nearest to x.

    Source: Rajamanoharan et al. 2024, "Improving Dictionary Learning with Gated Sparse
    Autoencoders", section on shrinkage.
    """
    xp, wanted, found = floats(x, reconstruction)
    return xp.asarray(_total(xp.square(found)) / _total(wanted * found))


def _total(values):
    return values.sum(axis=(-2, -1))


def _directions(columns):
    xp = columns.__array_namespace__()
    lengths = xp.sqrt(xp.sum(xp.square(columns), axis=-2, keepdims=True))
    return columns / xp.where(lengths > 0, lengths, 1)
