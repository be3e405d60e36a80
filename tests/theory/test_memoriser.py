"""The memorising polygon against the data that it is to reproduce."""

from itertools import pairwise

import numpy as np
import pytest
from theory_problems import polygon

from toymodels import theory
from toymodels.measures import geometry


@pytest.mark.parametrize("T", [2, 3, 4, 5, 6, 7, 30, 200])
def test_memoriser_reproduces_its_data_at_the_stated_norms(T):
    rng = np.random.default_rng(T)
    supports = 2
    X = np.zeros((T * supports, T))
    for i in range(T):
        X[i * supports : (i + 1) * supports, i] = rng.random(supports)
    X /= np.linalg.norm(X, axis=0)
    rho, beta, weight_norm, bias_norm = theory.memoriser_norms(T)
    W, b = rho * polygon(T) @ X.T, -beta * X.sum(axis=1)

    def output(W):
        return np.maximum(W.T @ W @ X + b[:, None], 0)

    np.testing.assert_allclose(output(W), X, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(W), weight_norm)
    np.testing.assert_allclose(np.linalg.norm(b), bias_norm, atol=1e-12)
    np.testing.assert_allclose(geometry.dimensionality(W @ X), 2 / T if T > 2 else 1 / 2)
    # a smaller circle with the bias that keeps its own datapoint exact lets neighbours through
    smaller = 0.99 * rho
    b = -(smaller**2 - 1) * X.sum(axis=1)
    assert np.abs(output(0.99 * W) - X).max() > 1e-3


def test_memoriser_norms_cross_between_6_and_7():
    T = np.arange(2, 300)
    norms = theory.memoriser_norms(T)
    assert norms.rho.shape == T.shape
    larger = norms.bias_norm > norms.weight_norm
    assert not larger[T <= 6].any() and larger[T >= 7].all()
    assert norms.beta[T == 3] < 0 and abs(norms.beta[T == 4]) < 1e-12
    assert all(after > before for before, after in pairwise(norms.weight_norm))
    # no cancellation at T = 10^6: rho -> T / (pi sqrt 2)
    large = theory.memoriser_norms(10**6).rho
    np.testing.assert_allclose(large, 1e6 / (np.pi * np.sqrt(2)), rtol=1e-11)
    with pytest.raises(ValueError, match="T must be at least 2"):
        theory.memoriser_norms(np.array([3, 1]))
