"""The loss of two neurons for each absolute value, against the model that has them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import Computation, SignedFeatures, SparseFeatures, UntiedReluHidden, theory

IMPORTANCE = 0.8 ** np.arange(100)


def separate(n, m, p):
    """Two neurons for each of the first m // 2 features, the mean for the others."""
    model = UntiedReluHidden(n, m, key=jax.random.key(0))
    W_in, kept = np.zeros((m, n)), np.arange(n) < m // 2
    for k in range(2 * (m // 2)):
        W_in[k, k // 2] = 1 - 2 * (k % 2)
    model.W_in[...], model.W_out[...] = jnp.asarray(W_in), jnp.asarray(abs(W_in).T)
    model.b[...] = jnp.asarray(np.where(kept, 0, p / 2))
    return model


@pytest.mark.parametrize(("m", "sparsity"), [(2, 0.0), (4, 0.5), (5, 0.9)])
def test_the_bound_is_the_loss_of_separate_neurons(m, sparsity):
    importance = np.array([1.0, 0.7, 0.5, 0.2])
    features = SignedFeatures(SparseFeatures(4, sparsity=sparsity, importance=importance))
    model = separate(4, m, 1 - sparsity)
    objective = Computation(features, lambda key: model, target=jnp.abs)
    loss = float(objective.test_loss(model, jax.random.key(1)))
    expected = theory.absolute_value_bound(importance, 1 - sparsity, m).item()
    assert loss == pytest.approx(expected, rel=0.02)


def test_a_hundred_features_and_forty_neurons():
    tail = theory.absolute_value_bound(IMPORTANCE, 1.0, 40).item() / (1 / 3 - 1 / 4)
    assert tail == pytest.approx(0.057646, rel=1e-4)


def test_enough_neurons_leave_no_loss():
    assert theory.absolute_value_bound([1.0, 0.5], 0.3, 4).item() == 0
    assert theory.absolute_value_bound([1.0, 0.5], 0.3, 3).item() > 0
    with pytest.raises(ValueError, match="m must be at least 0"):
        theory.absolute_value_bound([1.0], 0.3, -1)
