"""A distribution of which only `sample` is written, and what takes the place of the rest."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from toymodels import (
    Axis,
    FeatureDistribution,
    Reconstruction,
    ReluOutput,
    SparseFeatures,
    draw_datapoints,
    train,
)
from toymodels.data import distributions
from toymodels.data.distributions import by_rejection, size
from toymodels.testing import check_distribution

KEY = jax.random.key(0)
N, BATCH = 3, 2**12


class Coins(FeatureDistribution):
    """N features, each 1 with the probability p, else 0; p can be traced."""

    def __init__(self, p):
        self.p = p

    def sample(self, key, batch):
        return jnp.where(jax.random.uniform(key, (N, batch)) < self.p, 1.0, 0.0)


class KnownCoins(Coins):
    """The same, which knows how often nothing is active."""

    @property
    def none_active(self):
        return (1 - self.p) ** N


def build(key):
    return ReluOutput(N, 2, key=key)


def model():
    found = build(KEY)
    found.b[...] = jnp.asarray([0.2, -0.1, 0.3])
    return found


def errors(x):
    """The squared error of each column, in NumPy."""
    W, b = (np.asarray(leaf[...], float) for leaf in (model().W, model().b))
    return np.square(x - np.maximum(W.T @ W @ x + b[:, None], 0)).sum(axis=0)


def test_what_is_not_said_is_not_known():
    features = Coins(0.5)
    assert size(features) == N
    assert features.importance == 1
    for unknown in ("none_active", "some_active", "mean", "second_moment"):
        assert getattr(features, unknown) is None


def test_what_is_said_may_be_set_or_defined():
    features = Coins(0.5)
    features.n, features.none_active, features.mean = N, 1 / 8, 1 / 2
    assert (size(features), features.some_active, features.mean) == (N, 7 / 8, 1 / 2)
    assert KnownCoins(0.5).some_active == 7 / 8


def test_a_distribution_without_samples_is_none():
    class Nothing(FeatureDistribution):
        pass

    with pytest.raises(TypeError, match=r"Nothing .*'?sample'?"):
        Nothing()


@pytest.mark.parametrize("p", [0.9, 0.2, 0.003])
def test_rejection_has_the_conditional_law(p):
    x = np.asarray(Coins(p).sample_active(KEY, BATCH), float)
    some = 1 - (1 - p) ** N
    assert x.shape == (N, BATCH)
    assert x.any(axis=0).all()
    chance = p / some
    assert np.abs(x.mean(axis=1) - chance).max() < 5 * np.sqrt(chance * (1 - chance) / BATCH)
    both = p**2 / some
    assert abs((x[0] * x[1]).mean() - both) < 5 * np.sqrt(both / BATCH) + 25 / 6 / BATCH


def test_rejection_keeps_the_samples_as_they_come():
    """Its first samples are those of the first draw that are not silent."""
    first = np.asarray(Coins(0.3).sample(jax.random.fold_in(KEY, 0), BATCH))
    kept = first[:, first.any(axis=0)]
    np.testing.assert_array_equal(Coins(0.3).sample_active(KEY, BATCH)[:, : kept.shape[1]], kept)


def test_rejection_gives_up(monkeypatch):
    monkeypatch.setattr(distributions, "MOST_ROUNDS", 2)
    batches = [Coins(0.05).sample(jax.random.fold_in(KEY, i), 40) for i in range(2)]
    drawn = np.hstack(batches)
    kept = drawn[:, drawn.any(axis=0)]
    assert 2 <= kept.shape[1] < 40
    again = np.tile(kept, 40)[:, :40]
    np.testing.assert_array_equal(by_rejection(Coins(0.05).sample, KEY, 40), again)
    assert np.isnan(by_rejection(Coins(0.0).sample, KEY, 40)).all()


class Boastful(Coins):
    """Says that something is active in half of its samples."""

    none_active = 0.5


def test_samples_that_are_not_found_are_no_result(monkeypatch):
    monkeypatch.setattr(distributions, "MOST_ROUNDS", 2)
    lost = Reconstruction(Boastful(0.0), build, test_samples=BATCH)
    assert np.isnan(lost.test_loss(model(), KEY))
    with pytest.raises(AssertionError, match=r"Boastful\.none_active is 0\.5"):
        check_distribution(Boastful(0.0))
    silent = Reconstruction(KnownCoins(0.0), build, test_samples=BATCH)
    expected = errors(np.zeros((N, 1))).mean()
    assert float(silent.test_loss(model(), KEY)) == pytest.approx(expected, rel=1e-5)


def test_rejection_of_a_traced_p_is_that_of_each():
    p = jnp.asarray([0.9, 0.1])
    together = jax.jit(jax.vmap(lambda p: Coins(p).sample_active(KEY, 50)))(p)
    for found, each in zip(together, p, strict=True):
        np.testing.assert_array_equal(found, Coins(each).sample_active(KEY, 50))


def test_a_loss_is_a_plain_mean_where_silence_is_not_known():
    found = Reconstruction(Coins(0.3), build, test_samples=BATCH).test_loss(model(), KEY)
    x = np.asarray(Coins(0.3).sample(jax.random.split(KEY, 1)[0], BATCH), float)
    assert float(found) == pytest.approx(errors(x).mean(), rel=1e-5)


@pytest.mark.parametrize("given_active", [True, False])
def test_a_loss_counts_silence_exactly_where_it_is_known(given_active):
    """For coins there are eight columns, whose losses can be added up."""
    p = 0.2
    objective = Reconstruction(KnownCoins(p), build, BATCH, BATCH, given_active)
    columns = np.indices((2,) * N).reshape(N, -1).astype(float)
    ones = columns.sum(axis=0)
    chance, cost = p**ones * (1 - p) ** (N - ones), errors(columns)
    active = chance * (ones > 0) / chance[ones > 0].sum()
    spread = np.sqrt(active @ cost**2 - (active @ cost) ** 2) * (1 - chance[0])
    assert abs(objective.test_loss(model(), KEY) - chance @ cost) < 5 * spread / BATCH**0.5
    spread = spread if given_active else np.sqrt(chance @ cost**2 - (chance @ cost) ** 2)
    assert abs(objective.loss(model(), KEY) - chance @ cost) < 5 * spread / BATCH**0.5


def test_silence_that_is_not_known_cannot_be_left_out():
    with pytest.raises(ValueError, match=r"given_active .* set Coins\.none_active"):
        Reconstruction(Coins(0.3), build, given_active=True)


def test_its_settings_can_be_swept():
    def problem(p):
        return Reconstruction(KnownCoins(p), build, 64, 256, True), optax.adam(1e-2)

    found = train(problem, [Axis("p", [0.1, 0.5]), Axis.seeds(2)], 20, key=KEY)
    assert found.W.dims == ("p", "seed", "hidden", "feature")
    for i, p in enumerate((0.1, 0.5)):
        alone = train(lambda p=p: problem(p), [Axis.seeds(2)], 20, key=KEY)
        np.testing.assert_allclose(found.W[i], alone.W, atol=1e-5)


def test_datapoints_are_drawn_from_it():
    x = np.asarray(draw_datapoints(Coins(0.1), 200, key=KEY).dense(N))
    assert x.any(axis=0).all()
    np.testing.assert_allclose(np.linalg.norm(x, axis=0), 1, rtol=1e-6)
    heights = np.unique(x.round(6))
    assert set(heights) <= set(np.array([0, 1, 0.5**0.5, 3**-0.5], np.float32).round(6))


@pytest.mark.parametrize("silent", [Coins(0.0), KnownCoins(0.0), SparseFeatures(N, sparsity=1.0)])
def test_silence_is_not_drawn(silent, monkeypatch):
    monkeypatch.setattr(distributions, "MOST_ROUNDS", 3)
    with pytest.raises(ValueError, match="no datapoint can be drawn"):
        draw_datapoints(silent, 5, key=KEY)


class Rows(Coins):
    """Samples as rows."""

    def sample(self, key, batch):
        return super().sample(key, batch).T


class ThreeOf(Rows):
    """The same, of a size that is told."""

    n = N


@pytest.mark.parametrize(("kind", "size_of"), [(Rows, "n"), (ThreeOf, "3")])
def test_samples_as_rows_are_named(kind, size_of):
    objective = Reconstruction(kind(0.5), build, 8, 8)
    with pytest.raises(
        ValueError, match=rf"{kind.__name__}\.sample\(key, \d\) .*\[{size_of}, .*col"
    ):
        objective.loss(model(), KEY)
