"""Finite datasets: their layout, and that they follow the law that they are drawn from."""

import jax
import numpy as np
import pytest

from toymodels import Datapoints, SparseFeatures, draw_datapoints
from toymodels.data import datapoints
from toymodels.data.datapoints import stack_datapoints

KEY = jax.random.key(0)
N, P, T = 12, 0.15, 20_000
FEATURES = SparseFeatures(N, probability=P)


@pytest.fixture(scope="module")
def drawn():
    return draw_datapoints(FEATURES, T, key=KEY)


@pytest.fixture(scope="module")
def x(drawn):
    return np.asarray(drawn.dense(N))


def by_rejection(count):
    """The law written out: independent entries, empty vectors thrown away, length 1."""
    random = np.random.default_rng(0)
    entries = random.random((N, count)) * (random.random((N, count)) < P)
    entries = entries[:, entries.any(axis=0)]
    return entries / np.linalg.norm(entries, axis=0)


def assert_same_mean(found, expected, axis=-1):
    """Assert that means agree within five standard errors of the samples' own spread."""
    error = np.hypot(*(s.std(axis) / np.sqrt(s.shape[axis]) for s in (found, expected)))
    assert (np.abs(found.mean(axis) - expected.mean(axis)) < 5 * error).all()


def test_dense_by_hand():
    # padding may name any feature; two entries of one feature do not occur
    points = Datapoints(np.array([[2, 0], [1, 1]], np.int32), np.array([[0.6, 0.8], [1.0, 0.0]]))
    np.testing.assert_allclose(points.dense(3), [[0.8, 0], [0, 1.0], [0.6, 0]])


def test_rows_are_unit_vectors_with_something_active(drawn, x):
    assert drawn.feature.shape == drawn.value.shape
    assert drawn.feature.dtype == np.int32
    assert drawn.value.dtype == np.float32
    assert x.shape == (N, T)
    np.testing.assert_allclose(np.linalg.norm(x, axis=0), 1, rtol=1e-6)
    assert (drawn.value >= 0).all()
    assert (drawn.value > 0).any(axis=1).all()
    # no row is wider than the fullest datapoint, and no entry was lost or added on the way
    assert (drawn.value[:, -1] > 0).any()
    np.testing.assert_array_equal((x > 0).sum(axis=0), (drawn.value > 0).sum(axis=1))


def test_counts_of_active_features_are_binomial_given_one(x):
    counts = (x > 0).sum(axis=0)
    k = np.arange(N + 1)
    ways = np.cumprod([1.0, *((N - i) / (i + 1) for i in range(N))])
    law = ways * P**k * (1 - P) ** (N - k)
    law[0] = 0
    law /= law.sum()
    share = np.bincount(counts, minlength=N + 1) / T
    assert share[0] == 0
    likely = law * T > 20
    assert likely.sum() > 4
    error = np.sqrt(law * (1 - law) / T)
    assert (np.abs(share - law) < 5 * error)[likely].all()


def test_features_are_alike_and_independent(x):
    some = 1 - (1 - P) ** N
    active = x > 0
    together = active @ active.T.astype(float) / T
    # given that a pair is active, nothing else is known: P(i and j) = p^2 / P(some)
    law = np.where(np.eye(N, dtype=bool), P, P**2) / some
    assert (np.abs(together - law) < 5 * np.sqrt(law * (1 - law) / T)).all()


def test_values_are_those_of_scaled_uniform_draws(x):
    expected = by_rejection(4 * T)
    assert_same_mean(x, expected)
    assert_same_mean(x**2 * (x > 0).sum(axis=0), expected**2 * (expected > 0).sum(axis=0))
    # of two active features the smaller one's share tells how uniform they were
    pairs, others = (some[:, (some > 0).sum(axis=0) == 2] for some in (x, expected))
    shares = [np.sort(some, axis=0)[-2] / some.max(axis=0) for some in (pairs, others)]
    assert_same_mean(*shares)
    assert_same_mean(*(share**2 for share in shares))


def test_the_key_decides():
    same, again = (draw_datapoints(FEATURES, 50, key=KEY) for _ in range(2))
    other = draw_datapoints(FEATURES, 50, key=jax.random.key(1))
    np.testing.assert_array_equal(same.dense(N), again.dense(N))
    assert (np.asarray(same.dense(N)) != other.dense(N)).any(axis=0).mean() > 0.9


@pytest.mark.parametrize("block", [3, 8])
def test_blocks_are_draws_of_their_own_one_after_the_other(monkeypatch, block):
    monkeypatch.setattr(datapoints, "DRAW_ENTRIES", N * block + N - 1)
    found = np.asarray(draw_datapoints(FEATURES, 8, key=KEY).dense(N))
    keys = [jax.random.fold_in(KEY, i) for i in range(-(-8 // block))]
    expected = np.hstack([FEATURES.sample_active(key, block) for key in keys])[:, :8]
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=0), rtol=1e-6)
    # those with several active features are never drawn twice
    several = found[:, (found > 0).sum(axis=0) > 1]
    assert len(np.unique(several, axis=1).T) == len(several.T) > 1


@pytest.mark.parametrize("count", [0, -1])
def test_datapoints_are_counted(count):
    with pytest.raises(ValueError, match="T must be a whole number of at least 1"):
        draw_datapoints(FEATURES, count, key=KEY)


def test_stacked_datasets_stay_what_they_were():
    # a dense one and a sparse one: rows of different width
    datasets = [
        draw_datapoints(SparseFeatures(N, probability=p), 9, key=KEY) for p in (0.05, 0.9, 0.2)
    ]
    widths = [dataset.feature.shape[1] for dataset in datasets]
    stacked = stack_datapoints(datasets)
    assert stacked.feature.shape == stacked.value.shape == (3, 9, max(widths))
    assert len(set(widths)) > 1
    for i, dataset in enumerate(datasets):
        point = Datapoints(stacked.feature[i], stacked.value[i])
        np.testing.assert_array_equal(point.dense(N), dataset.dense(N))


def test_datasets_of_different_sizes_are_not_stacked():
    with pytest.raises(ValueError, match="different sizes"):
        stack_datapoints([draw_datapoints(FEATURES, size, key=KEY) for size in (3, 4)])


def test_silence_is_not_drawn():
    with pytest.raises(ValueError, match=r"no datapoint can be drawn: .*S = 1"):
        draw_datapoints(SparseFeatures(N, sparsity=1.0), 5, key=KEY)


@pytest.mark.parametrize("feature", [3, -1])
def test_a_feature_beyond_the_last_is_not_dropped_in_silence(feature):
    points = Datapoints(np.array([[feature]], np.int32), np.ones((1, 1), np.float32))
    with pytest.raises(ValueError, match=f"0 to 2, as there are 3 features; got {feature}"):
        points.dense(3)
