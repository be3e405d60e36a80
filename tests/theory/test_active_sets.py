"""The sum over active sets against closed forms, another quadrature and sampling."""

import numpy as np
import pytest
import xarray as xr

from toymodels import theory


def test_two_features_agree_with_the_exact_integral():
    rng = np.random.default_rng(0)
    w, b = rng.normal(size=(20, 2)), 0.3 * rng.normal(size=(20, 2))
    found = theory.active_set_loss(w[:, None, :], b, np.full(2, 0.3))
    exact = theory.expected_loss_n2_m1(w, b, 0.3, 1.0)
    np.testing.assert_allclose(found, exact, rtol=2e-3)


@pytest.mark.parametrize("p5", [0.001, 0.05, 0.5])
def test_two_digons_and_a_feature_that_is_dropped(p5):
    W = np.array([[1.0, -1, 0, 0, 0], [0, 0, 1, -1, 0]])
    p = np.array([0.05] * 4 + [p5])
    found = theory.active_set_loss(W, [0, 0, 0, 0, p5 / 2], p)
    expected = 2 * 0.05**2 / 3 + theory.feature_variance(p5)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_it_agrees_with_samples():
    rng = np.random.default_rng(1)
    W, b, p = rng.normal(size=(2, 4)), 0.2 * rng.normal(size=4), np.array([0.9, 0.5, 0.2, 0.1])
    x = rng.random((4, 400_000)) * (rng.random((4, 400_000)) < p[:, None])
    losses = np.square(x - np.maximum(W.T @ W @ x + b[:, None], 0)).sum(axis=0)
    error = losses.std() / np.sqrt(losses.size)
    assert abs(theory.active_set_loss(W, b, p) - losses.mean()) < 4 * error + 1e-3 * losses.mean()


def test_names_broadcast():
    W = xr.DataArray(np.ones((3, 2, 4)), dims=("seed", "hidden", "feature"))
    p = xr.DataArray(np.full((5, 4), 0.1), dims=("density", "feature"))
    found = theory.active_set_loss(W, xr.zeros_like(W.isel(hidden=0)), p)
    assert set(found.dims) == {"seed", "density"}


def test_many_features_are_refused():
    with pytest.raises(ValueError, match="number of features"):
        theory.active_set_loss(np.ones((2, 9)), np.zeros(9), np.full(9, 0.1))


def test_importance_weighs_the_errors():
    rng = np.random.default_rng(2)
    w, b, r = rng.normal(size=(20, 2)), 0.3 * rng.normal(size=(20, 2)), 3.0
    found = theory.active_set_loss(w[:, None, :], b, np.full(2, 0.3), np.array([1.0, r]))
    np.testing.assert_allclose(found, theory.expected_loss_n2_m1(w, b, 0.3, r), rtol=2e-3)
