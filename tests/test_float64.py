"""With `jax_enable_x64` everything is float64: each kind of training, against NumPy at 1e-10."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special

from toymodels import (
    MLP,
    AnticorrelatedFeatures,
    AttentionMixing,
    Axis,
    Classification,
    CorrelatedFeatures,
    FeatureDistribution,
    FiniteDataset,
    LinearModel,
    MixingMatrix,
    OvDraw,
    Reconstruction,
    ReluDictionary,
    ReluOutput,
    SignedFeatures,
    SparseDictionary,
    SparseFeatures,
    draw_datapoints,
    power_law_features,
    to_model,
    train,
    with_unit_columns,
)
from toymodels.data.images import Labelled
from toymodels.numerics.draws import uniform

KEY = jax.random.key(0)
RTOL = 1e-10


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def kinds_of_floats(found):
    """Return the dtypes of what is no count of steps."""
    return {str(found[name].dtype) for name in found if found[name].dtype.kind != "i"}


def fitted(problem, axes=(), steps=20, **data):
    found = train(problem, list(axes), steps, key=KEY, data=data)
    assert kinds_of_floats(found) == {"float64"}
    return found


def test_draws_are_those_of_float32_with_all_their_bits():
    found = uniform(KEY, (1000,))
    bits = jax.random.bits(KEY, (1000,), jnp.uint32)
    np.testing.assert_array_equal(found, np.asarray(bits, float) / 2**32)
    with jax.enable_x64(False):
        single = uniform(KEY, (1000,))
        assert single.dtype == np.float32
    np.testing.assert_array_equal(single, np.minimum(np.asarray(found, np.float32), 1 - 2**-24))


def test_closed_forms_of_distributions():
    p = np.array([0.3, 0.999, 1e-9])
    none = np.prod(1 - p)
    for features, mean in [
        (SparseFeatures(3, probability=p), p / 2),
        (CorrelatedFeatures([1, 1, 1], probability=p), p / 2),
        (AnticorrelatedFeatures([2, 2, 2], probability=p), np.repeat(p / 4, 2)),
    ]:
        assert float(features.none_active) == pytest.approx(none, rel=RTOL)
        np.testing.assert_allclose(features.mean, mean, rtol=RTOL)
        np.testing.assert_allclose(features.second_moment, mean * 2 / 3, rtol=RTOL)
        np.testing.assert_allclose(SignedFeatures(features).second_moment, mean * 2 / 3, rtol=RTOL)
    rank = np.arange(1.0, 8)
    found = power_law_features(7, 1.1, active=1.0).probability
    np.testing.assert_allclose(found, rank**-1.1 / (rank**-1.1).sum(), rtol=RTOL)
    # below what float32 holds
    assert float(SparseFeatures(1, sparsity=0, importance=1e-60).importance[0]) == 1e-60


class TwoPoints(FeatureDistribution):
    """One of n features, at the two points that make x and x^2 right: those of Gauss."""

    n = 3

    def sample(self, key, batch):
        assert batch == 2 * self.n
        nodes = 0.5 + np.array([-1, 1]) / np.sqrt(12)
        return jnp.asarray(np.kron(np.eye(self.n), nodes))


def test_reconstruction_reaches_the_closed_form():
    """The linear model keeps the largest of the covariance's eigenvalues, 1/9, 1/9 and 1/36."""

    def problem():
        build = Reconstruction(TwoPoints(), lambda key: LinearModel(3, 2, key=key), 6, 6)
        return build, optax.sgd(0.2)

    assert fitted(problem, steps=3000).loss.item() == pytest.approx(1 / 36, rel=RTOL)


def test_sparse_features_are_reconstructed():
    def problem(sparsity):
        features = SparseFeatures(5, sparsity=sparsity)
        objective = Reconstruction(features, lambda key: ReluOutput(5, 2, key=key), 64, 256)
        return objective, optax.adamw(1e-2)

    found = fitted(problem, [Axis("sparsity", [0.5, 1.0]), Axis.seeds(2)])
    # of silence alone the loss is known
    b = np.maximum(found.b.sel(sparsity=1.0), 0)
    np.testing.assert_allclose(found.loss.sel(sparsity=1.0), (b**2).sum("feature"), rtol=RTOL)


