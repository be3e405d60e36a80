"""Samples against closed forms; a difference counts from five standard errors on."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from toymodels import FeatureDistribution, SparseFeatures

SAMPLES = 2**16
KEY = jax.random.key(0)
UNEQUAL = [0.5, 0.1, 0.0, 0.02, 1e-3]

SETTINGS = {
    "one S for all": (5, {"sparsity": 0.7}),
    "S of each": (5, {"sparsity": [0.0, 0.3, 0.9, 0.99, 1.0]}),
    "p of each": (5, {"probability": UNEQUAL}),
    "dense": (5, {"sparsity": 0}),
    "silent": (5, {"probability": 0}),
    "a single feature": (1, {"sparsity": 0.9}),
    "very sparse": (20, {"probability": 0.001}),
}


class Case(NamedTuple):
    """A distribution, the p of its features in float64, and samples of both kinds."""

    features: SparseFeatures
    p: np.ndarray
    plain: np.ndarray
    active: np.ndarray

    @property
    def some(self):
        """Probability that a feature is active."""
        return 1 - np.prod(1 - self.p)


@pytest.fixture(scope="module", params=SETTINGS.values(), ids=SETTINGS.keys())
def case(request):
    n, given = request.param
    features = SparseFeatures(n, **given)
    p = 1 - np.asarray(given["sparsity"]) if "sparsity" in given else given["probability"]
    keys = jax.random.split(KEY)
    plain, active = features.sample(keys[0], SAMPLES), features.sample_active(keys[1], SAMPLES)
    return Case(
        features, np.broadcast_to(np.asarray(p, float), (n,)), *np.array([plain, active], float)
    )


def assert_mean(samples, expected, variance):
    """Assert that the mean over the last axis is as expected, given the variance of a sample.

    For samples in [0, 1] a larger deviation has a chance below 8e-6 (Bernstein's inequality,
    whose second term counts where only a few samples are not zero).
    """
    samples = np.asarray(samples, float)
    count = samples.shape[-1]
    allowed = 5 * np.sqrt(np.asarray(variance) / count) + 25 / 6 / count
    np.testing.assert_array_less(np.abs(samples.mean(-1) - expected), allowed)


def count_distribution(p):
    """Probability of 0, 1, ..., n active features."""
    chance = np.ones(1)
    for p_i in p:
        chance = np.convolve(chance, [1 - p_i, p_i])
    return chance


def test_it_is_a_feature_distribution(case):
    assert isinstance(case.features, FeatureDistribution)
    assert case.plain.shape == case.active.shape == (case.features.n, SAMPLES)


def test_moments_in_closed_form(case):
    features, p = case.features, case.p
    # S = 0.99 is 0.01 to four digits only, once it is a float32
    assert np.asarray(features.mean) == pytest.approx(p / 2, rel=1e-4)
    assert np.asarray(features.second_moment) == pytest.approx(p / 3, rel=1e-4)
    assert float(features.none_active) == pytest.approx(1 - case.some, abs=1e-6)


def test_sampled_moments(case):
    x, p = case.plain, case.p
    assert_mean(x, p / 2, p / 3 - p**2 / 4)
    assert_mean(x**2, p / 3, p / 5 - p**2 / 9)
    assert_mean(x > 0, p, p * (1 - p))


def test_features_are_independent(case):
    x, p = case.plain, case.p
    i, j = np.triu_indices(len(p), 1)
    mean = p[i] * p[j] / 4
    assert_mean(x[i] * x[j], mean, p[i] * p[j] / 9 - mean**2)
    assert_mean((x == 0).all(axis=0), 1 - case.some, case.some * (1 - case.some))


def test_active_values_are_uniform(case):
    for samples in (case.plain, case.active) if case.some else ():
        for row in samples[case.p > 0]:
            # 6e-7 is the chance of five standard errors
            assert stats.kstest(row[row > 0], "uniform").pvalue > 6e-7


def test_sampling_given_activity_has_the_conditional_moments(case):
    if not case.some:
        assert np.isfinite(case.active).all()  # they count with weight zero
        return
    x, p = case.active, case.p / case.some
    assert x.any(axis=0).all()
    assert_mean(x > 0, p, p * (1 - p))
    assert_mean(x, p / 2, p / 3 - (p / 2) ** 2)
    assert_mean(x**2, p / 3, p / 5 - (p / 3) ** 2)
    i, j = np.triu_indices(len(p), 1)
    both = p[i] * p[j] * case.some
    assert_mean(x[i] * x[j], both / 4, both / 9 - (both / 4) ** 2)
    count = np.arange(1, len(p) + 1)[:, None]
    chance = count_distribution(case.p)[1:] / case.some
    assert_mean((x > 0).sum(axis=0) == count, chance, chance * (1 - chance))


def test_an_expectation_is_its_silent_and_its_active_part(case):
    # f = exp(-sum x) is 1 in silence; E[f] = prod E[exp(-x_i)], and f^2 likewise
    f = np.exp(-case.active.sum(axis=0))
    whole = np.prod(1 - case.p + case.p * (1 - np.exp(-1)))
    square = np.prod(1 - case.p + case.p * (1 - np.exp(-2)) / 2)
    none = float(case.features.none_active)
    # E[f^2] = none + some E[f^2 | active]; Var[some f | active] = some^2 (E[f^2 | active] - ...)
    variance = case.some * (square - (1 - case.some)) - (whole - (1 - case.some)) ** 2
    assert_mean(none * 1 + (1 - none) * f, whole, max(variance, 0))


def test_silence_and_noise_without_pause():
    silent, dense = SparseFeatures(5, sparsity=1.0), SparseFeatures(5, sparsity=0.0)
    assert silent.none_active == 1
    assert dense.none_active == 0
    assert not silent.sample(KEY, SAMPLES).any()
    # a uniform of 32 bits is zero once in 2^32 times
    for sample in (dense.sample, dense.sample_active):
        assert (sample(KEY, SAMPLES) > 0).all()


@pytest.mark.parametrize("p", [1e-6, 1e-4, 0.3])
def test_rare_activity_keeps_its_digits(p):
    exact = -np.expm1(20 * np.log1p(-float(np.float32(p))))
    features = SparseFeatures(20, probability=p)
    assert float(features.some_active) == pytest.approx(exact, rel=1e-6)
    assert float(features.none_active) == pytest.approx(1 - exact, rel=1e-5)


def test_rare_features_take_many_values():
    """One uniform decides both, and p = 1e-5 leaves few of its bits to the value."""
    p, batch = 1e-5, 2**18
    x = np.asarray(SparseFeatures(64, probability=p).sample(KEY, batch))
    active = x[x > 0]
    assert len(active) == pytest.approx(x.size * p, abs=5 * (x.size * p) ** 0.5)
    assert len(np.unique(active)) > len(active) - 4
    assert stats.kstest(active, "uniform").pvalue > 6e-7


def test_sparsities_share_their_uniforms():
    sparse = np.asarray(SparseFeatures(5, probability=0.1).sample(KEY, SAMPLES))
    dense = np.asarray(SparseFeatures(5, probability=0.5).sample(KEY, SAMPLES))
    both = sparse > 0
    assert (dense > 0)[both].all()
    np.testing.assert_allclose(0.5 * dense[both], 0.1 * sparse[both], rtol=1e-6)


def test_samples_are_a_function_of_the_key():
    features = SparseFeatures(5, sparsity=0.5)
    for sample in (features.sample, features.sample_active):
        first, again, other = (sample(jax.random.key(i), SAMPLES) for i in (0, 0, 1))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


def test_probability_can_be_batched():
    probabilities = jnp.array([UNEQUAL, [0.0] * 5, [1.0] * 5])

    @jax.jit
    @jax.vmap
    def together(p):
        features = SparseFeatures(5, probability=p)
        samples = features.sample(KEY, SAMPLES), features.sample_active(KEY, SAMPLES)
        return *samples, features.none_active

    for i, (plain, active, none) in enumerate(zip(*together(probabilities), strict=True)):
        alone = SparseFeatures(5, probability=probabilities[i])
        np.testing.assert_allclose(plain, alone.sample(KEY, SAMPLES), rtol=1e-6)
        np.testing.assert_allclose(active, alone.sample_active(KEY, SAMPLES), rtol=1e-6)
        np.testing.assert_allclose(none, alone.none_active, rtol=1e-6)


def test_importance_is_one_for_each_feature():
    assert SparseFeatures(3, sparsity=0).importance.tolist() == [1, 1, 1]
    assert SparseFeatures(3, sparsity=0, importance=2).importance.tolist() == [2, 2, 2]
    assert SparseFeatures(2, sparsity=0, importance=[1, 0]).importance.tolist() == [1, 0]


def test_importances_too_small_for_a_float_are_zero():
    importance = np.asarray(
        SparseFeatures(200, sparsity=0, importance=0.01 ** np.arange(200.0)).importance
    )
    np.testing.assert_allclose(importance[:15], 0.01 ** np.arange(15.0), rtol=1e-6)
    assert not importance[30:].any()


WRONG = {
    "S above 1": ({"sparsity": 1.2}, r"sparsity must lie in \[0, 1\]; got 1\.2"),
    "S below 0": ({"sparsity": -0.1}, r"sparsity must lie in \[0, 1\]; got -0\.1"),
    "p above 1": ({"probability": 1.5}, r"probability must lie in \[0, 1\]; got 1\.5"),
    "too few S": ({"sparsity": [0.5, 0.5]}, r"sparsity must be one number or 3.*\(2,\)"),
    "too many p": ({"probability": [0.5] * 4}, r"probability must be one number or 3.*\(4,\)"),
    "neither": ({}, "sparsity.*or probability"),
    "both": ({"sparsity": 0.5, "probability": 0.5}, "sparsity.*or probability.*not both"),
    "importance below 0": ({"sparsity": 0, "importance": -1}, r"importance must lie in .*got -1"),
    "importance too large for a float": (
        {"sparsity": 0, "importance": [1, 1e39, 1]},
        r"importance must lie in .*got 1e\+39",
    ),
    "too few importances": ({"sparsity": 0, "importance": [1, 1]}, r"importance must be .*\(2,\)"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_settings_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        SparseFeatures(3, **given)


@pytest.mark.parametrize("n", [0, -1, True])
def test_n_is_a_count(n):
    with pytest.raises(ValueError, match=rf"n must be a whole number of at least 1; got {n}"):
        SparseFeatures(n, sparsity=0.5)


def test_traced_values_cannot_be_looked_at():
    def mean(p):
        return SparseFeatures(3, probability=p, importance=-p).mean[0]

    assert jax.jit(mean)(1.2) == pytest.approx(0.6)
    assert jax.vmap(mean)(jnp.array([1.2, -0.2])).tolist() == pytest.approx([0.6, -0.1])


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap])
def test_shapes_are_checked_even_when_traced(transform):
    with pytest.raises(ValueError, match="one number or 3"):
        transform(lambda p: SparseFeatures(3, probability=p).mean)(jnp.ones((2, 2)))
