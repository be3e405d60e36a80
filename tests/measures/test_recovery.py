"""The metrics on cases that can be worked out by hand, and what they do not depend on."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import explained_variance_score, r2_score
from sklearn.metrics.pairwise import cosine_similarity

from toymodels.measures import recovery

RANDOM = np.random.default_rng(0)
CODES = np.array([[0.0, 2.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 3.0]])


def test_max_cosines_by_hand():
    truth = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 2.0]])
    dictionary = np.array([[5.0, 0.0], [0.0, -1.0]])
    root = 0.5**0.5
    np.testing.assert_allclose(recovery.max_cosines(truth, dictionary), [1, 0, root])
    assert recovery.mmcs(truth, dictionary) == pytest.approx((1 + root) / 3)


def test_max_cosines_are_scikit_learn_s():
    truth, dictionary = RANDOM.normal(size=(4, 6)), RANDOM.normal(size=(4, 9))
    expected = cosine_similarity(truth.T, dictionary.T).max(axis=1)
    np.testing.assert_allclose(recovery.max_cosines(truth, dictionary), expected)


def test_recovery_does_not_depend_on_order_length_or_rotation():
    truth, dictionary = RANDOM.normal(size=(4, 6)), RANDOM.normal(size=(4, 9))
    rotation = np.linalg.qr(RANDOM.normal(size=(4, 4)))[0]
    same = rotation @ dictionary[:, RANDOM.permutation(9)] * RANDOM.uniform(0.1, 9, 9)
    expected = recovery.max_cosines(truth, dictionary)
    np.testing.assert_allclose(recovery.max_cosines(rotation @ truth, same), expected)
    # but it does on the sign, and a copy of the truth is a perfect recovery
    assert recovery.mmcs(truth, -truth) < 0.99
    assert recovery.mmcs(truth, np.concatenate([dictionary, truth], 1)) == pytest.approx(1)


def test_one_truth_is_compared_with_many_dictionaries():
    truth, dictionaries = RANDOM.normal(size=(2, 1, 4, 6)), RANDOM.normal(size=(2, 3, 4, 9))
    found = recovery.max_cosines(truth, dictionaries)
    assert found.shape == (2, 3, 6)
    single = recovery.max_cosines(truth[1, 0], dictionaries[1, 2])
    np.testing.assert_allclose(found[1, 2], single)
    np.testing.assert_allclose(recovery.mmcs(truth, dictionaries)[1, 2], single.mean())


def test_a_zero_column_recovers_nothing():
    assert recovery.max_cosines(np.eye(2), np.zeros((2, 3))).tolist() == [0, 0]


def test_activity_by_hand():
    assert recovery.feature_density(CODES).tolist() == [0.5, 0, 0.75]
    assert recovery.l0(CODES) == 1.25
    assert recovery.dead_fraction(CODES) == pytest.approx(1 / 3)


def test_explained_variance_by_hand():
    x = np.array([[1.0, 3.0], [0.0, 4.0]])
    mean = np.repeat(x.mean(axis=1, keepdims=True), 2, axis=1)
    assert recovery.explained_variance(x, x) == 1
    assert recovery.explained_variance(x, mean) == 0
    assert recovery.explained_variance(x, x + 1) == pytest.approx(1 - 4 / 10)


def test_explained_variance_is_scikit_learn_s():
    x, noise = RANDOM.normal(size=(5, 200)), RANDOM.normal(size=(5, 200))
    output = 0.9 * x + 0.3 * noise
    expected = r2_score(x.T, output.T, multioutput="variance_weighted")
    assert recovery.explained_variance(x, output) == pytest.approx(expected)
    unbiased = x + noise - noise.mean(axis=1, keepdims=True)
    expected = explained_variance_score(x.T, unbiased.T, multioutput="variance_weighted")
    assert recovery.explained_variance(x, unbiased) == pytest.approx(expected)


@pytest.mark.parametrize("gamma", [0.25, 1.0, 3.0])
def test_shrinkage_is_the_factor_that_would_undo_it(gamma):
    x = RANDOM.normal(size=(5, 200))
    assert recovery.shrinkage(x, gamma * x) == pytest.approx(gamma)
    output = gamma * x + 0.1 * RANDOM.normal(size=(5, 200))
    factors = np.linspace(0.5, 1.5, 2001) * recovery.shrinkage(x, output)
    errors = [np.square(output / factor - x).sum() for factor in factors]
    assert factors[np.argmin(errors)] == pytest.approx(recovery.shrinkage(x, output), rel=1e-3)


@pytest.mark.parametrize("xp", [np, jnp], ids=["numpy", "jax"])
def test_leading_axes_are_batch(xp):
    truth = xp.asarray(RANDOM.normal(size=(3, 2, 4, 6)))
    dictionary = xp.asarray(RANDOM.normal(size=(3, 2, 4, 9)))
    x, output = (xp.asarray(RANDOM.normal(size=(3, 2, 4, 8))) for _ in range(2))
    codes = xp.asarray(np.maximum(RANDOM.normal(size=(3, 2, 9, 8)), 0))
    pairs = {"max_cosines": (truth, dictionary), "mmcs": (truth, dictionary)}
    pairs |= dict.fromkeys(("explained_variance", "shrinkage"), (x, output))
    pairs |= dict.fromkeys(("l0", "feature_density", "dead_fraction"), (codes,))
    assert set(pairs) == set(recovery.__all__)
    for name, arguments in pairs.items():
        measure = getattr(recovery, name)
        together = measure(*arguments)
        assert isinstance(together, type(x))
        alone = measure(*[argument[2, 1] for argument in arguments])
        np.testing.assert_allclose(together[2, 1], alone, rtol=1e-5)


def test_features_that_are_not_held_do_not_count():
    truth, dictionaries = RANDOM.normal(size=(4, 6)), RANDOM.normal(size=(3, 4, 9))
    held = np.array([True, False, True, True, False, False])
    expected = recovery.mmcs(truth[:, held], dictionaries)
    np.testing.assert_allclose(recovery.mmcs(truth, dictionaries, held), expected)
    of_each = np.stack([held, ~held, held & False])
    found = recovery.mmcs(truth, dictionaries, of_each)
    np.testing.assert_allclose(found[0], expected[0])
    np.testing.assert_allclose(found[1], recovery.mmcs(truth[:, ~held], dictionaries[1]))
    assert np.isnan(found[2])
