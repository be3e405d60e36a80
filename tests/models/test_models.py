"""The models against their equations in plain NumPy, and as the pytrees that they are."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import special, stats

import toymodels as tm
from toymodels import LinearModel, ReluOutput

KEY = jax.random.key(0)
N, M, BATCH = 5, 2, 7

ACTIVATIONS = {
    "relu": (jax.nn.relu, lambda z: np.maximum(z, 0)),
    "gelu": (lambda z: jax.nn.gelu(z, approximate=False), lambda z: z * special.ndtr(z)),
    "square": (jnp.square, np.square),
}


def numbers(*shape):
    """Numbers of both signs, about 1 in size."""
    return np.cos(1.0 + np.arange(np.prod(shape))).reshape(shape).astype(np.float32)


def with_parameters(model, W, b):
    model.W[...], model.b[...] = jnp.asarray(W), jnp.asarray(b)
    return model


@pytest.mark.parametrize(("activation", "f"), ACTIVATIONS.values(), ids=ACTIVATIONS.keys())
def test_relu_output_is_its_equation(activation, f):
    W, b, x = numbers(M, N), numbers(N), numbers(N, BATCH)
    model = with_parameters(ReluOutput(N, M, key=KEY, activation=activation), W, b)
    expected = np.empty((N, BATCH))
    for sample in range(BATCH):
        h = W @ x[:, sample]
        expected[:, sample] = f(W.T @ h + b)
    np.testing.assert_allclose(model(jnp.asarray(x)), expected, atol=1e-5)


def test_relu_is_the_default():
    W, b, x = numbers(M, N), numbers(N), numbers(N, BATCH)
    model = with_parameters(ReluOutput(N, M, key=KEY), W, b)
    expected = np.maximum(W.T @ W @ x + b[:, None], 0)
    assert (expected == 0).any()
    np.testing.assert_allclose(model(jnp.asarray(x)), expected, atol=1e-5)


def test_linear_is_an_affine_map():
    W, b, x = numbers(M, N), numbers(N), numbers(N, BATCH)
    model = with_parameters(LinearModel(N, M, key=KEY), W, b)
    np.testing.assert_allclose(model(jnp.asarray(x)), W.T @ W @ x + b[:, None], atol=1e-5)


def test_linear_starts_as_relu_output_does():
    assert np.array_equal(LinearModel(N, M, key=KEY).W[...], ReluOutput(N, M, key=KEY).W[...])


def test_weights_are_tied():
    model = ReluOutput(N, M, key=KEY)
    shapes = [leaf.shape for leaf in jax.tree.leaves(nnx.state(model))]
    assert sorted(shapes) == [(M, N), (N,)]
    jacobian = jax.jacobian(lambda x: LinearModel(N, M, key=KEY)(x[:, None])[:, 0])(jnp.zeros(N))
    np.testing.assert_allclose(jacobian, jacobian.T, atol=1e-6)


def test_a_wrong_number_of_features_is_refused():
    with pytest.raises(TypeError):
        ReluOutput(N, M, key=KEY)(jnp.zeros((N + 1, BATCH)))


def test_weights_start_xavier_normal():
    n, m = 300, 200
    W = np.asarray(ReluOutput(n, m, key=KEY).W[...], float).ravel()
    std = np.sqrt(2 / (n + m))
    assert abs(W.mean()) < 5 * std / np.sqrt(W.size)
    assert abs(W.std() / std - 1) < 5 / np.sqrt(2 * W.size)
    assert stats.kstest(W / std, "norm").pvalue > 6e-7  # the chance of five standard errors


def test_bias_starts_at_zero():
    assert not ReluOutput(N, M, key=KEY).b[...].any()


def test_init_scale_is_a_factor():
    for build in (ReluOutput, LinearModel):
        once, thrice = build(N, M, key=KEY), build(N, M, key=KEY, init_scale=3.0)
        np.testing.assert_allclose(thrice.W[...], 3 * once.W[...], rtol=1e-6)
        assert not thrice.b[...].any()


def test_init_scale_can_be_an_axis():
    scales = jnp.array([0.1, 1.0])
    models = jax.vmap(lambda scale: ReluOutput(N, M, key=KEY, init_scale=scale))(scales)
    np.testing.assert_allclose(models.W[0], 0.1 * models.W[1], rtol=1e-6)


def test_an_ensemble_is_a_vmap_over_the_constructor():
    keys, x = jax.random.split(KEY, 3), jnp.asarray(numbers(N, BATCH))
    models = jax.vmap(lambda key: ReluOutput(N, M, key=key))(keys)
    outputs = jax.vmap(lambda model: model(x))(models)
    assert models.W.shape == (3, M, N)
    for i, key in enumerate(keys):
        alone = ReluOutput(N, M, key=key)
        np.testing.assert_allclose(models.W[i], alone.W[...], rtol=1e-6)
        np.testing.assert_allclose(outputs[i], alone(x), atol=1e-6)


def test_the_gradient_is_a_model():
    W, b, x = numbers(M, N), numbers(N), numbers(N, BATCH)
    model = with_parameters(LinearModel(N, M, key=KEY), W, b)
    gradient = jax.grad(lambda model: 0.5 * jnp.sum((model(jnp.asarray(x)) - x) ** 2))(model)
    # d/dW of |W^T W x + b - x|^2 / 2: W is used twice
    residual = W.T @ W @ x + b[:, None] - x
    assert isinstance(gradient, ReluOutput)
    np.testing.assert_allclose(gradient.b[...], residual.sum(axis=1), rtol=1e-4)
    expected = W @ (x @ residual.T + residual @ x.T)
    np.testing.assert_allclose(gradient.W[...], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("n", "m", "name"), [(0, 2, "n"), (5, 0, "m"), (-1, 2, "n")])
def test_sizes_are_counts(n, m, name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1"):
        ReluOutput(n, m, key=KEY)


@pytest.mark.parametrize(
    "model",
    [
        ReluOutput(5, 2, key=KEY),
        LinearModel(5, 2, key=KEY),
        tm.ReluHidden(5, 2, key=KEY),
        tm.UntiedReluHidden(5, 2, key=KEY),
        tm.MixingMatrix(5, 2, 6, key=KEY, bias=True),
        tm.AttentionOnly(6, 2, head_dim=3, direct=True, key=KEY),
        tm.GatedAttention(6, 2, key=KEY),
        tm.MLP(6, 4, 3, 2, key=KEY),
        tm.ReluDictionary(3, 5, key=KEY),
        tm.TopKDictionary(3, 5, 2, key=KEY),
        tm.GatedDictionary(3, 5, key=KEY),
        tm.JumpReluDictionary(3, 5, key=KEY),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("copy", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_models_can_be_copied_and_pickled(model, copy):
    again = copy(model)
    assert type(again) is type(model)
    assert nnx.graphdef(again) == nnx.graphdef(model)
    assert jax.tree.structure(again) == jax.tree.structure(model)
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(model), strict=True):
        assert (one == other).all()
