"""The models with a ReLU on the hidden layer against their equations in plain NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import ReluHidden, UntiedReluHidden

KEY = jax.random.key(0)
N, M, BATCH = 5, 3, 7
BOTH = pytest.mark.parametrize("kind", [ReluHidden, UntiedReluHidden])


def numbers(*shape):
    """Numbers of both signs, about 1 in size."""
    return np.cos(1.0 + np.arange(np.prod(shape))).reshape(shape).astype(np.float32)


def layers(x, W_in, W_out, b):
    """What a hidden layer of neurons gives, sample by sample."""
    samples = [np.maximum(W_out @ np.maximum(W_in @ one, 0) + b, 0) for one in x.T]
    return np.stack(samples, axis=1)


def test_relu_hidden_is_its_equation():
    W, b, x = numbers(M, N), numbers(N) / 3, numbers(N, BATCH)
    model = ReluHidden(N, M, key=KEY)
    model.W[...], model.b[...] = jnp.asarray(W), jnp.asarray(b)
    expected = layers(x, W, W.T, b)
    assert (W @ x < 0).any() and (expected > 0).any()
    np.testing.assert_allclose(model(jnp.asarray(x)), expected, atol=1e-5)


def test_untied_relu_hidden_is_its_equation():
    W_in, W_out, b, x = numbers(M, N), numbers(N, M)[::-1], numbers(N) / 3, numbers(N, BATCH)
    model = UntiedReluHidden(N, M, key=KEY)
    for weight, values in ((model.W_in, W_in), (model.W_out, W_out), (model.b, b)):
        weight[...] = jnp.asarray(values)
    expected = layers(x, W_in, W_out, b)
    assert (W_in @ x < 0).any() and (expected > 0).any()
    np.testing.assert_allclose(model(jnp.asarray(x)), expected, atol=1e-5)


def test_two_neurons_compute_an_absolute_value():
    model = UntiedReluHidden(1, 2, key=KEY)
    model.W_in[...], model.W_out[...] = jnp.array([[1.0], [-1.0]]), jnp.array([[1.0, 1.0]])
    x = jnp.linspace(-1, 1, 11)[None]
    np.testing.assert_allclose(model(x), jnp.abs(x), atol=1e-6)


def test_weights_are_tied_or_not_and_biases_start_at_zero():
    tied, untied = ReluHidden(N, M, key=KEY), UntiedReluHidden(N, M, key=KEY)
    assert [leaf.shape for leaf in jax.tree.leaves(tied)] == [(M, N), (N,)]
    assert sorted(leaf.shape for leaf in jax.tree.leaves(untied)) == [(M, N), (N,), (N, M)]
    assert not tied.b[...].any() and not untied.b[...].any()
    assert not np.allclose(untied.W_in[...], untied.W_out[...].T)


@BOTH
def test_weights_start_xavier_normal(kind):
    n, m = 300, 200
    for W in jax.tree.leaves(kind(n, m, key=KEY)):
        if W.ndim == 2:
            error = 5 / np.sqrt(2 * W.size)
            assert abs(np.std(W) / np.sqrt(2 / (n + m)) - 1) < error


@BOTH
@pytest.mark.parametrize(("n", "m", "name"), [(0, 2, "n"), (5, 0, "m")])
def test_sizes_are_counts(kind, n, m, name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1"):
        kind(n, m, key=KEY)
