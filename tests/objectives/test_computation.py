"""The loss of computing a function of the features, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import Computation, Reconstruction, SignedFeatures, SparseFeatures, UntiedReluHidden

KEY = jax.random.key(0)
IMPORTANCE = np.array([1.0, 0.5, 0.25])


def features(sparsity):
    return SignedFeatures(SparseFeatures(3, sparsity=sparsity, importance=IMPORTANCE))


def build(key):
    return UntiedReluHidden(3, 6, key=key)


def exact(model):
    """The model that computes |x|, with two neurons a feature."""
    both = np.concatenate([np.eye(3), -np.eye(3)])
    model.W_in[...], model.W_out[...] = jnp.asarray(both), jnp.asarray(abs(both).T)
    return model


def silent(model):
    """The model that always gives 0."""
    return jax.tree.map(jnp.zeros_like, model)


def test_an_exact_model_has_no_loss_and_a_silent_one_the_second_moment():
    objective = Computation(features(0.4), build, target=jnp.abs)
    model = objective.init(KEY)
    assert float(objective.test_loss(exact(model), KEY)) == pytest.approx(0, abs=1e-12)
    assert float(objective.loss(exact(model), KEY)) == pytest.approx(0, abs=1e-12)
    expected = IMPORTANCE.sum() * 0.6 / 3  # E[x^2] = p / 3
    assert float(objective.test_loss(silent(model), KEY)) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("given_active", [False, True])
def test_the_loss_is_that_of_its_samples(given_active):
    of = features(0.4)
    objective = Computation(of, build, 256, target=jnp.square, given_active=given_active)
    model = objective.init(KEY)
    x = np.asarray(
        (of.sample_active if given_active else of.sample)(jax.random.split(KEY, 1)[0], 256)
    )
    errors = IMPORTANCE @ (x**2 - np.asarray(model(jnp.asarray(x)))) ** 2
    some = float(of.some_active) if given_active else 1.0
    assert float(objective.loss(model, KEY)) == pytest.approx(some * errors.mean(), rel=1e-5)


def test_reconstruction_is_the_computation_of_x_itself():
    computed = Computation(features(0.4), build, target=lambda x: x)
    rebuilt = Reconstruction(features(0.4), build)
    model = rebuilt.init(KEY)
    assert float(computed.test_loss(model, KEY)) == float(rebuilt.test_loss(model, KEY))


def test_a_target_is_needed():
    with pytest.raises(TypeError, match="target"):
        Computation(features(0.4), build)
