"""Ensembles: every member is what it would be alone, wherever and with whomever it is trained."""

from itertools import pairwise
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr
from flax import nnx

from toymodels import (
    Axis,
    Probe,
    Reconstruction,
    ReluOutput,
    SparseFeatures,
    TrainingDiverged,
    best_of,
    train,
)
from toymodels.engine import axes

KEY = jax.random.key(0)
DEVICES = jax.local_devices()
N, M, STEPS = 5, 2, 100


def assert_close(ours, theirs, tolerance=1e-5):
    """Assert that two Datasets have the same parameters and losses, within the promised 1e-5."""
    for name in ("W", "b", "loss", "loss_history"):
        assert ours[name].dims == theirs[name].dims
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=tolerance, err_msg=name)


# --- members of a real problem --------------------------------------------------------------------

SPARSITIES = np.array([0.0, 0.5, 0.7, 0.9, 0.99])
RATES = np.array([1e-3, 1e-2])


def autoencoder(features, learning_rate):
    objective = Reconstruction(
        features, lambda key: ReluOutput(N, M, key=key), batch_size=64, test_samples=256
    )
    return objective, optax.adamw(learning_rate, weight_decay=1e-2)


def problem(sparsity, learning_rate):
    return autoencoder(SparseFeatures(N, sparsity=sparsity), learning_rate)


GRID = [Axis("sparsity", SPARSITIES), Axis("learning_rate", RATES), Axis.seeds(2)]


@pytest.fixture(scope="module")
def grid():
    """The whole grid, on one device."""
    return train(problem, GRID, STEPS, key=KEY, devices=DEVICES[:1])


def test_training_goes_somewhere(grid):
    """So that agreement means something: the members have moved, and apart from each other."""
    first, last = grid.loss_history[..., :2], grid.loss_history[..., -2:]
    assert last.mean() < first.mean()
    for dim in ("sparsity", "learning_rate", "seed"):
        assert (np.abs(grid.W.diff(dim)).max(["hidden", "feature"]) > 0.01).all()


def test_devices_agree(grid):
    assert_close(train(problem, GRID, STEPS, key=KEY, devices=DEVICES), grid)


@pytest.mark.parametrize("point", [(0, 1, 1), (3, 0, 0)])
def test_a_member_is_the_point_trained_alone(grid, point):
    sparsity, rate, seed = point
    alone = train(
        lambda: problem(float(SPARSITIES[sparsity]), float(RATES[rate])),
        [Axis.seeds([seed])],
        STEPS,
        key=KEY,
    )
    assert_close(alone, grid.isel(sparsity=sparsity, learning_rate=rate, seed=[seed]))


def test_seeds_agree_wherever_they_are_trained(grid):
    # two seeds a device: seed 1 is on the second, and 0 on the third
    given = [Axis("sparsity", SPARSITIES[:2]), Axis.seeds([5, 6, 1, 7, 0])]
    found = train(lambda sparsity: problem(sparsity, 1e-2), given, STEPS, key=KEY, devices=DEVICES)
    assert_close(found.sel(seed=[0, 1]), grid.isel(sparsity=[0, 1], learning_rate=1))


def test_values_can_be_any_pytree(grid):
    p = np.stack([np.full(N, 0.5), np.linspace(0.1, 0.9, N)]).astype(np.float32)
    values = {"probability": p, "importance": np.stack([np.ones(N), 0.9 ** np.arange(N)])}
    found = train(
        lambda data: autoencoder(SparseFeatures(N, **data), 1e-2),
        [Axis("data", ["even", "uneven"], values), Axis.seeds(2)],
        STEPS,
        key=KEY,
    )
    assert found.data.values.tolist() == ["even", "uneven"]
    even = grid.sel(sparsity=0.5).isel(learning_rate=1)
    assert_close(found.sel(data="even"), even)
    assert (np.abs(found.W.sel(data="uneven") - even.W).max(["hidden", "feature"]) > 0.01).all()


