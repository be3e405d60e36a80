"""Sets of features and features with signs: their samples against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from toymodels import (
    AnticorrelatedFeatures,
    Axis,
    CorrelatedFeatures,
    Reconstruction,
    ReluOutput,
    SignedFeatures,
    SparseFeatures,
    one_sparse_features,
    power_law_features,
    testing,
    train,
)

KEY, SAMPLES = jax.random.key(0), 2**16
SIZES, P = (2, 1, 3), np.array([0.3, 0.5, 0.1])
SET_OF = np.array([0, 0, 1, 2, 2, 2])
SAME_SET = (SET_OF[:, None] == SET_OF) & ~np.eye(6, dtype=bool)

READY = {
    "sparse": SparseFeatures(4, sparsity=[0.1, 0.5, 0.99, 1]),
    "correlated": CorrelatedFeatures(SIZES, probability=P),
    "correlated, one value": CorrelatedFeatures(SIZES, probability=P, shared_values=True),
    "anticorrelated": AnticorrelatedFeatures(SIZES, probability=P, importance=2.0),
    "rare": AnticorrelatedFeatures([5, 5], probability=1e-3),
    "one sparse": one_sparse_features(6),
    "power law": power_law_features(10, 1.1, active=2.0),
    "signed": SignedFeatures(SparseFeatures(4, sparsity=0.7)),
    "signed, correlated": SignedFeatures(CorrelatedFeatures(SIZES, probability=P)),
}


@pytest.mark.parametrize("features", READY.values(), ids=READY)
def test_samples_are_what_is_said_of_them(features):
    testing.check_distribution(features)


def drawn(features):
    return np.asarray(features.sample(KEY, SAMPLES), float)


def covariance(x):
    """Covariances, and five standard errors of products."""
    centred = x - x.mean(axis=1, keepdims=True)
    products = centred[:, None] * centred[None]
    return products.mean(axis=-1), 5 * products.std(axis=-1) / SAMPLES**0.5 + 1e-6


@pytest.mark.parametrize("shared", [False, True])
def test_correlated_sets_are_active_as_a_whole(shared):
    x = drawn(CorrelatedFeatures(SIZES, probability=P, shared_values=shared))
    active = x > 0
    for a, b in zip(*np.nonzero(SAME_SET), strict=True):
        assert (active[a] == active[b]).all()
        assert (x[a] == x[b])[active[a]].all() == shared
    p = P[SET_OF]
    second = p / 3 if shared else p / 4
    expected = np.where(SAME_SET, second - p**2 / 4, 0)
    np.fill_diagonal(expected, p / 3 - p**2 / 4)
    found, error = covariance(x)
    np.testing.assert_array_less(np.abs(found - expected), error)


def test_the_correlation_within_a_set_tends_to_three_quarters():
    x = np.asarray(CorrelatedFeatures([2], probability=1e-4).sample_active(KEY, SAMPLES), float)
    a, b = x
    p = 1e-4
    correlation = (p * (a * b).mean() - p**2 / 4) / (p / 3 - p**2 / 4)
    assert correlation == pytest.approx(0.75, abs=0.02)


def test_of_an_anticorrelated_set_one_is_active_at_a_time():
    x = drawn(AnticorrelatedFeatures(SIZES, probability=P))
    active = x > 0
    for which, (p, size) in enumerate(zip(P, SIZES, strict=True)):
        members = active[which == SET_OF]
        assert members.sum(axis=0).max() == 1
        share = members.mean(axis=1)
        assert np.abs(share - p / size).max() < 5 * np.sqrt(p / size / SAMPLES)
    each = (P / np.array(SIZES))[SET_OF]
    expected = np.where(SAME_SET, -(each**2) / 4, 0)
    np.fill_diagonal(expected, each / 3 - each**2 / 4)
    found, error = covariance(x)
    np.testing.assert_array_less(np.abs(found - expected), error)


def test_one_sparse_samples_have_one_feature():
    x = drawn(one_sparse_features(5))
    assert ((x > 0).sum(axis=0) == 1).all()
    assert stats.kstest(x[x > 0], "uniform").pvalue > 6e-7
    assert stats.chisquare((x > 0).sum(axis=1)).pvalue > 6e-7
    assert one_sparse_features(5).none_active == 0


def test_signs_make_values_uniform_on_both_sides():
    plain = CorrelatedFeatures(SIZES, probability=P)
    x = drawn(SignedFeatures(plain))
    for row in x:
        assert stats.kstest(row[row != 0], "uniform", (-1, 2)).pvalue > 6e-7
    found, error = covariance(x)
    off = ~np.eye(6, dtype=bool)
    np.testing.assert_array_less(np.abs(found)[off], error[off])
    # the sets are still active as a whole, and their absolute values are correlated
    assert ((x[0] != 0) == (x[1] != 0)).all()
    found, error = covariance(np.abs(x))
    assert abs(found[0, 1] - P[0] * (1 - P[0]) / 4) < error[0, 1]


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.1, 2.0])
def test_activity_is_a_power_of_the_rank(exponent):
    p = np.asarray(power_law_features(20, exponent, active=0.4).probability, float)
    rank = np.arange(1, 21)
    np.testing.assert_allclose(p / p[0], rank**-exponent, rtol=1e-5)
    assert p.sum() == pytest.approx(0.4, rel=1e-5)


@pytest.mark.slow
def test_everything_can_be_traced():
    """Probabilities and exponents of several members at once, each as alone."""
    build = {
        "correlated": lambda v: CorrelatedFeatures([2, 2], probability=v),
        "anticorrelated": lambda v: AnticorrelatedFeatures([2, 2], sparsity=v),
        "signed": lambda v: SignedFeatures(SparseFeatures(4, sparsity=v)),
        "power law": lambda v: power_law_features(4, 2 * v, active=v),
    }

    def looks(features):
        return (
            features.sample(KEY, 100),
            features.sample_active(KEY, 100),
            features.none_active,
            features.mean,
            features.second_moment,
        )

    values = jnp.asarray([0.2, 0.7])
    for make in build.values():
        together = jax.jit(jax.vmap(lambda v, make=make: looks(make(v))))(values)
        for i, value in enumerate(values):
            for found, alone in zip(together, looks(make(value)), strict=True):
                found = found if np.shape(found) == np.shape(alone) else found[i]
                np.testing.assert_allclose(found, alone, rtol=1e-5, atol=1e-7)


def test_sets_are_an_axis_of_a_training():
    def problem(sparsity):
        features = SignedFeatures(AnticorrelatedFeatures([2, 2], sparsity=sparsity))
        objective = Reconstruction(features, lambda key: ReluOutput(4, 2, key=key), 32, 64, True)
        return objective, optax.adam(1e-2)

    found = train(problem, [Axis("sparsity", [0.0, 0.9]), Axis.seeds(2)], 10, key=KEY)
    assert found.loss.dims == ("sparsity", "seed")
    assert np.isfinite(found.loss).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: CorrelatedFeatures([], sparsity=0.5), "number of sets must .* got 0"),
        (lambda: CorrelatedFeatures([2, 0], sparsity=0.5), "size of a set must .* got 0"),
        (lambda: CorrelatedFeatures([2, 2], sparsity=[0.5] * 4), r"sparsity must be .* 2.*\(4,\)"),
        (lambda: AnticorrelatedFeatures([2], sparsity=1.5), r"sparsity must lie in \[0, 1\]"),
        (lambda: AnticorrelatedFeatures([2]), "sparsity.*or probability"),
        (lambda: AnticorrelatedFeatures([2], sparsity=0, importance=-1), "importance must lie"),
        (lambda: one_sparse_features(0), "n must be a whole number of at least 1; got 0"),
        (lambda: power_law_features(3, -1.0), "exponent must lie in"),
        (lambda: power_law_features(3, 2.0, active=3.0), r"probability must lie in \[0, 1\]"),
    ],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()
