"""Dictionaries in training: unit columns, minibatches, units that die and are revived."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr

from toymodels import (
    Axis,
    GatedDictionary,
    JumpReluDictionary,
    ReluDictionary,
    SparseDictionary,
    TopKDictionary,
    train,
    unit_norm,
)
from toymodels.engine import ensemble, training
from toymodels.measures import baselines, recovery

KEY = jax.random.key(0)
D, TRUE, FEATURES, SAMPLES = 6, 8, 10, 2048
MODELS = {
    "relu": ReluDictionary,
    "topk": partial(TopKDictionary, k=2),
    "gated": GatedDictionary,
    "jump_relu": partial(JumpReluDictionary, bandwidth=0.1),
}
RANDOM = np.random.default_rng(0)
TRUTH = baselines.random_directions(D, TRUE, seed=3).astype(np.float32)
ACTIVE = RANDOM.random((TRUE, SAMPLES)) < 0.1
X = (TRUTH @ (RANDOM.random((TRUE, SAMPLES)) * ACTIVE)).astype(np.float32)


def objective(model="relu", l1=0.05, **settings):
    settings = {"activations": jnp.asarray(X), "batch_size": 128, **settings}
    build = MODELS[model] if isinstance(model, str) else model
    return SparseDictionary(lambda key: build(D, FEATURES, key=key), l1=l1, **settings)


def problem(l1, activations, model="relu"):
    return objective(model, l1, activations=activations), unit_norm(optax.adam(1e-2))


@cache
def member(name="relu"):
    """A member's first state, and its chunk with refreshes after steps 20 and 50."""
    optimizer = unit_norm(optax.adam(1e-2))
    step = jax.jit(partial(training.advance, objective(name), optimizer))
    state = training.start(objective(name), optimizer, KEY)
    return state, lambda state, begin, end: step(
        state, KEY, np.int32(begin), np.int32(end), np.bool_(end in (20, 50))
    )


def dying():
    """A member all of whose units but one are dead, and stay so without resampling."""
    state, chunk = member()
    model = jax.tree.map(lambda leaf: leaf, state.model)
    model.b_enc[...] = jnp.full(FEATURES, -10.0).at[0].set(0.0)
    return state._replace(model=model), chunk


def trained(steps=100, axes=None, problem=problem, **settings):
    axes = [Axis("l1", [0.01, 0.1]), Axis.seeds(2)] if axes is None else axes
    return train(problem, axes, steps, KEY, data={"activations": X}, **settings)


@pytest.mark.parametrize("name", MODELS)
def test_columns_keep_length_one(name):
    state, chunk = member(name)
    run = training.run_chunks(chunk, state, [1, 20, 60])
    for earlier, later in [(state, chunk(state, 0, 1).state), (state, run.state)]:
        before, after = (np.asarray(s.model.W_dec[...]) for s in (earlier, later))
        np.testing.assert_allclose(np.linalg.norm(after, axis=0), 1, rtol=1e-6)
        assert np.abs(after - before).max() > 1e-3


def test_sparse_features_are_recovered():
    state, chunk = member()
    found = training.run_chunks(chunk, state, [20, 50, 1500]).state.model
    at_first, at_last = (
        recovery.mmcs(TRUTH, np.asarray(model.W_dec[...])) for model in (state.model, found)
    )
    assert at_first < 0.9 < 0.95 < at_last


def test_loss_is_error_plus_penalty():
    model, l1 = MODELS["relu"](D, FEATURES, key=KEY), 0.3
    codes = np.maximum(np.asarray(model.W_enc[...]) @ X, 0)
    error = np.square(X - np.asarray(model.W_dec[...]) @ codes).sum(axis=0)
    expected = (error + l1 * codes.sum(axis=0)).mean()
    assert objective(l1=l1).test_loss(model, KEY) == pytest.approx(expected, rel=1e-5)
    losses = [objective(l1=l1).loss(model, key) for key in jax.random.split(KEY, 100)]
    assert np.mean(losses) == pytest.approx(expected, rel=0.05)
    assert len(np.unique(losses)) == 100  # each key is a minibatch of its own
    some = objective(l1=l1, test_activations=jnp.asarray(X[:, :10]))
    expected = (error + l1 * codes.sum(axis=0))[:10].mean()
    assert some.test_loss(model, KEY) == pytest.approx(expected, rel=1e-5)


