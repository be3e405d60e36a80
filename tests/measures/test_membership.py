"""Sets of features: pairs within and between sets, and sets around the circle."""

from itertools import permutations

import numpy as np
import pytest
import xarray as xr

from toymodels import geometry, membership

LABELS = np.array([3, 1, 3, 1, 1])


def test_every_pair_is_in_one_set_or_in_two():
    same, other = membership.same_set(LABELS), membership.other_set(LABELS)
    assert same.sum() == 2 * 1 + 3 * 2
    np.testing.assert_array_equal(same | other, ~np.eye(5, dtype=bool))
    assert not (same & other).any()
    for relation in (same, other):
        np.testing.assert_array_equal(relation, relation.T)


def test_sets_have_no_order_or_number():
    for relation in (membership.same_set, membership.other_set):
        renamed = relation(np.where(LABELS == 3, 0, 7))
        np.testing.assert_array_equal(relation(LABELS), renamed)
        order = np.array([4, 2, 0, 1, 3])
        moved = relation(LABELS)[np.ix_(order, order)]
        np.testing.assert_array_equal(relation(LABELS[order]), moved)


def test_cosines_are_split_into_those_within_sets_and_those_between():
    W = np.random.default_rng(0).normal(size=(4, 3, 5))
    own, other = membership.set_cosines(W, LABELS)
    np.testing.assert_array_equal(np.isnan(own[0]), ~membership.same_set(LABELS))
    np.testing.assert_array_equal(np.isnan(other[0]), ~membership.other_set(LABELS))
    both = np.where(np.isnan(own), np.nan_to_num(other), own)
    np.testing.assert_array_equal(both, geometry.cosines(W))


def test_local_bases_are_orthogonal_within_sets_and_antipodal_between():
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    own, other = membership.set_cosines(np.concatenate([basis, -basis], 1), [0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(own[~np.isnan(own)], 0, atol=1e-12)
    np.testing.assert_allclose(np.nanmin(other, axis=1), -1)


def circle(n, turn=0.0):
    angles = turn + 2 * np.pi * np.arange(n) / n
    return np.array([np.cos(angles), np.sin(angles)])


@pytest.mark.parametrize("turn", np.linspace(0.01, 2 * np.pi, 7))
def test_of_six_in_three_pairs_two_orders_around_are_side_by_side(turn):
    W = circle(6, turn)
    pairs = set(permutations([0, 0, 1, 1, 2, 2]))
    beside = {labels for labels in pairs if membership.side_by_side(W, labels)}
    # 3! orders of the pairs, from the first direction on or from the second
    assert len(beside) == 12
    assert (0, 0, 1, 1, 2, 2) in beside
    assert (0, 1, 1, 2, 2, 0) in beside


def test_lengths_and_a_mirror_change_nothing():
    W, labels = circle(6), np.array([0, 1, 1, 2, 2, 0])
    crossed = W[:, [0, 1, 3, 2, 4, 5]]
    scale = np.array([1, 0.2, 3, 1, 1, 0.5])
    for same in (W, W * scale, W * [[1], [-1]]):
        assert membership.side_by_side(same, labels)
    for same in (crossed, crossed * scale, crossed * [[1], [-1]]):
        assert not membership.side_by_side(same, labels)
    both = membership.side_by_side(np.stack([W, crossed]), labels)
    assert both.tolist() == [True, False]


BASIS, ANTIPODAL, BESIDE, SHARED, OTHER = membership.SET_ARRANGEMENTS
DOUBLED = circle(5)[:, [0, 1, 2, 3, 4, 4]]


@pytest.mark.parametrize("turn", [0.0, 0.1, 2.0])
@pytest.mark.parametrize(
    ("W", "labels", "name"),
    [
        (circle(4), [0, 0, 1, 1], BASIS),
        (circle(4), [0, 1, 0, 1], ANTIPODAL),
        (circle(6), [0, 0, 1, 1, 2, 2], BESIDE),
        (DOUBLED, [0, 0, 1, 1, 2, 2], SHARED),
        (circle(6), [0, 1, 2, 0, 1, 2], ANTIPODAL),
        (circle(6), [0, 1, 0, 2, 1, 2], OTHER),
        (0.4 * circle(4), [0, 0, 1, 1], OTHER),
    ],
)
def test_sets_in_the_plane_are_named_whatever_their_turn(W, labels, name, turn):
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    assert membership.set_arrangement(rotation @ W, labels) == name
    assert membership.set_arrangement(rotation @ W * [[1], [-1]], labels) == name


def test_dimensions_are_matched_by_name():
    labels = xr.DataArray(LABELS, dims="feature")
    assert membership.same_set(labels).dims == ("feature", "feature_other")
    W = xr.DataArray(np.stack([circle(5)] * 3).swapaxes(1, 2), dims=("seed", "feature", "hidden"))
    beside = membership.side_by_side(W, labels)
    assert beside.dims == ("seed",)
    assert not beside.any(), "in this order the sets alternate"
