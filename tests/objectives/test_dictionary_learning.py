"""Dictionaries in training: unit columns, minibatches, units that die and are revived."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr
from flax import nnx

from toymodels import (
    Axis,
    GatedDictionary,
    JumpReluDictionary,
    ReluDictionary,
    SparseDictionary,
    SparseFeatures,
    TopKDictionary,
    resample_dead_units,
    to_model,
    train,
    with_unit_columns,
    with_unit_mean_square,
)
from toymodels.measures import baselines, recovery
from toymodels.models.dictionary import unit_columns

KEY = jax.random.key(0)
D, TRUE, FEATURES, SAMPLES = 6, 8, 10, 2048
MODELS = {
    "relu": ReluDictionary,
    "topk": partial(TopKDictionary, k=2),
    "gated": GatedDictionary,
    "jump_relu": JumpReluDictionary,
}
RANDOM = np.random.default_rng(0)
TRUTH = baselines.random_directions(D, TRUE, seed=3).astype(np.float32)
ACTIVE = RANDOM.random((TRUE, SAMPLES)) < 0.1
X = (TRUTH @ (RANDOM.random((TRUE, SAMPLES)) * ACTIVE)).astype(np.float32)
REFRESHES = (20, 50)


def objective(model=ReluDictionary, l1=0.05, **settings):
    settings = {"activations": jnp.asarray(X), "batch_size": 128, **settings}
    return SparseDictionary(lambda key: model(D, FEATURES, key=key), l1=l1, **settings)


def trained(steps=100, axes=(), model=ReluDictionary, **settings):
    def problem(activations, l1=0.05):
        l1 = 0.0 if model is MODELS["topk"] else l1
        return objective(model, l1, activations=activations), with_unit_columns(optax.adam(1e-2))

    return train(problem, list(axes), steps, key=KEY, data={"activations": X}, **settings)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_columns_keep_length_one(model):
    found = trained(60, model=model, refreshes=REFRESHES, snapshots=(0, 1, 60)).W_dec_history
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    assert (np.abs(found[1:] - found[0]).max(["activation", "dictionary_feature"]) > 1e-3).all()


def test_sparse_features_are_recovered():
    found = trained(1500, refreshes=REFRESHES, snapshots=[0])
    at_first = recovery.mmcs(TRUTH, found.W_dec_history.values[0])
    assert at_first < 0.9 < 0.95 < recovery.mmcs(TRUTH, found.W_dec.values)


def test_loss_is_error_plus_penalty():
    model, l1 = ReluDictionary(D, FEATURES, key=KEY), 0.3
    codes = np.maximum(np.asarray(model.W_enc[...]) @ X, 0)
    error = np.square(X - np.asarray(model.W_dec[...]) @ codes).sum(axis=0)
    expected = (error + l1 * codes.sum(axis=0)).mean()
    assert objective(l1=l1).test_loss(model, KEY) == pytest.approx(expected, rel=1e-5)
    losses = jax.lax.map(partial(objective(l1=l1).loss, model), jax.random.split(KEY, 100))
    assert np.mean(losses) == pytest.approx(expected, rel=0.05)
    assert len(np.unique(losses)) == 100  # each key is a minibatch of its own
    some = objective(l1=l1, test_activations=jnp.asarray(X[:, :10]))
    expected = (error + l1 * codes.sum(axis=0))[:10].mean()
    assert some.test_loss(model, KEY) == pytest.approx(expected, rel=1e-5)


def test_unit_norm_turns_columns_as_the_gradient_on_the_sphere_does():
    params = {"W_dec": jnp.array([[1.0, 0.0], [0.0, 1.0]]), "b": jnp.array([1.0])}
    gradient = {"W_dec": jnp.array([[5.0, 3.0], [1.0, 7.0]]), "b": jnp.array([2.0])}
    optimizer = with_unit_columns(optax.sgd(0.5))
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    after = optax.apply_updates(params, updates)
    # of each column's gradient the part along the column is gone: (0, 1) and (3, 0) are left
    expected = np.array([[1.0, -1.5], [-0.5, 1.0]])
    expected /= np.linalg.norm(expected, axis=0)
    np.testing.assert_allclose(after["W_dec"], expected, rtol=1e-6)
    np.testing.assert_allclose(after["b"], [0.0])
    with pytest.raises(ValueError, match="with_unit_columns needs the parameters"):
        optimizer.update(gradient, optimizer.init(params))


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_activations_of_any_size_get_mean_square_length_one(size):
    layers = np.stack([X, 3 * X[::-1], 0 * X])
    scaled = with_unit_mean_square(size * layers)
    np.testing.assert_allclose((scaled**2).sum(axis=-2).mean(axis=-1), [1, 1, 0], rtol=1e-5)
    np.testing.assert_allclose(scaled[0], X / np.sqrt((X**2).sum() / SAMPLES), rtol=1e-5)
    named = with_unit_mean_square(xr.DataArray(X.T, dims=("sample", "hidden")))
    assert named.dims == ("hidden", "sample")
    np.testing.assert_array_equal(named, with_unit_mean_square(X))


DEAD = np.array([2, 5, 9])


def half_dead(name):
    """A model some of whose units never fire, and an optimizer's moments of all of them."""
    model = MODELS[name](D, FEATURES, key=KEY)
    gradient = jax.jit(jax.grad(objective(MODELS[name]).loss))(model, KEY)
    optimizer = with_unit_columns(optax.adam(1e-2))
    weights, gradient = (nnx.to_pure_dict(nnx.state(m, nnx.Param)) for m in (model, gradient))
    _, memory = optimizer.update(gradient, optimizer.init(weights), weights)
    model.b_enc[...] = model.b_enc[...].at[DEAD].set(-100.0)
    return model, memory