def test_unit_norm_turns_columns_as_the_gradient_on_the_sphere_does():
    params = {"W_dec": Leaf(jnp.array([[1.0, 0.0], [0.0, 1.0]])), "b": Leaf(jnp.array([1.0]))}
    gradient = {"W_dec": Leaf(jnp.array([[5.0, 3.0], [1.0, 7.0]])), "b": Leaf(jnp.array([2.0]))}
    optimizer = unit_norm(optax.sgd(0.5))
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    after = optax.apply_updates(params, updates)
    # of each column's gradient the part along the column is gone: (0, 1) and (3, 0) are left
    expected = np.array([[1.0, -1.5], [-0.5, 1.0]])
    expected /= np.linalg.norm(expected, axis=0)
    np.testing.assert_allclose(after["W_dec"].value, expected, rtol=1e-6)
    np.testing.assert_allclose(after["b"].value, [0.0])
    with pytest.raises(ValueError, match="unit_norm needs the parameters"):
        optimizer.update(gradient, optimizer.init(params))


@jax.tree_util.register_pytree_node_class
class Leaf:
    """An array that is read as a parameter is: leaf[...]."""

    def __init__(self, value):
        self.value = value

    def __getitem__(self, index):
        return self.value[index]

    def tree_flatten(self):
        return (self.value,), None

    @classmethod
    def tree_unflatten(cls, _, leaves):
        return cls(*leaves)


DEAD = np.array([2, 5, 9])


def half_dead(name):
    """A state some of whose units never fire, after enough steps for moments to be there."""
    state, chunk = member(name)
    model, memory = chunk(state, 0, 19).state
    model = jax.tree.map(lambda leaf: leaf, model)  # the member is everybody's
    model.b_enc[...] = model.b_enc[...].at[DEAD].set(-100.0)
    return model, memory


@pytest.mark.parametrize("name", ["relu", "gated", "jump_relu"])
def test_refresh_revives_the_dead_and_leaves_the_living(name):
    model, memory = half_dead(name)
    fired = np.asarray(model.encode(jnp.asarray(X)) > 0).any(axis=1)
    assert set(DEAD) <= set(np.flatnonzero(~fired))
    refreshed, forgotten = jax.jit(objective(name).refresh)(model, memory, KEY, jnp.int32(20))
    assert np.asarray(refreshed.encode(jnp.asarray(X)) > 0).any(axis=1).all()
    np.testing.assert_allclose(np.linalg.norm(refreshed.W_dec[...], axis=0), 1, rtol=1e-5)
    lengths = np.linalg.norm(refreshed.W_enc[...], axis=1)
    np.testing.assert_allclose(lengths[~fired], 0.2 * lengths[fired].mean(), rtol=1e-5)
    for parameter, dims in model.dims.items():
        if dims == ("activation",):
            continue
        axis = dims.index("dictionary_feature")
        before, after = (np.asarray(getattr(m, parameter)[...]) for m in (model, refreshed))
        living = [np.compress(fired, array, axis) for array in (before, after)]
        np.testing.assert_array_equal(*living)
        mean, later = (m[0].mu[parameter][...] for m in (memory, forgotten))
        assert not np.compress(~fired, later, axis).any()
        np.testing.assert_array_equal(*[np.compress(fired, m, axis) for m in (mean, later)])
        assert np.compress(fired, later, axis).any()
    assert not refreshed.b_enc[...][DEAD].any()


def test_revived_units_point_at_samples_that_are_reconstructed_badly():
    x = np.zeros((D, 100), np.float32)
    x[0], x[1, 7] = 1e-3, 30.0  # one sample in a hundred has all but all of the loss
    model, memory = half_dead("relu")
    model.b_enc[...] = model.b_enc[...] - 100.0
    refreshed, _ = objective(activations=jnp.asarray(x)).refresh(model, memory, KEY, jnp.int32(0))
    expected = x[:, 7] - np.asarray(model.b_dec[...])
    expected /= np.linalg.norm(expected)
    # drawn about 80 times among the 8,192 looked at, it serves all ten
    np.testing.assert_allclose(expected @ refreshed.W_dec[...], 1, rtol=1e-5)


def test_refresh_of_a_living_dictionary_changes_nothing():
    model = ReluDictionary(D, FEATURES, key=KEY)
    assert np.asarray(model.encode(jnp.asarray(X)) > 0).any(axis=1).all()
    refreshed, _ = objective().refresh(model, (), KEY, jnp.int32(0))
    for old, new in zip(jax.tree.leaves(model), jax.tree.leaves(refreshed), strict=True):
        np.testing.assert_array_equal(old, new)


def alive(model):
    return 1 - recovery.dead_fraction(np.asarray(model.encode(jnp.asarray(X))))


def test_the_dead_are_revived_in_training_and_by_refreshes_only():
    state, chunk = dying()
    assert alive(state.model) == pytest.approx(0.1)
    assert alive(chunk(state, 0, 49).state.model) == pytest.approx(0.1)
    assert alive(chunk(state, 0, 20).state.model) == 1
    assert alive(training.run_chunks(chunk, state, [20, 50, 60]).state.model) > 0.8