def test_a_finite_dataset():
    n = 12
    points = draw_datapoints(SparseFeatures(n, probability=0.2), 10, key=KEY)
    assert points.value.dtype == float
    x = np.zeros((n, 10))
    np.add.at(x, (points.feature.T, np.arange(10)), points.value.T)
    np.testing.assert_allclose(np.linalg.norm(x, axis=0), 1, rtol=1e-14)

    def problem(points):
        objective = FiniteDataset(lambda key: ReluOutput(n, 2, key=key), points, points)
        return objective, optax.adamw(1e-2)

    found = fitted(problem, points=points)
    W, b = found.W.values, found.b.values
    error = np.square(x - np.maximum(W.T @ W @ x + b[:, None], 0)).sum(axis=0).mean()
    assert found.loss.item() == pytest.approx(error, rel=RTOL)


def test_attention_mixing():
    ovs = OvDraw.of(3, 4, key=KEY).sparse(0.5)

    def build(key):
        return MixingMatrix(3, 2, 4, key=key)

    def objective(ovs):
        return AttentionMixing(build, ovs, 0.5, tokens=3, batch_size=8, test_samples=8)

    found = fitted(lambda ovs: (objective(ovs), optax.adam(1e-2)), ovs=ovs)
    model = to_model(found, build(KEY))
    A, x = objective(ovs).sample(jax.random.split(KEY, 1)[0], 8)
    M, A, x, O = (np.asarray(of, float) for of in (model.M[...], A, x, ovs))  # noqa: E741
    products = np.einsum("kbst,btd,lde->klbse", A, x, O)
    output = np.maximum(np.tensordot(M.T @ M, products, 2), 0)
    target = np.maximum(np.einsum("kkbse->bse", products), 0)
    expected = np.square(target - output).sum() / 8
    assert float(objective(ovs).test_loss(model, KEY)) == pytest.approx(expected, rel=RTOL)


def test_classification():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (40, 9), dtype=np.uint8)
    labelled = Labelled(images, random.integers(0, 4, 40, dtype=np.uint8))

    def problem(samples):
        objective = Classification(lambda key: MLP(9, 5, 1, 4, key=key), samples, samples, 16, 0.1)
        return objective, optax.adam(1e-2)

    found = fitted(problem, samples=labelled)
    h = np.maximum(found.W_in.values @ (images.T / 255) + found.b_in.values[:, None], 0)
    logits = found.W_out.values @ h + found.b_out.values[:, None]
    chosen = special.log_softmax(logits, axis=0)[labelled.labels, np.arange(40)]
    assert found.loss.item() == pytest.approx(-chosen.mean(), rel=RTOL)


def test_a_sparse_dictionary():
    x, l1 = np.random.default_rng(0).random((6, 256)), 0.05

    def problem(activations):
        objective = SparseDictionary(
            lambda key: ReluDictionary(6, 10, key=key), activations, l1, batch_size=32
        )
        return objective, with_unit_columns(optax.adam(1e-2))

    found = fitted(problem, activations=x)
    encoder, decoder = found.W_enc.values, found.W_dec.values
    b_enc, b_dec = found.b_enc.values[:, None], found.b_dec.values[:, None]
    np.testing.assert_allclose(np.linalg.norm(decoder, axis=0), 1, rtol=1e-14)
    f = np.maximum(encoder @ (x - b_dec) + b_enc, 0)
    costs = np.square(x - decoder @ f - b_dec).sum(axis=0) + l1 * f.sum(axis=0)
    assert found.loss.item() == pytest.approx(costs.mean(), rel=RTOL)


SCRIPT = """
import json, jax, numpy as np, optax, toymodels as tm

def problem(sparsity):
    features = tm.SparseFeatures(5, sparsity=sparsity, importance=0.9 ** np.arange(5))
    objective = tm.Reconstruction(features, lambda key: tm.ReluOutput(5, 2, key=key), 64)
    return objective, optax.adamw(1e-2)

axes = [tm.Axis("sparsity", [0.0, 0.9]), tm.Axis.seeds(2)]
found = tm.train(problem, axes, 5, key=jax.random.key(0), snapshots=[0, 5])
kinds = {str(found[name].dtype) for name in found if found[name].dtype.kind != "i"}
print(json.dumps([sorted(kinds), bool(np.isfinite(found.loss).all())]))
"""


@pytest.mark.slow
def test_a_process_can_be_started_with_it():
    environment = {**os.environ, "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["float64"], True]
