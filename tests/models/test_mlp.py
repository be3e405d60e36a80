"""The MLP against its equations in plain NumPy, and as the pytree that it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from toymodels import MLP

KEY = jax.random.key(0)
PIXELS, WIDTH, LABELS, BATCH = 6, 5, 3, 4


def numbers(*shape):
    """Numbers of both signs, about 1 in size."""
    return np.cos(1.0 + np.arange(np.prod(shape))).reshape(shape).astype(np.float32)


def off_zero(model):
    """The model with biases of both signs."""
    for b in (model.b_in, *model.b_hidden, model.b_out):
        b[...] = jnp.asarray(0.3 * numbers(*b.shape))
    return model


def mlp(layers):
    return off_zero(MLP(PIXELS, WIDTH, layers, LABELS, key=KEY))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_it_is_its_equations(layers):
    model, x = mlp(layers), numbers(PIXELS, BATCH)
    weights = [model.W_in, *model.W_hidden]
    biases = [model.b_in, *model.b_hidden]
    assert [W.shape for W in weights] == [(WIDTH, PIXELS), *[(WIDTH, WIDTH)] * (layers - 1)]
    expected, h = [], x
    for W, b in zip(weights, biases, strict=True):
        h = np.maximum(np.asarray(W[...]) @ h + np.asarray(b[...])[:, None], 0)
        expected.append(h)
    found = model.hidden(jnp.asarray(x))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    logits = np.asarray(model.W_out[...]) @ h + np.asarray(model.b_out[...])[:, None]
    np.testing.assert_allclose(model(jnp.asarray(x)), logits, atol=1e-5)
    np.testing.assert_allclose(model.readout(found[-1]), logits, atol=1e-5)
    assert (np.stack(expected) == 0).any()


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_every_parameter_is_trained_and_has_dimensions(layers):
    model = mlp(layers)
    gradient = jax.grad(lambda model: jnp.sum(model(jnp.asarray(numbers(PIXELS, BATCH))) ** 2))(
        model
    )
    found = nnx.to_flat_state(nnx.state(gradient, nnx.Param))
    names = {"_".join(map(str, path)): leaf.get_value() for path, leaf in found}
    assert len(names) == 2 * (layers + 1)
    for name, leaf in names.items():
        assert np.abs(leaf).max() > 0
        assert len(MLP.dims[name]) == leaf.ndim


def test_weights_start_for_relu():
    model = MLP(400, 300, 3, 200, key=KEY)
    expected = {"W_in": 2 / 400, "W_out": 1 / 300}
    matrices = {"W_in": model.W_in, "W_out": model.W_out}
    for i, W in enumerate(model.W_hidden):
        expected[f"W_hidden_{i}"], matrices[f"W_hidden_{i}"] = 2 / 300, W
    for name, W in matrices.items():
        # a variance estimated from k normal numbers is off by sqrt(2 / k) of itself
        assert np.var(W[...]) == pytest.approx(expected[name], rel=5 * (2 / W[...].size) ** 0.5)
    assert not any(b[...].any() for b in (model.b_in, *model.b_hidden, model.b_out))
    first, second = (W[...].ravel() for W in model.W_hidden)
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / 300  # drawn apart from each other


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ((0, 5, 1, 3), "pixels must be a whole number of at least 1"),
        ((6, 0, 1, 3), "width must be a whole number of at least 1"),
        ((6, 5, 0, 3), "layers must be a whole number of at least 1"),
        ((6, 5, 4, 3), "layers must be at most 3; got 4"),
        ((6, 5, 1, 0), "labels must be a whole number of at least 1"),
    ],
)
def test_sizes_are_checked(sizes, sentence):
    with pytest.raises(ValueError, match=sentence):
        MLP(*sizes, key=KEY)


def test_a_wrong_number_of_pixels_is_refused():
    with pytest.raises(TypeError):
        mlp(1)(jnp.zeros((PIXELS + 1, BATCH)))
