"""Sets of features: pairs within a set and between sets, and the order of sets in the plane.

`labels [n]` holds the set of each feature, such as the coordinate `set` of a trained Dataset. As in
`geometry`, NumPy and JAX arrays return the same kind (`side_by_side` and `set_arrangement` always
NumPy's), and the dimensions of DataArrays are matched by name.

    own, other = membership.set_cosines(models.W, models.set)
    orthogonal = abs(own).max(["feature", "feature_other"]) < 0.1
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from toymodels.measures.geometry import cosines, represented
from toymodels.numerics.arrays import AnyArray, Nested, floats
from toymodels.numerics.named import named

__all__ = [
    "SET_ARRANGEMENTS",
    "SetCosines",
    "other_set",
    "same_set",
    "set_arrangement",
    "set_cosines",
    "side_by_side",
]

SET_ARRANGEMENTS = (
    "orthogonal in a set, antipodal across",
    "antipodal in a set",
    "side by side in a set",
    "some set on one direction",
    "other",
)
"""The names that `set_arrangement` gives."""

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


@named("(hidden,feature),(feature)->()")
def set_arrangement(
    W: Float[AnyArray, "*#batch 2 n"] | Nested, labels: Labels
) -> Shaped[AnyArray, "*#batch"]:
    """Name how the sets lie to each other in the plane, one of `SET_ARRANGEMENTS`, `[*batch]`.

    All features must be represented, else it is "other". Two features are antipodal if their cosine
    is below -0.95, orthogonal if it is within 0.2 of zero, and on one direction if it is above
    0.95. "Antipodal in a set" and "across" mean that every feature has such an antipode; the
    members of sets that are "side by side" follow each other around the circle, and "some set on
    one direction" is a case of it.

    >>> from toymodels import membership
    >>> square = [[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0]]
    >>> membership.set_arrangement(square, [0, 0, 1, 1]).item()
    'orthogonal in a set, antipodal across'

    Args:
        W: directions in two dimensions, one column each.
        labels: the set of each column; at least two sets, of at least two members.
    """
    W, labels = np.asarray(W), np.asarray(labels)
    pairs, own, across = cosines(W), same_set(labels), other_set(labels)
    orthogonal = (np.abs(pairs) < 0.2).all(axis=(-2, -1), where=own)
    own_antipode, other_antipode = (
        ((pairs < -0.95) & mask).any(axis=-1).all(axis=-1) for mask in (own, across)
    )
    together = ((pairs > 0.95) & own).any(axis=(-2, -1))
    beside = side_by_side(W, labels)
    basis, antipodal, separate, shared, other = SET_ARRANGEMENTS
    names = {
        basis: orthogonal & other_antipode,
        antipodal: own_antipode,
        shared: beside & together,
        separate: beside,
    }
    whole = represented(W).all(axis=-1)
    held = [whole & holds for holds in names.values()]
    return np.select(held, list(names), other).astype(object)