def test_the_loss_is_the_expected_loss_of_the_final_weights(grid):
    random, samples = np.random.default_rng(0), 2**16
    u, active = random.random((2, N, samples))
    for (i, j, k), loss in np.ndenumerate(grid.loss):
        W, b = (np.asarray(grid[name][i, j, k], float) for name in ("W", "b"))
        x = u * (active >= SPARSITIES[i])
        losses = np.square(x - np.maximum(W.T @ W @ x + b[:, None], 0)).sum(axis=0)
        # the noise of the 256 test samples is at most that of plain ones
        error = losses.std() * np.sqrt(1 / 256 + 1 / samples)
        assert abs(loss - losses.mean()) < 5 * error


# --- which numbers are shared ---------------------------------------------------------------------


class Point(nnx.Module):
    """A number drawn at the start, and a place given by the axis value."""

    dims: ClassVar = {"place": ("coordinate",)}

    def __init__(self, key, position):
        # JAX's split(key)[i] is its fold_in(key, i): a stream of keys must not be another's branch
        self.drawn = nnx.Param(jax.random.uniform(jax.random.split(key)[1]))
        self.place = nnx.Param(jnp.stack([position, -position]))


class Echo:
    """Its losses are the numbers drawn for each batch; nothing is trained."""

    def __init__(self, position):
        self.position = position

    def init(self, key):
        return Point(key, self.position)

    def loss(self, model, key):
        return jax.random.uniform(key) + 0 * model.place[0]

    test_loss = loss


def echo(position=0.0):
    return Echo(jnp.asarray(position)), optax.sgd(0.0)


def spans(array, dim):
    """Tell whether an array is the same all along a dimension; False if it never is."""
    same = (array == array.isel({dim: 0})).drop_isel({dim: 0})
    assert same.all() or not same.any()
    return bool(same.all())


POSITIONS = Axis("position", [0.5, 1.0, 2.0])


def test_draws_are_shared_along_every_axis_but_the_seeds():
    found = train(echo, [POSITIONS, Axis.seeds(4)], 5, key=KEY)
    for drawn in (found.loss_history, found.drawn):
        assert spans(drawn, "position")
        assert not spans(drawn, "seed")
    # the test set is one for all
    assert len(np.unique(found.loss)) == 1
    # no two batches, and neither batch nor start nor test set, are drawn alike
    numbers = [found.loss_history[0], found.drawn[0], found.loss[0, 0]]
    assert len(np.unique(np.concatenate([np.ravel(some) for some in numbers]))) == 4 * 5 + 4 + 1


def test_seeds_can_share_their_batches():
    found = train(echo, [POSITIONS, Axis.seeds(4, shared_batches=True)], 5, key=KEY)
    assert spans(found.loss_history, "seed")
    assert spans(found.loss_history, "position")
    assert not spans(found.loss_history, "step")
    assert not spans(found.drawn, "seed")
    assert spans(found.drawn, "position")


def test_draws_depend_on_the_key_and_the_seed_alone():
    many = train(echo, [Axis.seeds(4)], 3, key=KEY)
    few = train(echo, [Axis.seeds([3, 1])], 3, key=KEY)
    other = train(echo, [Axis.seeds(4)], 3, key=jax.random.key(1))
    for name in ("loss_history", "drawn", "loss"):
        np.testing.assert_array_equal(few[name], many[name].sel(seed=[3, 1]))
        assert (other[name] != many[name]).all()


def test_keys_can_be_values():
    keys = Axis("placed", [0, 1, 2], jax.random.split(KEY, 3))
    found = train(lambda placed: echo(jax.random.uniform(placed)), [keys], 1, key=KEY)
    expected = [float(jax.random.uniform(key)) for key in keys.values]
    assert found.place[:, 0].values.tolist() == pytest.approx(expected)


