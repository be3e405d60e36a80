"""Baseline dictionaries: scikit-learn's, principal components, k-means clusters, random directions.

They are compared by the metrics of `toymodels.recovery`. Samples are columns here, and rows in
scikit-learn. They may be NumPy or JAX arrays, nested lists, or a DataArray with the dimensions
`hidden` (or `activation`) and `sample` in any order. All functions return NumPy arrays.
Scikit-learn takes more than a second to import, so each function imports it when called.
"""

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from toymodels.numerics.arrays import AnyArray, Nested
from toymodels.numerics.checks import check_count
from toymodels.numerics.names import in_order

__all__ = [
    "Clusters",
    "Coding",
    "k_means_directions",
    "principal_components",
    "random_directions",
    "scikit_learn_dictionary",
]

Samples = Float[AnyArray, "d samples"] | Nested


class Coding(NamedTuple):
    """A dictionary, the codes of some samples, and their reconstruction."""

    dictionary: Float[np.ndarray, "d features"]
    codes: Float[np.ndarray, "features samples"]
    reconstruction: Float[np.ndarray, "d samples"]


def principal_components(x: Samples, components: int) -> Coding:
    """Code by the leading principal components of x.

    The sign of a component is arbitrary: each component and its negative are two columns of the
    dictionary, and the codes are the positive and negative parts of the coordinates.

    Raises:
        ValueError: if components is less than 1, or more than the smaller size of x.
    """
    from sklearn.decomposition import PCA

    check_count("components", components)
    rows = _rows(x)
    with np.errstate(invalid="ignore"):  # the variance of identical samples is zero
        pca = PCA(components).fit(rows)
    coordinates = pca.transform(rows).T
    both = np.concatenate([pca.components_, -pca.components_]).T
    codes = np.maximum(np.concatenate([coordinates, -coordinates]), 0.0)
    return Coding(both, codes, both @ codes + pca.mean_[:, None])


def scikit_learn_dictionary(
    x: Samples, features: int, alpha: float, *, seed: int, passes: int = 10
) -> Coding:
    """Code by scikit-learn's `MiniBatchDictionaryLearning`, with non-negative codes.

    Minimises 1/2 |x - D f|^2 + alpha sum_i f_i over D with columns of at most length one and
    f >= 0, by coordinate descent (Mairal et al. 2009). Scikit-learn's convergence warnings for
    the codes of single batches are suppressed, as the dictionary still improves.

    Args:
        x: samples, as columns.
        features: size of the dictionary.
        alpha: weight of the L1 penalty; corresponds to half of `l1` of `SparseDictionary`, as the
            error is halved.
        seed: of the initial dictionary and the order of the samples.
        passes: maximum number of passes over the samples.
    """
    from sklearn.decomposition import MiniBatchDictionaryLearning
    from sklearn.exceptions import ConvergenceWarning

    check_count("features", features)
    learner = MiniBatchDictionaryLearning(
        features,
        alpha=alpha,
        max_iter=passes,
        batch_size=256,
        fit_algorithm="cd",
        transform_algorithm="lasso_cd",
        transform_alpha=alpha,
        positive_code=True,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        codes = learner.fit_transform(_rows(x).astype(float)).T
    dictionary = learner.components_.T
    return Coding(dictionary, codes, dictionary @ codes)


class Clusters(NamedTuple):
    """Directions of cluster centres relative to the mean of all samples."""

    directions: Float[np.ndarray, "d clusters"]
    mean: Float[np.ndarray, " d"]


def k_means_directions(x: Samples, clusters: int, *, seed: int) -> Clusters:
    """Find clusters by minibatch k-means, and the directions of their centres from the mean.

    Args:
        x: samples, as columns.
        clusters: number of clusters.
        seed: of the initial centres and the minibatches.

    Returns:
        Unit vectors, one column per cluster (zero for a centre at the mean), and the mean.
    """
    from sklearn.cluster import MiniBatchKMeans

    check_count("clusters", clusters)
    rows = _rows(x)
    mean = rows.mean(axis=0)
    found = MiniBatchKMeans(clusters, batch_size=4096, n_init=1, max_iter=20, random_state=seed)
    centres = (found.fit(rows).cluster_centers_ - mean).T
    return Clusters(centres / np.maximum(np.linalg.norm(centres, axis=0), 1e-12), mean)


def random_directions(d: int, features: int, *, seed: int) -> Float[np.ndarray, "d features"]:
    """Draw unit vectors uniformly: the baseline of an untrained dictionary."""
    check_count("d", d)
    check_count("features", features)
    columns = np.random.default_rng(seed).normal(size=(d, features))
    return columns / np.linalg.norm(columns, axis=0)


def _rows(x: Samples) -> np.ndarray:
    return np.asarray(in_order(x, "hidden", "sample")).T
