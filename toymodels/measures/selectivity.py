"""Dependence of a unit's activations on the class: means, selectivity, purity, effective classes.

Units are rows, as in h [unit, image]; activations are non-negative, as after a ReLU. Measures of a
unit that is never active are NaN. The dimensions of a DataArray are matched by name, in any order:
`unit` (or `hidden`), `image` (or `sample`) and `label` (or `digit`).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from toymodels.numerics.arrays import AnyArray, Nested, floats
from toymodels.numerics.checks import check_between, check_count, check_indices
from toymodels.numerics.named import named
from toymodels.numerics.products import matmul

__all__ = [
    "Purity",
    "class_directions",
    "class_means",
    "class_selectivity",
    "effective_classes",
    "purity",
    "top_share",
]

Activations = Float[AnyArray, "*batch unit image"] | Nested
Labels = Integer[AnyArray, " image"] | Nested
ClassMeans = Float[AnyArray, "*batch unit label"]
PerUnit = Float[AnyArray, "*batch unit"]


@named("(unit,image),(image)->(unit,label)")
def class_means(h: Activations, labels: Labels, classes: int) -> ClassMeans:
    """Return mu [*batch, unit, label], the mean activation of each unit on each class.

    NaN for a class without images.

    Args:
        h: activations [*batch, unit, image].
        labels: the class of each image, 0 to classes - 1.
        classes: number of classes.

    Raises:
        ValueError: if classes is not an integer of at least 1, or a label is out of range.
    """
    check_count("classes", classes)
    check_indices("labels", labels, classes, "classes")
    xp, activations = floats(h)
    members = (xp.asarray(labels)[:, None] == xp.arange(classes)[None]).astype(activations.dtype)
    counts = members.sum(axis=0, keepdims=True)
    shares = xp.where(counts > 0, members / xp.maximum(counts, 1), xp.nan)
    return matmul(activations, shares)


@named("(unit,label)->(unit,label)")
def class_directions(means: ClassMeans | Nested) -> ClassMeans:
    """Return class means minus their mean over all classes, [*batch, unit, label].

    The c columns span at most c - 1 dimensions.
    """
    _, mu = floats(means)
    return mu - mu.mean(axis=-1, keepdims=True)


@named("(unit,label)->(unit)")
def effective_classes(means: ClassMeans | Nested) -> PerUnit:
    """Return (sum_c mu_c)^2 / sum_c mu_c^2: 1 for a single class, k for k equal class means.

    This is the participation ratio of the class means; polysemantic units are well above 1.
    """
    means = np.asarray(means)
    squared = np.square(means).sum(axis=-1)
    return _ratio(np.square(means.sum(axis=-1)), squared)


@named("(unit,label)->(unit)")
def class_selectivity(means: ClassMeans | Nested) -> PerUnit:
    """Return (mu_max - mu_rest) / (mu_max + mu_rest): 0 for no preference, 1 for a single class.

    mu_rest is the mean over the other classes (Morcos et al. 2018, "On the importance of single
    directions for generalization").
    """
    means = np.asarray(means)
    largest = means.max(axis=-1)
    rest = (means.sum(axis=-1) - largest) / (means.shape[-1] - 1)
    return _ratio(largest - rest, largest + rest)


@named("(unit,image)->(unit,image)")
def top_share(h: Activations, share: float = 0.1) -> Bool[AnyArray, "*batch unit image"]:
    """Mark the images with the top share of each unit's activations.

    The share is a share of the images on which the unit is active; their number is rounded down,
    with a minimum of 1. Images tied with the last of them are also marked.

    Args:
        h: activations [*batch, unit, image].
        share: from 0 to 1.

    Raises:
        ValueError: if share is outside [0, 1].
    """
    check_between("share", share, 0.0, 1.0)
    h = np.asarray(h)
    count = np.maximum((share * (h > 0).sum(axis=-1, keepdims=True)).astype(int), 1)
    least = np.take_along_axis(np.sort(h, axis=-1), h.shape[-1] - count, axis=-1)
    return (h > 0) & (h >= least)


class Purity(NamedTuple):
    """Share of the most frequent class among each unit's top images, and the class."""

    share: PerUnit
    label: Int[AnyArray, "*batch unit"]


@named("(unit,image),(image)->(unit),(unit)")
def purity(
    h: Activations, labels: Labels, classes: int, *, share: float = 0.1, fewest: int = 1
) -> Purity:
    """Measure the share of the most frequent class among the images of each unit's `top_share`.

    Args:
        h: activations [*batch, unit, image].
        labels: the class of each image, 0 to classes - 1.
        classes: number of classes.
        share: the top share of a unit's activations, from 0 to 1.
        fewest: the purity of a unit that is active on fewer images is NaN.

    Raises:
        ValueError: if classes is not an integer of at least 1, share is outside [0, 1], or a label
            is out of range.
    """
    check_count("classes", classes)
    check_indices("labels", labels, classes, "classes")
    _, activations = floats(np.asarray(h))
    members = np.eye(classes, dtype=activations.dtype)[np.asarray(labels)]
    counts = top_share(activations, share).astype(activations.dtype) @ members
    dead = (activations > 0).sum(axis=-1) < fewest
    shares = np.where(dead, np.nan, _ratio(counts.max(axis=-1), counts.sum(axis=-1)))
    return Purity(shares, counts.argmax(axis=-1))


def _ratio(above, below) -> PerUnit:
    silent = below == 0
    return np.where(silent, np.nan, above / np.where(silent, 1, below))