# --- the Dataset ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [("position", "seed"), ("seed", "position")])
def test_the_dataset_names_everything(order):
    given = {"position": POSITIONS, "seed": Axis.seeds([7, 3])}
    found = train(echo, [given[name] for name in order], 250, key=KEY, snapshots=(33, 0, 250))
    dims = {
        "loss": order,
        "loss_history": (*order, "step"),
        "drawn": order,
        "drawn_history": (*order, "snapshot"),
        "place": (*order, "coordinate"),
        "place_history": (*order, "snapshot", "coordinate"),
    }
    assert {name: variable.dims for name, variable in found.items()} == dims
    assert {variable.dtype for variable in found.values()} == {np.dtype("float32")}
    assert found.seed.values.tolist() == [7, 3]
    assert found.position.values.tolist() == [0.5, 1.0, 2.0]
    assert found.coordinate.values.tolist() == [0, 1]
    assert found.snapshot.values.tolist() == [0, 33, 250]
    assert found.step[-1] == 250
    assert 33 in found.step
    assert len(found.step) == 26  # every tenth, and the snapshot's
    assert (found.place.isel(coordinate=0) == found.position).all()
    assert (found.place_history.isel(coordinate=1) == -found.position).all()


def test_without_axes_there_is_one_model():
    found = train(echo, [], 3, key=KEY)
    assert dict(found.sizes) == {"step": 3, "coordinate": 2}
    assert found.loss.dims == found.drawn.dims == ()


def lengths(objective, model, key):
    """Measure W's columns, and a number of the objective's and of the probe's key."""
    return {
        "length": jnp.sqrt(jnp.sum(model.W[...] ** 2, axis=0)),
        "measured_loss": objective.test_loss(model, key),
    }


def measured():
    features = SparseFeatures(5, sparsity=0.5)
    objective = Reconstruction(features, lambda key: ReluOutput(5, 2, key=key), 32, 64)
    return objective, optax.adam(1e-2)


DIMS = {"length": ("feature",), "measured_loss": ()}


def test_a_probe_measures_every_member_at_its_steps():
    probe = Probe(lengths, DIMS, steps=(0, 7, 20))
    found = train(measured, [Axis.seeds(2)], 20, key=KEY, probe=probe, snapshots=(7, 20))
    assert found.length.dims == ("seed", "probed", "feature")
    assert found.measured_loss.dims == ("seed", "probed")
    assert found.probed.values.tolist() == [0, 7, 20]
    W = found.W_history.sel(snapshot=[7, 20])
    expected = np.sqrt((W.values**2).sum(axis=-2))
    np.testing.assert_allclose(found.length.sel(probed=[7, 20]), expected, rtol=1e-6)
    losses = found.measured_loss
    assert (losses.sel(probed=20) < losses.sel(probed=0)).all()
    with pytest.raises(
        ValueError, match=r"the probe's steps must be steps from 0 to 20; got \[21\]"
    ):
        train(measured, [], 20, key=KEY, probe=Probe(lengths, DIMS, steps=(21,)))


def test_a_probe_without_steps_measures_once_at_the_end():
    once = train(measured, [Axis.seeds(2)], 20, key=KEY, probe=Probe(lengths, DIMS))
    last = train(measured, [Axis.seeds(2)], 20, key=KEY, probe=Probe(lengths, DIMS, steps=[20]))
    xr.testing.assert_identical(once, last.isel(probed=0, drop=True))


def test_products_are_taken_in_true_float32():
    """Look at the traced step: accelerators would shorten float32 factors by default."""
    seen = []

    class Watched(Reconstruction):
        def loss(self, model, key):
            seen.append(jax.config.jax_default_matmul_precision)
            return super().loss(model, key)

    def problem():
        features = SparseFeatures(3, sparsity=0.5)
        return Watched(features, lambda key: ReluOutput(3, 2, key=key), 8, 8), optax.adam(1e-2)

    train(problem, [], 1, key=KEY)
    assert set(seen) == {"highest"}


def test_parameters_without_names_for_their_dims_get_some():
    class Nameless(Echo):
        def init(self, key):
            return nnx.Dict(
                inner=nnx.Dict(w=nnx.Param(jnp.zeros((2, 3)))), place=nnx.Param(jnp.zeros(1))
            )

        def loss(self, model, key):
            return model.inner.w[0, 0] + model.place[0]

        test_loss = loss

    found = train(lambda: (Nameless(0), optax.sgd(1.0)), [Axis.seeds(2)], 1, key=KEY)
    assert found.inner_w.dims == ("seed", "inner_w_0", "inner_w_1")
    assert found.inner_w[:, 0, 0].values.tolist() == [-1, -1]