@pytest.mark.parametrize("cut", [[3, 20, 33, 50, 60], range(1, 61)])
def test_what_is_recorded_on_the_way_does_not_change_a_run(cut):
    state, chunk = dying()
    plain = training.run_chunks(chunk, state, [20, 50, 60])
    weights = training.Recorder(cut, training.read_parameters)
    watched = training.run_chunks(chunk, state, cut, recorders={"weights": weights})
    assert_same(watched.state, plain.state)


def assert_same(ours, theirs):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_array_equal(a, b)


class MemoryStore:
    """A store that outlives nothing but an exception."""

    arrays = None

    def load(self):
        return self.arrays

    def save(self, arrays):
        self.arrays = {name: np.array(array) for name, array in arrays.items()}


@pytest.mark.parametrize("stop", [19, 20, 35, 50])
def test_a_resumed_run_is_the_uninterrupted_one(stop):
    state, chunk = dying()
    store, borders = MemoryStore(), [19, 20, 35, 50, 60]

    def interrupt(step, *_):
        if step == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.run_chunks(chunk, state, borders, store=store, report=interrupt)
    assert store.arrays["step"] == stop
    resumed = training.run_chunks(chunk, state, borders, store=store)
    assert_same(resumed.state, training.run_chunks(chunk, state, borders).state)


@pytest.mark.slow
def test_snapshots_do_not_change_when_an_ensemble_refreshes():
    def build(d, features, *, key):
        model = ReluDictionary(d, features, key=key)
        model.b_enc[...] = jnp.full(features, -10.0)
        return model

    def problem(l1, activations):
        return objective(build, l1, activations=activations), unit_norm(optax.adam(1e-2))

    axes = [Axis("l1", [0.01, 0.1])]
    plain, watched = (
        trained(30, axes, problem, refreshes=(20,), snapshots=at) for at in ((), (0, 3, 17))
    )
    for name in ("W_dec", "W_enc", "b_enc", "b_dec", "loss"):
        xr.testing.assert_equal(plain[name], watched[name])
    # dead units move by a refresh only
    first, before = (watched.W_dec_history.sel(snapshot=step, drop=True) for step in (0, 17))
    assert np.abs(before - first).max() < 1e-5
    assert (np.abs(plain.W_dec - first).max("activation") > 1e-3).all()


def test_a_member_of_a_grid_is_the_same_trained_alone():
    grid = trained(50, [Axis("l1", [0.01, 0.1, 0.3]), Axis.seeds(2)])
    alone = trained(50, [Axis("l1", [0.1]), Axis.seeds([1])])
    np.testing.assert_allclose(
        alone.W_dec.squeeze(), grid.W_dec.sel(l1=0.1, seed=1), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("step", [0, 101])
def test_refreshes_lie_within_the_run(step):
    with pytest.raises(ValueError, match=rf"refreshes must lie in \[1, 100\]; got \[{step}\]"):
        trained(refreshes=[step])


def test_refreshes_need_an_objective_that_has_them(monkeypatch):
    monkeypatch.setattr(ensemble, "Refreshing", int)
    with pytest.raises(ValueError, match="need an objective with refresh: SparseDictionary"):
        trained(refreshes=[10])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_activations_that_are_not_finite_are_refused(bad):
    x = X.copy()
    x[1, 2] = x[3, 4] = bad
    with pytest.raises(ValueError, match=f"activations must be finite; 2 of {X.size} are not"):
        train(problem, [Axis("l1", [0.1])], 10, KEY, data={"activations": x})
    with pytest.raises(ValueError, match="activations must be finite; 2 of"):
        objective(test_activations=jnp.asarray(x))
    with pytest.raises(ValueError, match=r"activations must be \[d, samples\]; got shape \(6, 0\)"):
        objective(activations=jnp.zeros((6, 0)))


def test_a_negative_penalty_is_refused():
    with pytest.raises(ValueError, match="l1 must lie in"):
        trained(axes=[Axis("l1", [0.1, -0.1])])


def test_a_dictionary_larger_than_the_samples_looked_at_is_refused():
    model = ReluDictionary(D, FEATURES, key=KEY)
    with pytest.raises(ValueError, match=r"resample_samples must be at least .* 10; got 9"):
        objective(resample_samples=9).refresh(model, (), KEY, jnp.int32(0))


@pytest.mark.parametrize("setting", ["batch_size", "resample_samples"])
def test_sample_sizes_are_counts(setting):
    with pytest.raises(ValueError, match=f"{setting} must be a whole number of at least 1; got 0"):
        objective(**{setting: 0})
