"""Hidden layers that compute, made by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from toymodels import UntiedReluHidden, circuits

RANDOM = np.random.default_rng(0)
W_IN, W_OUT, B = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(3, 4)), RANDOM.normal(size=3)


def outputs(W_in, W_out, b, x):
    """What the model itself gives."""
    model = UntiedReluHidden(len(b), len(W_in), key=jax.random.key(0))
    for own, values in ((model.W_in, W_in), (model.W_out, W_out), (model.b, b)):
        own[...] = jnp.asarray(values, jnp.float32)
    return np.asarray(model(jnp.asarray(x, jnp.float32)))


def test_rescaling_changes_weights_and_no_output():
    W_in, W_out = circuits.rescaled(W_IN, W_OUT)
    np.testing.assert_allclose(np.abs(W_in).max(axis=1), 1)
    np.testing.assert_allclose(np.sign(W_in), np.sign(W_IN))
    x = RANDOM.normal(size=(3, 50))
    np.testing.assert_allclose(outputs(W_in, W_out, B, x), outputs(W_IN, W_OUT, B, x), atol=1e-5)


def test_a_neuron_without_inputs_stays():
    W_in, W_out = circuits.rescaled(np.zeros((1, 2)), np.ones((2, 1)))
    assert not W_in.any() and (W_out == 1).all()


def test_outputs_are_those_of_the_model():
    x = RANDOM.uniform(-1, 1, size=(3, 50))
    found = circuits.outputs(W_IN, W_OUT, B, x)
    np.testing.assert_allclose(found, outputs(W_IN, W_OUT, B, x), atol=1e-5)
    batch = circuits.outputs(*(np.stack([one, 2 * one]) for one in (W_IN, W_OUT)), [B, 4 * B], x)
    np.testing.assert_allclose(batch, [found, 4 * found])


def test_gains_are_those_of_the_model():
    alone = np.concatenate([np.eye(3), -np.eye(3), np.zeros((3, 1))], axis=1)
    y = outputs(W_IN, W_OUT, B, alone)
    positive, negative = circuits.gains(W_IN, W_OUT, B)
    np.testing.assert_allclose(positive, np.diag(y[:, :3]) - y[:, 6], atol=1e-5)
    np.testing.assert_allclose(negative, np.diag(y[:, 3:6]) - y[:, 6], atol=1e-5)


def test_gains_are_one_for_absolute_values_and_zero_for_what_is_ignored():
    W_in = np.array([[1.0, 0, 0], [-2, 0, 0], [0, 1, 0]])
    W_out = np.array([[1.0, 0.5, 0], [0, 0, 1], [0, 0, 0]])
    positive, negative = circuits.gains(W_in, W_out, np.zeros(3))
    np.testing.assert_allclose(positive, [1, 1, 0])
    np.testing.assert_allclose(negative, [1, 0, 0])


def test_names_of_dimensions_are_kept():
    W_in = xr.DataArray(np.stack([W_IN, 2 * W_IN]), dims=("seed", "hidden", "feature"))
    W_out = xr.DataArray(np.stack([W_OUT, W_OUT]), dims=("seed", "feature", "hidden"))
    b = xr.DataArray(np.stack([B, B]), dims=("seed", "feature"))
    layers = circuits.rescaled(W_in, W_out)
    assert layers.W_in.dims == W_in.dims and layers.W_out.dims == W_out.dims
    for found, first, second in zip(
        circuits.gains(W_in, W_out, b), circuits.gains(W_IN, W_OUT, B),
        circuits.gains(2 * W_IN, W_OUT, B), strict=True,
    ):  # fmt: skip
        assert found.dims == ("seed", "feature")
        np.testing.assert_allclose(found, [first, second])