class Growth(Echo):
    """L = w^2 / 2 with w = 1 at first: under gradient descent at rate -2, w = 3^step."""

    def init(self, key):
        return Point(key, jnp.ones(()))

    def loss(self, model, key):
        return model.place[0] ** 2 / 2

    test_loss = loss


def growth(rate):
    return Growth(0), optax.sgd(rate)


def test_records_and_snapshots_are_those_of_their_steps():
    rates = np.array([0.5, 1.5])
    found = train(growth, [Axis("rate", rates)], 300, key=KEY, snapshots=(1, 4))
    w = (1 - rates[:, None]) ** np.arange(301)
    np.testing.assert_allclose(found.place_history[:, :, 0], w[:, [1, 4]], rtol=1e-6)
    steps = [0, *found.step.values]
    assert {1, 4} < set(steps)
    expected = [(w[:, i:j] ** 2 / 2).mean(axis=1) for i, j in pairwise(steps)]
    np.testing.assert_allclose(found.loss_history, np.transpose(expected), rtol=1e-5, atol=1e-30)


# --- how the work is spread -----------------------------------------------------------------------


SPREADS = [((5, 2, 3), 1, 50), ((5, 2, 3), 2, 50), ((5, 2, 3), 3, 1), ((1, 4, 1), 3, 1)]


@pytest.mark.parametrize(("sizes", "count", "room"), SPREADS)
def test_spreading_changes_nothing(monkeypatch, sizes, count, room):
    def problem(a, b):
        return echo(10 * a + b["leaf"][0])

    a, b, s = (np.arange(size, dtype=np.float32) for size in sizes)
    given = [Axis("a", a), Axis("b", b, {"leaf": np.stack([b, b], axis=1)}), Axis.seeds(len(s))]
    whole = train(problem, given, 2, key=KEY, devices=DEVICES[:1])
    expected = np.broadcast_to((10 * a[:, None] + b)[..., None], sizes)
    np.testing.assert_array_equal(whole.place[..., 0], expected)
    monkeypatch.setattr(axes, "CPU_BYTES", room)
    xr.testing.assert_equal(train(problem, given, 2, key=KEY, devices=DEVICES[:count]), whole)


# --- when things go wrong -------------------------------------------------------------------------


def checked(**values):
    """Refuse values outside [0, 1], as the constructors of distributions do."""
    SparseFeatures(N, sparsity=values.get("sparsity", 0), importance=values.get("importance", 0))
    return echo()


@pytest.mark.parametrize("wrong", [1.25, -0.5, np.nan])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_value_out_of_range_is_named_before_training(wrong, place):
    sparsities = np.insert([0.1, 0.5], place, wrong)
    given = [Axis("importance", [0.5, 1.0]), Axis("sparsity", sparsities), Axis.seeds(2)]
    with pytest.raises(ValueError, match=rf"sparsity must lie in \[0, 1\]; got {wrong}"):
        train(checked, given, 10, key=KEY, report=lambda *_: pytest.fail("training began"))


AXES = {
    "repeated names": ([POSITIONS, POSITIONS], "two axes or data have the same name: position"),
    "two seed axes": (
        [Axis.seeds(2), Axis.seeds([5])],
        "two axes or data have the same name: seed",
    ),
    "a name of the results": ([Axis("step", [1, 2])], "no axis may have the name step"),
    "a parameter's name": ([Axis("drawn", [1, 2])], "have the name drawn"),
    "a parameter's dimension": ([Axis("coordinate", [1, 2])], "have the name coordinate"),
    "a history's name": ([Axis("place_history", [1, 2])], "have the name place_history"),
}


@pytest.mark.parametrize(("given", "message"), AXES.values(), ids=AXES.keys())
def test_axes_need_names_of_their_own(given, message):
    def any_echo(**values):
        return echo()

    with pytest.raises(ValueError, match=message):
        train(any_echo, given, 10, key=KEY, report=lambda *_: pytest.fail("training began"))


@pytest.mark.parametrize("steps", [0, -1])
def test_steps_are_counted(steps):
    with pytest.raises(
        ValueError, match=f"steps must be a whole number of at least 1; got {steps}"
    ):
        train(lambda: checked(), [], steps, key=KEY)


