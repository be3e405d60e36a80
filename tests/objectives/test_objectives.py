"""Losses against NumPy and against plain sampling; means over blocks against dense means."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import (
    FeatureDistribution,
    Objective,
    Reconstruction,
    ReluOutput,
    SparseFeatures,
)
from toymodels.numerics import blocks
from toymodels.numerics.blocks import block_columns, mean_over_blocks, mean_value_over_blocks
from toymodels.objectives import reconstruction as its

KEY = jax.random.key(0)


@pytest.mark.parametrize("rows", [1, 5, 400, blocks.BLOCK_ENTRIES, 2 * blocks.BLOCK_ENTRIES])
@pytest.mark.parametrize("columns", [1, 7, 1000, 1024, 2**16])
def test_a_block_is_the_largest_divisor_that_fits(rows, columns):
    size = block_columns(rows, columns)
    assert columns % size == 0
    assert size == 1 or rows * size <= blocks.BLOCK_ENTRIES
    larger = [k for k in range(size + 1, columns + 1) if columns % k == 0]
    assert all(rows * k > blocks.BLOCK_ENTRIES for k in larger)


class Cubic(NamedTuple):
    """Some model of two leaves, of different ranks, that no loss is linear in."""

    scale: jax.Array
    shift: jax.Array

    def loss(self, x):
        return jnp.mean((self.scale[:, None] * x**3 - self.shift) ** 2)


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_mean_over_blocks_is_the_dense_mean(count):
    with jax.enable_x64(True):
        x = jnp.cos(jnp.arange(4 * 12.0)).reshape(4, 12)
        model = Cubic(jnp.arange(1.0, 5.0), jnp.array(0.3))
        parts = jnp.stack(jnp.split(x, count, axis=1))
        dense = jax.value_and_grad(lambda model: 3 * Cubic.loss(model, x) ** 2)(model)

        def blockwise(mean):
            return lambda model: 3 * mean(Cubic.loss, model, parts) ** 2

        value, gradient = jax.jit(jax.value_and_grad(blockwise(mean_over_blocks)))(model)
        assert float(value) == pytest.approx(float(dense[0]), rel=1e-14)
        for ours, theirs in zip(gradient, dense[1], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-13)
        looked_at = jax.jit(blockwise(mean_value_over_blocks))(model)
        assert float(looked_at) == pytest.approx(float(dense[0]), rel=1e-14)


def test_mean_over_blocks_of_an_ensemble():
    x = jnp.cos(jnp.arange(4 * 12.0)).reshape(4, 12)
    models = Cubic(jnp.arange(1.0, 9.0).reshape(2, 4), jnp.array([0.3, -0.3]))
    parts = jnp.stack(jnp.split(x, 3, axis=1))
    together = jax.vmap(jax.grad(lambda model: mean_over_blocks(Cubic.loss, model, parts)))(models)
    for i in range(2):
        model = Cubic(models.scale[i], models.shift[i])
        dense = jax.grad(Cubic.loss)(model, x)
        np.testing.assert_allclose(together.scale[i], dense.scale, rtol=1e-5)
        np.testing.assert_allclose(together.shift[i], dense.shift, rtol=1e-5)


class Given(FeatureDistribution):
    """Samples that are no matter of chance."""

    def __init__(self, x, importance):
        self.n = len(x)
        self.x, self.importance = jnp.asarray(x), jnp.asarray(importance)
        self.none_active = jnp.zeros(())

    def sample(self, key, batch):
        assert batch == self.x.shape[1]
        return self.x

    sample_active = sample


def test_loss_is_summed_over_features_and_averaged_over_samples():
    x = np.cos(np.arange(3 * 8)).reshape(3, 8).astype(np.float32)
    importance = np.array([1.0, 0.5, 0.0], np.float32)
    build = partial(ReluOutput, 3, 2)
    objective = Reconstruction(
        Given(x, importance), lambda key: build(key=key), batch_size=8, test_samples=8
    )
    model = objective.init(KEY)
    W, b = np.asarray(model.W[...], float), np.asarray(model.b[...], float)
    errors = np.square(x - np.maximum(W.T @ W @ x + b[:, None], 0))
    expected = np.mean([importance @ column for column in errors.T])
    assert objective.loss(model, KEY) == pytest.approx(expected, rel=1e-5)
    assert objective.test_loss(model, KEY) == pytest.approx(expected, rel=1e-5)


N, M = 5, 2
IMPORTANCE = 0.9 ** np.arange(N)


def reconstruction(p, **settings):
    features = SparseFeatures(N, probability=p, importance=IMPORTANCE)
    return Reconstruction(features, lambda key: ReluOutput(N, M, key=key), **settings)


def off_model():
    """A model with a bias of both signs, so that silence costs something."""
    model = ReluOutput(N, M, key=KEY)
    model.b[...] = jnp.array([0.2, -0.1, 0.1, 0.0, -0.2])
    return model


def plain_losses(p, samples):
    """Loss of each of many samples, drawn and evaluated in NumPy."""
    random, model = np.random.default_rng(0), off_model()
    x = random.random((N, samples)) * (random.random((N, samples)) < p)
    W, b = np.asarray(model.W[...], float), np.asarray(model.b[...], float)
    return IMPORTANCE @ np.square(x - np.maximum(W.T @ W @ x + b[:, None], 0))


def test_it_is_an_objective():
    assert isinstance(reconstruction(0.1), Objective)


BATCHES, BATCH, TEST = 400, 256, 1024


def estimates(p):
    """Loss and gradient on many batches, as one vector each, and losses on many test sets."""
    keys, model = jax.random.split(jax.random.key(1), BATCHES), off_model()

    def batch(key, given_active):
        objective = reconstruction(p, batch_size=BATCH, given_active=given_active)
        loss, gradient = jax.value_and_grad(objective.loss)(model, key)
        return jnp.concatenate([loss[None], gradient.b[...], gradient.W[...].ravel()])

    def test(key):
        return reconstruction(p, test_samples=TEST).test_loss(model, key)

    plain, given_active = (jax.vmap(partial(batch, given_active=g))(keys) for g in (False, True))
    return plain, given_active, jax.vmap(test)(keys)


@pytest.fixture(scope="module")
def estimate():
    compiled = jax.jit(estimates)
    return lambda p: [np.asarray(found, float) for found in compiled(p)]


def agree(a, b):
    """Tell whether two groups of samples have the same mean, within five standard errors."""
    error = np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b))
    # 1e-6: the rounding of float32, where something is all but certain
    return (np.abs(a.mean(axis=0) - b.mean(axis=0)) <= 5 * error + 1e-6).all()


@pytest.mark.parametrize("p", [1.0, 0.5, 0.01])
def test_every_estimate_has_the_same_expectation(estimate, p):
    plain, given_active, test = estimate(p)
    assert agree(plain, given_active)
    numpy_losses = plain_losses(p, 2**18)
    assert agree(plain[:, 0], numpy_losses)
    assert agree(given_active[:, 0], numpy_losses)
    assert agree(test, numpy_losses)


@pytest.mark.parametrize("p", [0.5, 0.01])
def test_the_noise_is_that_of_so_many_samples(estimate, p):
    plain, given_active, test = (found.T[0] if found.ndim == 2 else found for found in estimate(p))
    variance = plain_losses(p, 2**18).var()
    # a variance estimated from k nearly normal numbers is off by sqrt(2 / k) of itself
    assert plain.var() == pytest.approx(variance / BATCH, rel=5 * (2 / BATCHES) ** 0.5)
    # never noisier, up to what two estimated variances may differ by
    assert given_active.var() < plain.var() * (1 + 5 * (4 / BATCHES) ** 0.5)
    if p == 0.01:  # silence, 95 per cent of all, is taken exactly
        assert given_active.var() < plain.var() / 4
        assert test.var() < variance / TEST / 4


def test_silence_alone_costs_its_bias(estimate):
    silence = IMPORTANCE @ np.square(np.maximum(off_model().b[...], 0))
    for found in estimate(0.0):
        np.testing.assert_allclose(found.T[0] if found.ndim == 2 else found, silence, rtol=1e-6)


def test_blocks_draw_samples_of_their_own(monkeypatch):
    monkeypatch.setattr(its, "BLOCK_ENTRIES", N * 16)
    assert block_columns(N, BATCH, its.BLOCK_ENTRIES) == 16
    plain, given_active, test = jax.jit(lambda p: estimates(p))(0.5)
    assert agree(np.asarray(plain), np.asarray(given_active))
    losses = plain_losses(0.5, 2**18)
    for found, samples in ((plain[:, 0], BATCH), (given_active[:, 0], BATCH), (test, TEST)):
        assert agree(np.asarray(found), losses)
        # were the samples of all 16 blocks the same, 16 times as large
        assert found.var() < 2 * losses.var() / samples


def test_the_same_key_is_the_same_batch():
    objective, model = reconstruction(0.5, test_samples=256), off_model()
    for loss in map(jax.jit, (objective.loss, objective.test_loss)):
        first, again, other = (loss(model, jax.random.key(i)) for i in (0, 0, 1))
        assert first == again
        assert first != other


@pytest.mark.parametrize("setting", ["batch_size", "test_samples"])
def test_sample_sizes_are_counts(setting):
    with pytest.raises(ValueError, match=f"{setting} must be a whole number of at least 1; got 0"):
        reconstruction(0.5, **{setting: 0})
