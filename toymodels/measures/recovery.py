"""Metrics of dictionaries: recovery of known features, sparsity of codes, reconstruction.

Directions are columns, codes f are [features, samples], leading axes are batch. Every function
accepts NumPy and JAX arrays and returns the same kind, NumPy for nested lists. The dimensions of a
DataArray are matched by name, as in `geometry`, and a DataArray is returned. The dimensions of
codes are (dictionary_feature, sample), those of directions are as for W.
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
    """Largest cosine between each true feature and the columns of the dictionary.

    Cosines are signed: an opposite column has cosine -1. A zero column has cosine 0.

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
    autoencoders". It grows with the size of the dictionary even for random directions, mostly in
    few dimensions: compare it with `baselines.random_directions`.

    Args:
        truth: true directions, of any length.
        dictionary: learned directions, of any length; leading axes broadcast against the truth's.
        held: the features to average over, such as `geometry.represented(W)`; all by default. The
            mean over none is NaN.
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
    """Mean number of non-zero codes per sample."""
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

    1 for a perfect reconstruction, 0 for the mean, negative for a worse one.
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

    1 / gamma is the factor that minimises the error of the scaled x'.

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
