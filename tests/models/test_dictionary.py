"""The sparse dictionaries against their equations, and estimated slopes against their formulas."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from toymodels import GatedDictionary, JumpReluDictionary, ReluDictionary, TopKDictionary
from toymodels.models.dictionary import jump_relu, step, unit_columns

KEY = jax.random.key(0)
D, FEATURES, BATCH, K = 4, 9, 50, 3
MODELS = {
    "relu": ReluDictionary,
    "topk": partial(TopKDictionary, k=K),
    "gated": GatedDictionary,
    "jump_relu": partial(JumpReluDictionary, threshold=0.3, bandwidth=0.2),
}
X = jnp.asarray(np.random.default_rng(0).normal(size=(D, BATCH)), jnp.float32)


def built(name):
    """A model none of whose parameters is where it starts, and its parameters as NumPy arrays."""
    model, random = MODELS[name](D, FEATURES, key=KEY), np.random.default_rng(1)
    for parameter in model.dims:
        value = getattr(model, parameter)
        value[...] = value[...] + 0.1 * random.normal(size=value.shape)
    return model, {name: np.asarray(getattr(model, name)[...], float) for name in model.dims}


def codes_by_hand(name, p):
    z = p["W_enc"] @ (X - p["b_dec"][:, None]) + p["b_enc"][:, None]
    if name == "relu":
        return np.maximum(z, 0)
    if name == "topk":
        f = np.maximum(z, 0)
        return np.where(f >= np.sort(f, axis=0)[-K], f, 0)
    if name == "gated":
        turned = p["W_enc"] @ (X - p["b_dec"][:, None])
        magnitude = np.exp(p["r_mag"])[:, None] * turned + p["b_mag"][:, None]
        return np.where(z > 0, np.maximum(magnitude, 0), 0)
    return np.where(z > np.exp(p["log_threshold"])[:, None], z, 0)


@pytest.mark.parametrize("name", MODELS)
def test_codes_and_reconstruction_are_their_equations(name):
    model, p = built(name)
    codes = codes_by_hand(name, p)
    assert 0 < (codes > 0).mean() < 1
    np.testing.assert_allclose(model.encode(X), codes, atol=1e-5)
    output = p["W_dec"] @ codes + p["b_dec"][:, None]
    np.testing.assert_allclose(model(X), output, atol=1e-5)
    np.testing.assert_allclose(model.decode(model.encode(X)), output, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_costs_are_their_equations(name):
    model, p = built(name)
    codes = codes_by_hand(name, p)
    error = np.square(X - p["W_dec"] @ codes - p["b_dec"][:, None]).sum(axis=0)
    gate = np.maximum(p["W_enc"] @ (X - p["b_dec"][:, None]) + p["b_enc"][:, None], 0)
    if name == "gated":
        error += np.square(X - p["W_dec"] @ gate - p["b_dec"][:, None]).sum(axis=0)
    penalty = {
        "relu": codes.sum(axis=0),
        "topk": np.zeros(BATCH),
        "gated": gate.sum(axis=0),
        "jump_relu": (codes > 0).sum(axis=0),
    }[name]
    found = model.costs(X)
    np.testing.assert_allclose(found.error, error, rtol=1e-4)
    np.testing.assert_allclose(found.penalty, penalty, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_dictionary_starts_with_unit_columns_and_a_tied_encoder(name):
    model = MODELS[name](D, FEATURES, key=KEY)
    np.testing.assert_allclose(np.linalg.norm(model.W_dec[...], axis=0), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.W_enc[...], model.W_dec[...].T)


@pytest.mark.parametrize("k", [1, 3, FEATURES])
def test_top_k_keeps_exactly_k(k):
    model = TopKDictionary(D, FEATURES, k, key=KEY)
    model.b_enc[...] = jnp.full(FEATURES, 100.0)  # so that every pre-activation is positive
    assert (np.asarray(model.encode(X) > 0).sum(axis=0) == k).all()
    model.W_enc[...] = jnp.zeros((FEATURES, D))  # ties are decided, not kept
    assert (np.asarray(model.encode(X) > 0).sum(axis=0) == k).all()
    model.b_enc[...] = jnp.full(FEATURES, -1.0)
    assert not np.asarray(model.encode(X)).any()


@pytest.mark.parametrize("centre", [0.0, np.array([1.0, -1.0, 0.5, 2.0])])
def test_a_dictionary_of_given_directions_codes_by_the_largest_projections(centre):
    directions = np.random.default_rng(2).normal(size=(D, 6))
    model = TopKDictionary.of(directions, 2, centre)
    shifted = X - np.broadcast_to(centre, D)[:, None]
    projections = np.maximum(directions.T @ shifted, 0)
    expected = np.where(projections >= np.sort(projections, axis=0)[-2], projections, 0)
    np.testing.assert_allclose(model.encode(X), expected, atol=1e-5)
    np.testing.assert_allclose(model(X) - X, directions @ expected - shifted, atol=1e-5)
    turned = xr.DataArray(directions.T, dims=("dictionary_feature", "hidden"))
    np.testing.assert_array_equal(TopKDictionary.of(turned, 2, centre).W_dec[...], model.W_dec[...])


def test_top_k_trains_what_it_keeps_only():
    model, _ = built("topk")
    x = X[:, :1]
    kept = np.asarray(model.encode(x) > 0)[:, 0]
    gradient = jax.jit(jax.grad(lambda model: model.costs(x).error.sum()))(model)
    assert kept.sum() == K
    assert np.asarray(gradient.W_enc[...])[kept].any(axis=1).all()
    assert not np.asarray(gradient.W_enc[...])[~kept].any()


def test_a_gate_learns_from_its_penalty_and_its_own_error_only():
    model, p = built("gated")

    def gradient(part):
        return jax.jit(jax.grad(lambda model: getattr(model.costs(X), part).sum()))(model)

    by_penalty = gradient("penalty")
    assert np.abs(by_penalty.b_enc[...]).max() > 0
    for name in ("W_dec", "r_mag", "b_mag"):
        assert not np.asarray(getattr(by_penalty, name)[...]).any()
    # the auxiliary error does not move the decoder: its gradient is that of |x - x'|^2 alone
    codes = codes_by_hand("gated", p)
    residual = p["W_dec"] @ codes + p["b_dec"][:, None] - X
    by_error = gradient("error")
    np.testing.assert_allclose(by_error.W_dec[...], 2 * residual @ codes.T, atol=2e-4)


def test_straight_through_slopes_are_the_formulas():
    z, threshold, width = jnp.linspace(-1, 2, 300), jnp.full(300, 0.5), 0.2
    inside = np.where(np.abs(np.asarray(z) - 0.5) < width / 2, 1.0, 0.0)
    assert 15 < inside.sum() < 25

    def slopes(function):
        return jax.grad(lambda *pair: function(*pair, width).sum(), (0, 1))(z, threshold)

    by_z, by_threshold = slopes(step)
    assert not np.asarray(by_z).any()
    np.testing.assert_allclose(by_threshold, -inside / width, rtol=1e-6)
    by_z, by_threshold = slopes(jump_relu)
    np.testing.assert_array_equal(by_z, np.asarray(z) > 0.5)
    np.testing.assert_allclose(by_threshold, -0.5 * inside / width, rtol=1e-6)


def test_the_estimated_slope_is_that_of_the_expectation():
    # z uniform on [0, 1]: E[step] = 1 - theta, E[z step] = (1 - theta^2) / 2
    z, theta = jnp.linspace(0, 1, 100_001), 0.4

    def mean(function):
        return lambda theta: function(z, jnp.broadcast_to(theta, z.shape), 0.1).mean()

    assert float(jax.grad(mean(step))(theta)) == pytest.approx(-1, rel=1e-3)
    assert float(jax.grad(mean(jump_relu))(theta)) == pytest.approx(-theta, rel=1e-3)


def test_a_threshold_rises_where_the_penalty_outweighs_the_error():
    model = JumpReluDictionary(D, FEATURES, key=KEY, threshold=0.3, bandwidth=0.5)

    def loss(model, weight):
        error, penalty = model.costs(X)
        return (error + weight * penalty).mean()

    slopes = {w: jax.grad(loss)(model, w).log_threshold[...] for w in (0.0, 100.0)}
    assert (slopes[100.0] < 0).all()  # descent raises it
    assert not (slopes[0.0] < 0).all()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [0, -1])
def test_a_dictionary_has_at_least_one_feature(name, size):
    with pytest.raises(ValueError, match="features must be a whole number of at least 1; got"):
        MODELS[name](D, size, key=KEY)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="k must be at most the dictionary's size, 9; got 10"):
        TopKDictionary(D, FEATURES, 10, key=KEY)
    with pytest.raises(ValueError, match="k must be a whole number of at least 1; got 0"):
        TopKDictionary(D, FEATURES, 0, key=KEY)
    for name in ("threshold", "bandwidth"):
        with pytest.raises(ValueError, match=f"{name} must be above 0; got 0"):
            JumpReluDictionary(D, FEATURES, key=KEY, **{name: 0.0})


def test_unit_columns_leave_zero_alone():
    matrix = jnp.array([[3.0, 0.0], [4.0, 0.0]])
    np.testing.assert_allclose(unit_columns(matrix), [[0.6, 0], [0.8, 0]], rtol=1e-6)
