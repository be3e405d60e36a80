"""The excess cross-entropy against its definition, and what training reaches."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special

from toymodels import AttentionOnly, Axis, NextToken, Objective, SignalPairs, SkipTrigrams, train
from toymodels.data.contexts import count_tokens
from toymodels.objectives.next_token import divergence

KEY = jax.random.key(0)
DATA = SkipTrigrams(2, others=1, length=4)


def objective(data=DATA, heads=2, **settings):
    return NextToken(
        lambda key: AttentionOnly(data.tokens, heads, outputs=data.outputs, key=key),
        data,
        **settings,
    )


def test_it_is_an_objective():
    assert isinstance(objective(), Objective)


@pytest.mark.parametrize("data", [DATA, SignalPairs(3, 2, 5)])
def test_the_loss_is_the_cross_entropy_above_the_bayes_entropy(data):
    task = objective(data, batch_size=512)
    model = task.init(KEY)
    sequences = data.sample(KEY, 512)
    p = np.asarray(data.next_token(sequences), float)
    y = np.asarray(model.logits(*count_tokens(sequences, data.tokens)), float)
    cross_entropy = -(p * special.log_softmax(y, axis=0)).sum(axis=0)
    excess = cross_entropy - special.entr(p).sum(axis=0)
    assert float(jax.jit(task.loss)(model, KEY)) == pytest.approx(excess.mean(), rel=1e-5)


def test_blocks_add_up_to_the_test_loss():
    task = objective(test_samples=2**13)
    model = task.init(KEY)
    loss = float(task.test_loss(model, KEY))
    again = float(objective(test_samples=2**13).test_loss(model, jax.random.key(1)))
    assert loss == pytest.approx(again, rel=0.05)
    assert loss > 0.1


def test_a_small_divergence_keeps_its_digits():
    """KL(p || q) of q = p exp(small) is about sum p small^2 / 2, far below float32's steps at 1."""
    p, small = np.array([0.25, 0.25, 0.5]), 1e-5 * np.array([1.0, -1.0, 0.0])
    found = divergence(jnp.asarray(p)[:, None], jnp.asarray(np.log(p) + small)[:, None])
    assert found.item() == pytest.approx((p * small**2).sum() / 2, rel=0.05)


def test_the_divergence_of_a_certain_token():
    y = jnp.array([[2.0], [-1.0], [0.5]])
    found = divergence(jnp.array([[0.0], [1.0], [0.0]]), y)
    assert found.item() == pytest.approx(-special.log_softmax(y, axis=0)[1].item(), rel=1e-6)


def test_its_gradient_is_that_of_the_cross_entropy():
    p, y = jnp.array([[0.0], [0.7], [0.3]]), jnp.array([[2.0], [-1.0], [0.5]])
    gradient = jax.grad(lambda y: divergence(p, y).sum())(y)
    np.testing.assert_allclose(gradient, special.softmax(y, axis=0) - p, atol=1e-6)


def test_frequencies_and_restarts_are_one_ensemble():
    def problem(frequency):
        data = SkipTrigrams(2, others=0, length=4, frequency=frequency)
        build = lambda key: AttentionOnly(data.tokens, 2, key=key)  # noqa: E731
        return NextToken(build, data, 64, 256), optax.adam(2e-2)

    axes = [Axis("frequency", [0.2, 0.8]), Axis.seeds(2)]
    untrained, trained = (train(problem, axes, steps, key=KEY) for steps in (1, 300))
    assert trained.W_O.dims == ("frequency", "seed", "head", "logit", "head_dim")
    assert (trained.loss < 0.2 * untrained.loss).all()


@pytest.mark.parametrize("name", ["batch_size", "test_samples"])
def test_no_samples_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1"):
        objective(**{name: 0})


def test_another_model_is_refused():
    from toymodels import MixingMatrix

    with pytest.raises(TypeError, match="NextToken needs logits, which MixingMatrix lacks"):
        NextToken(lambda key: MixingMatrix(3, 2, 4, key=key), DATA).init(KEY)