@pytest.mark.parametrize("name", ["relu", "gated", "jump_relu"])
def test_refresh_revives_the_dead_and_leaves_the_living(name):
    model, memory = half_dead(name)
    fired = np.asarray(model.encode(jnp.asarray(X)) > 0).any(axis=1)
    assert set(DEAD) <= set(np.flatnonzero(~fired))
    refreshed, forgotten = jax.jit(objective(MODELS[name]).refresh)(
        model, memory, KEY, jnp.int32(20)
    )
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
    refresh = jax.jit(objective(activations=jnp.asarray(x)).refresh)
    refreshed, _ = refresh(model, memory, KEY, jnp.int32(0))
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


def dying(axes=()):
    """A run after its first step, all of whose units but one are dead since then."""
    begun = trained(1, axes)
    dead = xr.DataArray(np.arange(FEATURES) > 0, dims="dictionary_feature")
    return begun.assign(b_enc=begun.b_enc.where(~dead, -10.0))


def alive(models):
    """The share of a ReLU dictionary's units that fire on any sample."""
    gate = models.W_enc.values @ (X - models.b_dec.values[:, None]) + models.b_enc.values[:, None]
    return (gate > 0).any(axis=1).mean()


def assert_same(ours, theirs):
    for name in ("W_dec", "W_enc", "b_enc", "b_dec", "loss"):
        xr.testing.assert_equal(ours[name], theirs[name])


def test_the_dead_are_revived_in_training_and_by_refreshes_only():
    run = partial(trained, start=dying())
    assert alive(run(48)) == pytest.approx(0.1)
    assert alive(run(19, refreshes=[20])) == 1
    assert alive(run(59, refreshes=REFRESHES)) > 0.8


def test_what_is_recorded_on_the_way_does_not_change_a_run():
    axes = [Axis("l1", [0.01, 0.1])]
    run = partial(trained, 59, axes, start=dying(axes), refreshes=REFRESHES)
    plain, watched = run(), run(snapshots=(1, 3, 19, 20, 33))
    assert_same(plain, watched)
    # dead units move by a refresh only, which comes before the snapshot of its step
    moved = np.abs(watched.W_dec_history.diff("snapshot")).isel(dictionary_feature=slice(1, None))
    moved = moved.max(["activation", "dictionary_feature"])
    assert (moved.sel(snapshot=[3, 19]) < 0.1).all()  # Adam's momentum of the first step
    assert (moved.sel(snapshot=20) > 0.5).all()


@pytest.mark.parametrize("stop", [19, 20, 35, 50])
def test_a_run_goes_on_with_its_refreshes_as_if_uninterrupted(stop):
    start = dying()
    whole = trained(59, start=start, refreshes=REFRESHES)
    before, after = ([s for s in REFRESHES if (s <= stop) == early] for early in (True, False))
    begun = trained(stop - 1, start=start, refreshes=before)
    assert_same(trained(60 - stop, start=begun, refreshes=after), whole)


