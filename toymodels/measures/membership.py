"""Sets of features: pairs within a set and between sets, and the order of sets in the plane.

`labels [n]` holds the set of each feature, such as the coordinate `set` of a trained Dataset. As in
`geometry`, NumPy and JAX arrays return the same kind (`side_by_side` always NumPy's), and the
dimensions of DataArrays are matched by name.

    own, other = membership.set_cosines(models.W, models.set)
    orthogonal = abs(own).max(["feature", "feature_other"]) < 0.1
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from toymodels.measures.geometry import cosines
from toymodels.numerics.arrays import AnyArray, Nested, floats
from toymodels.numerics.named import named

__all__ = ["SetCosines", "other_set", "same_set", "set_cosines", "side_by_side"]

Labels = Int[AnyArray, "*#batch n"] | Nested


@named("(feature)->(feature,feature_other)")
def same_set(labels: Labels) -> Bool[AnyArray, "*#batch n n"]:
    """Whether two features are different members of one set, `[*batch, n, n]`; the diagonal is not.

    >>> from toymodels import membership
    >>> membership.same_set([0, 0, 1]).tolist()
    [[False, True, False], [True, False, False], [False, False, False]]
    """
    xp, sets = floats(labels)
    return (sets[..., :, None] == sets[..., None, :]) & ~xp.eye(sets.shape[-1], dtype=bool)


@named("(feature)->(feature,feature_other)")
def other_set(labels: Labels) -> Bool[AnyArray, "*#batch n n"]:
    """Whether two features belong to different sets, `[*batch, n, n]`."""
    _, sets = floats(labels)
    return sets[..., :, None] != sets[..., None, :]


class SetCosines(NamedTuple):
    """Cosines of pairs within a set, NaN elsewhere, and of pairs between sets, NaN elsewhere."""

    own: Float[AnyArray, "*#batch n n"]
    other: Float[AnyArray, "*#batch n n"]


@named("(hidden,feature),(feature)->(feature,feature_other),(feature,feature_other)")
def set_cosines(W: Float[AnyArray, "*#batch m n"] | Nested, labels: Labels) -> SetCosines:
    """Measure the cosines between features within sets, and those between sets.

    Args:
        W: weights, one column per feature.
        labels: the set of each feature.
    """
    xp, all_pairs = floats(cosines(W))
    own = xp.where(same_set(labels), all_pairs, xp.nan)
    return SetCosines(own, xp.where(other_set(labels), all_pairs, xp.nan))


@named("(hidden,feature),(feature)->()")
def side_by_side(
    W: Float[AnyArray, "*#batch 2 n"] | Nested, labels: Labels
) -> Bool[AnyArray, "*#batch"]:
    """Whether the members of each set follow each other around the circle, `[*batch]`.

    Then the set changes as many times around the circle as there are sets, and more often
    otherwise. The lengths of the columns do not matter.

    Args:
        W: directions in two dimensions, one column each.
        labels: the set of each column; at least two sets.
    """
    W, labels = np.asarray(W), np.asarray(labels)
    turned = np.argsort(np.arctan2(W[..., 1, :], W[..., 0, :]), axis=-1)
    around = np.take_along_axis(np.broadcast_to(labels, turned.shape), turned, axis=-1)
    changes = (around != np.roll(around, 1, axis=-1)).sum(axis=-1)
    return np.asarray(changes == len(np.unique(labels)))
