"""The covariance of correlated sets against samples, and PCA's loss against other routes to it."""

import jax
import numpy as np
import pytest
from sklearn.decomposition import PCA

import toymodels
from toymodels import theory

SETS = np.array([0, 0, 1, 1, 1])


@pytest.mark.parametrize("p", [1.0, 0.6, 0.1])
def test_the_covariance_is_that_of_samples(p):
    features = toymodels.CorrelatedFeatures([2, 3], probability=p)
    samples = np.asarray(features.sample(jax.random.key(0), 200_000), float)
    expected = theory.correlated_covariance(SETS, p)
    np.testing.assert_allclose(np.cov(samples), expected, atol=2e-3)
    assert (expected[:2, 2:] == 0).all()
    np.testing.assert_allclose(np.diag(expected), theory.feature_variance(p))


def test_the_eigenvalues_of_a_set_are_those_of_its_sum_and_differences():
    p = np.array([0.01, 0.3, 0.75, 1.0])
    values = np.linalg.eigvalsh(theory.correlated_covariance([0, 0, 0], p))
    np.testing.assert_allclose(values[:, :2], np.stack([p / 12, p / 12], axis=1))
    np.testing.assert_allclose(values[:, 2], p / 12 + 3 * p * (1 - p) / 4)


def test_the_loss_is_scikit_learn_s():
    x = np.random.default_rng(1).normal(size=(500, 5)) @ np.random.default_rng(2).normal(
        size=(5, 5)
    )
    for m in (1, 2, 4):
        pca = PCA(m).fit(x)
        error = ((x - pca.inverse_transform(pca.transform(x))) ** 2).sum(axis=1).mean()
        assert theory.pca_loss(np.cov(x.T, bias=True), m) == pytest.approx(error)


def test_independent_features_cost_what_the_linear_optimum_does():
    p = np.array([0.9, 0.2])
    alone = theory.correlated_covariance(np.arange(6), p)
    expected = theory.linear_optimum_loss(np.ones(6), p, 2)
    np.testing.assert_allclose(theory.pca_loss(alone, 2), expected)


def test_a_direction_for_two_gains_their_covariance():
    p = 0.4
    covariance = theory.correlated_covariance([0, 0], p)

    def loss(W):
        error = np.eye(2) - np.outer(W, W)
        return np.trace(error @ covariance @ error.T)

    together, alone = loss(np.sqrt([0.5, 0.5])), loss([1.0, 0.0])
    assert alone - together == pytest.approx(p * (1 - p) / 4)
    assert theory.pca_loss(covariance, 1) == pytest.approx(together)


def test_more_dimensions_than_features_are_refused():
    with pytest.raises(ValueError, match=r"m must lie in \[0, 2\]"):
        theory.pca_loss(np.eye(2), 3)