def test_an_axis_is_checked_when_it_is_made():
    with pytest.raises(ValueError, match=r"'a' has repeated labels: .*0.5"):
        Axis("a", [0.5, 0.1, 0.5])
    with pytest.raises(ValueError, match="'seed' has repeated labels"):
        Axis.seeds([1, 1])
    for labels in ([], [[1, 2]], 1.0):
        with pytest.raises(ValueError, match="'a' needs a one-dimensional list of labels"):
            Axis("a", np.array(labels))
    for seeds, message in {
        0: "number of seeds must be a whole number of at least 1; got 0",
        10**10: "number of seeds must be at most 16,777,216; got 10,000,000,000",
        (): "'seed' needs a one-dimensional list of labels",
        (2**40,): "a seed must be at most",
    }.items():
        with pytest.raises(ValueError, match=message):
            Axis.seeds(seeds)
    with pytest.raises(ValueError, match="'a' has labels that are not numbers: give it values"):
        Axis("a", ["calm", "wild"])
    for values in ([1.0, 2.0, 3.0], {"x": np.ones((2, 3)), "y": np.ones(3)}, np.float32(1)):
        with pytest.raises(ValueError, match="the values of axis 'a' needs size 2 first"):
            Axis("a", [0, 1], jax.tree.map(np.asarray, values))


# w^2 / 2 = 9^step / 2 leaves float32 at step 41; the other rates shrink w
GROWTHS = Axis("rate", [0.5, -2.0, 1.0])


def test_divergence_is_named():
    for order in ([GROWTHS, Axis.seeds([4, 9])], [Axis.seeds([4, 9]), GROWTHS]):
        with pytest.raises(TrainingDiverged, match=r"step 41: loss inf at seed=4, rate=-2\.0$"):
            train(growth, order, 1000, key=KEY, diverged="raise")


def test_a_member_that_diverges_leaves_the_others_as_they_are():
    axes = [GROWTHS, Axis.seeds([4, 9])]
    with pytest.warns(UserWarning, match=r"diverged, and NaN in the result: seed=4, rate=-2\.0"):
        found = train(growth, axes, 100, key=KEY, snapshots=(20, 100))
    assert found.diverged == "seed=4, rate=-2.0 at step 41; seed=9, rate=-2.0 at step 41"
    lost = found.sel(rate=-2.0)
    assert np.isnan(lost.loss).all() and np.isnan(lost.place).all()
    assert np.isfinite(lost.place_history.sel(snapshot=20)).all()
    kept = {"rate": [0.5, 1.0]}
    alone = train(growth, [Axis("rate", [0.5, 1.0]), Axis.seeds([4, 9])], 100, key=KEY)
    for name in ("loss", "place"):
        np.testing.assert_array_equal(found[name].sel(kept), alone[name])
    best = best_of(found, dim=("rate", "seed"))
    assert best.loss == alone.loss.min()
    assert np.isnan(best_of(found).loss.sel(rate=-2.0))
    with pytest.warns(UserWarning, match="seed=9, rate=-2.0"):  # it stays lost
        longer = train(growth, axes, 5, key=KEY, start=found)
    assert np.isnan(longer.loss.sel(rate=-2.0)).all()


def test_divergence_in_the_last_update_is_found():
    assert np.isfinite(train(lambda: growth(-2.0), [], 40, key=KEY).loss)
    with pytest.raises(TrainingDiverged, match=r"step 41: loss inf$"):
        train(lambda: growth(-2.0), [], 41, key=KEY)


def test_not_a_number_is_named_with_any_label():
    class Root(Growth):
        def loss(self, model, key):
            return jnp.sqrt(model.place[0])

        test_loss = loss

    # the root of 1 - 0.8 / 2, then of a negative number
    kinds = Axis("kind", ["calm", "wild"], np.array([0.1, 0.8], np.float32))
    with pytest.raises(TrainingDiverged, match=r"step 2: loss nan at kind=wild$"):
        train(lambda kind: (Root(0), optax.sgd(2 * kind)), [kinds], 2, key=KEY, diverged="raise")
