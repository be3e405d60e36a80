"""How a unit's activations depend on the class: means, selectivity, effective number of classes.

Units are rows, as in h [unit, image]; activations are not negative, as a ReLU's are. A unit that
is never active has no selectivity: NaN.
"""

import numpy as np
from jaxtyping import Array, Float, Integer

from toymodels.numerics.arrays import Nested, floats
from toymodels.numerics.checks import check_count, check_indices
from toymodels.numerics.products import true_float32

Activations = Float[Array | np.ndarray, "*batch unit image"] | Nested
Labels = Integer[Array | np.ndarray, " image"] | Nested
ClassMeans = Float[Array | np.ndarray, "*batch unit label"]
PerUnit = Float[np.ndarray, "*batch unit"]


def class_means(h: Activations, labels: Labels, classes: int) -> ClassMeans:
    """Return mu [*batch, unit, label], the units' mean activations on the images of each class.

    NaN for a class without an image.

    Args:
        h: activations [*batch, unit, image].
        labels: the class of each image, 0 to classes - 1.
        classes: number of classes.

    Raises:
        ValueError: if classes is no whole number of at least 1, or a label is no class.
    """
    check_count("classes", classes)
    check_indices("labels", labels, classes, "classes")
    xp, activations = floats(h)
    members = (xp.asarray(labels)[:, None] == xp.arange(classes)[None]).astype(activations.dtype)
    counts = members.sum(axis=0, keepdims=True)
    shares = xp.where(counts > 0, members / xp.maximum(counts, 1), xp.nan)
    with true_float32():
        return activations @ shares


def effective_classes(means: ClassMeans | Nested) -> PerUnit:
    """Return (sum_c mu_c)^2 / sum_c mu_c^2: 1 for a unit of one class, k for k classes alike.

    The participation ratio of the class means; "polysemantic" is what is well above 1.
    """
    means = np.asarray(means)
    squared = np.square(means).sum(axis=-1)
    return _ratio(np.square(means.sum(axis=-1)), squared)


def class_selectivity(means: ClassMeans | Nested) -> PerUnit:
    """Return (mu_max - mu_rest) / (mu_max + mu_rest): 0 for no preference, 1 for a single class.

    mu_rest is the mean over the other classes (Morcos et al. 2018, "On the importance of single
    directions for generalization").
    """
    means = np.asarray(means)
    largest = means.max(axis=-1)
    rest = (means.sum(axis=-1) - largest) / (means.shape[-1] - 1)
    return _ratio(largest - rest, largest + rest)


def _ratio(above, below) -> PerUnit:
    silent = below == 0
    return np.where(silent, np.nan, above / np.where(silent, 1, below))