def test_a_member_of_a_grid_is_the_same_trained_alone():
    grid = trained(50, [Axis("l1", [0.01, 0.1, 0.3]), Axis.seeds(2)])
    alone = trained(50, [Axis("l1", [0.1]), Axis.seeds([1])])
    np.testing.assert_allclose(
        alone.W_dec.squeeze(), grid.W_dec.sel(l1=0.1, seed=1), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(("steps", "expected"), [(600, [100, 200, 300]), (4, [1, 2]), (1, [])])
def test_dead_units_are_resampled_evenly_in_the_first_half(steps, expected):
    assert list(resample_dead_units(steps)) == expected
    trained(steps, refreshes=resample_dead_units(steps))


def test_units_are_resampled_as_often_as_asked():
    assert resample_dead_units(1000, times=5) == (100, 200, 300, 400, 500)


@pytest.mark.parametrize("step", [0, 101])
def test_refreshes_lie_within_the_run(step):
    with pytest.raises(ValueError, match=rf"refreshes must be steps from 1 to 100; got \[{step}\]"):
        trained(refreshes=[step])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_activations_that_are_not_finite_are_refused(bad):
    x = X.copy()
    x[1, 2] = x[3, 4] = bad
    with pytest.raises(ValueError, match=f"activations must be finite; 2 of {X.size} are not"):
        objective(activations=jnp.asarray(x))
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


def test_a_penalty_follows_its_schedule():
    """The step of a warm-up has its own l1; the test loss has the last one."""
    warmup = optax.linear_schedule(0.0, 1.0, 10)
    sgd = with_unit_columns(optax.sgd(1e-2))

    def scheduled(activations):
        return objective(l1=warmup, activations=activations), sgd

    found = train(scheduled, [], 10, key=KEY, data={"activations": X})

    def by_hand(step, start):
        def problem(activations, l1):
            return objective(l1=l1, activations=activations), sgd

        data = {"activations": X, "l1": warmup(step)}
        return train(problem, [], 1, key=KEY, data=data, start=start)

    stepwise = None
    for step in range(10):
        stepwise = by_hand(step, stepwise)
    np.testing.assert_allclose(found.W_dec, stepwise.W_dec, atol=1e-5)
    model = to_model(found, ReluDictionary(D, FEATURES, key=KEY))
    at_the_end = objective(l1=1.0, activations=jnp.asarray(X)).test_loss(model, KEY)
    assert float(found.loss) == pytest.approx(float(at_the_end), rel=1e-5)
    with pytest.raises(ValueError, match=r"l1 is a schedule: evaluate objective.at_step\(step\)"):
        objective(l1=warmup, activations=jnp.asarray(X)).test_loss(model, KEY)
    with pytest.raises(ValueError, match="l1 must lie in"):
        objective(l1=optax.linear_schedule(-1.0, 1.0, 10), activations=jnp.asarray(X))


@pytest.mark.parametrize("l1", [0.1, optax.linear_schedule(0.0, 0.1, 10)])
def test_a_penalty_without_effect_is_refused(l1):
    with pytest.raises(ValueError, match="l1 has no effect on a TopKDictionary"):
        objective(MODELS["topk"], l1).init(KEY)


@pytest.mark.parametrize("name", ["relu", "gated", "jump_relu"])
def test_fewer_features_fire_as_their_penalty_rises(name):
    """At the defaults of each dictionary; of TopK k decides, which is tested with the model."""
    directions = unit_columns(jax.random.normal(KEY, (16, 32)))
    features = SparseFeatures(32, sparsity=0.95)
    x = directions @ features.sample_active(jax.random.key(1), 4096)
    # the penalty of JumpReLU is a number of features, that of the others a sum of their values
    coefficients = [0.003, 0.03, 0.3] if name == "jump_relu" else [0.01, 0.1, 1.0]

    def problem(activations, l1):
        build = lambda key: MODELS[name](16, 64, key=key)  # noqa: E731
        return SparseDictionary(build, activations, l1, batch_size=256), with_unit_columns(
            optax.adam(3e-3)
        )

    data = {"activations": x}
    found = train(problem, [Axis("l1", coefficients)], 500, key=KEY, data=data)
    models = to_model(found, MODELS[name](16, 64, key=KEY))
    codes = jax.jit(jax.vmap(lambda model: model.encode(x)))(models)
    l0 = np.sum(codes > 0, axis=1).mean(axis=1)
    assert l0[0] > 1.2 * l0[1] > 1.2**2 * l0[2]
