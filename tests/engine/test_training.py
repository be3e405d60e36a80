"""A training is the same however it is cut, recorded, refreshed, interrupted and resumed."""

import re
import textwrap
from pathlib import Path

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
    even_steps,
    log_steps,
    train,
)
from toymodels.engine import training

KEY, STEPS, SEEDS = jax.random.key(0), 40, Axis.seeds([7, 3])


class Walker(nnx.Module):
    """Two trained numbers, one that no loss depends on, and two fixed ones."""

    def __init__(self):
        self.used, self.unused = nnx.Param(jnp.ones(2)), nnx.Param(jnp.ones(()))
        self.fixed, self.index = nnx.Variable(jnp.full(2, 3.0)), nnx.Variable(jnp.arange(2))


class Walk:
    """L = (w . fixed)^2 / 2, whose gradient reaches w and fixed alike."""

    def init(self, key):
        return Walker()

    def loss(self, model, key):
        return jnp.dot(model.used[model.index[...]], model.fixed[...]) ** 2 / 2

    test_loss = loss


class Refreshed(Walk):
    """Moves a parameter by what the key and the step say, and resets the optimizer's state."""

    def refresh(self, model, optimizer_state, key, step):
        model = jax.tree.map(lambda x: x, model)
        model.unused[...] = model.unused[...] + jax.random.uniform(key) + 10 * step
        return model, jax.tree.map(jnp.zeros_like, optimizer_state)


def autoencoder():
    features = SparseFeatures(5, sparsity=0.7)
    objective = Reconstruction(features, lambda key: ReluOutput(5, 2, key=key), 16, 32)
    return objective, optax.adamw(1e-2, weight_decay=1e-2)


def refreshed():
    return Refreshed(), optax.adam(0.1)


KINDS = {"plain": (autoencoder, ()), "refreshed": (refreshed, (4, 25))}


def run(kind="plain", steps=STEPS, **options):
    problem, refreshes = KINDS[kind]
    refreshes = [step for step in refreshes if step <= steps]
    return train(problem, [SEEDS], steps, key=KEY, refreshes=refreshes, **options)


def assert_same_end(ours, theirs):
    """Assert that weights, optimizer state and test loss have the same bits."""
    kept = [name for name, v in theirs.items() if not {"step", "snapshot"} & set(v.dims)]
    xr.testing.assert_equal(ours[kept], theirs[kept])


@pytest.fixture(params=[0, np.inf], ids=["short chunks", "long chunks"])
def chunks(request, monkeypatch):
    monkeypatch.setattr(training, "SECONDS_A_CHUNK", request.param)


class MemoryStore:
    """A store that outlives nothing but an exception."""

    def __init__(self):
        self.arrays, self.saves = None, 0

    def load(self):
        return self.arrays

    def save(self, arrays):
        self.arrays = {name: np.array(array) for name, array in arrays.items()}
        self.saves += 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [[13], range(STEPS + 1)], ids=["once", "each"])
def test_a_cut_run_is_the_uncut_one(kind, cut):
    assert_same_end(run(kind, snapshots=cut), run(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_is_where_a_shorter_run_ends(kind):
    name = "W" if kind == "plain" else "unused"
    found = run(kind, snapshots=(3, 17))[f"{name}_history"]
    for step in (3, 17):
        expected = run(kind, steps=step)[name]
        np.testing.assert_array_equal(found.sel(snapshot=step), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("stop", [9, STEPS])
@pytest.mark.usefixtures("chunks")
def test_a_resumed_run_is_the_uninterrupted_one(monkeypatch, kind, error, stop):
    # Ctrl-C saves where the run stands; whatever else ends it, it goes on from the last save
    by_hand = error is KeyboardInterrupt
    monkeypatch.setattr(training, "SECONDS_BETWEEN_SAVES", np.inf if by_hand else -1)
    store, reports = MemoryStore(), []
    options = {"snapshots": (0, 9, 30), "store": store}

    def interrupt(step, steps, _loss):
        assert steps == STEPS
        if step == stop:
            raise error

    with pytest.raises(error):
        run(kind, report=interrupt, **options)
    saved = int(store.arrays["step"]) if store.arrays else 0
    resumed = run(kind, report=lambda *seen: reports.append(seen), **options)
    whole = run(kind, snapshots=(0, 9, 30))
    xr.testing.assert_identical(resumed, whole)
    assert saved < stop
    assert [step for step, _, _ in reports] == [step for step in whole.step.values if step > saved]
    for step, _, loss in reports:
        xr.testing.assert_equal(loss, whole.loss_history.sel(step=step, drop=True))


def test_an_interrupt_while_the_state_is_saved_loses_nothing(monkeypatch):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_SAVES", -1)

    class Interrupted(MemoryStore):
        def save(self, arrays):
            super().save(arrays)
            if self.saves == 3:
                raise KeyboardInterrupt

    store = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        run(store=store, snapshots=(5,))
    xr.testing.assert_identical(run(store=store, snapshots=(5,)), run(snapshots=(5,)))


def test_a_finished_run_takes_no_more_steps(monkeypatch):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_SAVES", np.inf)
    store = MemoryStore()
    first = run(store=store)
    assert store.saves == 1  # at the end only
    again = run(store=store, report=lambda *_: pytest.fail("the run was finished"))
    xr.testing.assert_identical(again, first)


def test_a_diverged_state_is_not_stored(monkeypatch):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_SAVES", -1)
    store = MemoryStore()
    with pytest.raises(TrainingDiverged):
        train(lambda: (Walk(), optax.sgd(-1.0)), [], 100, key=KEY, store=store)
    assert all(np.isfinite(array).all() for array in store.arrays.values())


# --- what is trained ------------------------------------------------------------------------------


def test_only_parameters_are_trained():
    found = train(lambda: (Walk(), optax.sgd(0.01)), [], 10, key=KEY)
    # w . fixed =: s goes to s (1 - 0.01 |fixed|^2) = 0.82 s, from s = 6
    assert float(found.used.sum()) * 3 == pytest.approx(6 * 0.82**10)
    assert found["fixed.fixed"].values.tolist() == [3, 3]
    assert found["fixed.index"].values.tolist() == [0, 1]
    assert found.unused == 1


def test_only_parameters_decay():
    found = train(lambda: (Walk(), optax.adamw(0.1, weight_decay=0.5)), [], 10, key=KEY)
    assert float(found.unused) == pytest.approx((1 - 0.1 * 0.5) ** 10)
    assert found["fixed.fixed"].values.tolist() == [3, 3]
    assert not {"optimizer.0.mu.fixed", "optimizer.0.mu.index"} & set(found)


def test_refresh_is_called_after_the_steps_asked_for():
    found = {steps: run("refreshed", steps=steps).isel(seed=0) for steps in (3, 4, 25)}
    plain = train(lambda: (Walk(), optax.adam(0.1)), [SEEDS], 4, key=KEY).isel(seed=0)
    assert found[3].unused == 1
    np.testing.assert_array_equal(found[4].used, plain.used)
    assert found[4]["optimizer.0.count"] == 0
    moved = [float(found[4].unused) - 1 - 40, float(found[25].unused - found[4].unused) - 250]
    assert all(0 <= shift < 1 for shift in moved)
    assert moved[0] != pytest.approx(moved[1], abs=1e-3)  # each refresh has a key of its own


def test_refreshes_need_an_objective_that_has_them():
    with pytest.raises(
        ValueError, match="need an objective with a method refresh, which Walk lacks"
    ):
        train(lambda: (Walk(), optax.sgd(0.01)), [], 10, key=KEY, refreshes=(5,))


def test_refresh_has_a_key_that_no_batch_has():
    seen = []

    def see(key):
        jax.debug.callback(lambda data: seen.append(tuple(data.tolist())), jax.random.key_data(key))

    class Watched(Walk):
        def loss(self, model, key):
            see(key)
            return super().loss(model, key)

        def refresh(self, model, optimizer_state, key, step):
            see(key)
            return model, optimizer_state

        def test_loss(self, model, key):
            return super().loss(model, key)

    train(lambda: (Watched(), optax.sgd(0.01)), [], 10, key=KEY, refreshes=range(1, 11))
    jax.effects_barrier()
    assert len(seen) == len(set(seen)) == 20


# --- reports, and the end before the last step ----------------------------------------------------


@pytest.mark.usefixtures("chunks")
def test_a_report_that_returns_true_ends_the_training():
    probe = Probe(lambda objective, model, key: {"size": jnp.sum(model.W[...] ** 2)}, {"size": ()})
    found = run(report=lambda step, *_: step >= 12, probe=probe, snapshots=(4, 20))
    assert found.attrs == {"steps": 12, "incomplete": "stopped by report after 12 of 40 steps"}
    assert found.step.values.tolist() == [4, 8, 12]
    assert found.snapshot.values.tolist() == [4]
    np.testing.assert_allclose(found["size"], (found.W**2).sum(["hidden", "feature"]), rtol=1e-5)
    assert_same_end(run(steps=STEPS - 12, start=found.drop_vars("size")), run())
    assert run(report=lambda step, *_: step == STEPS).attrs == {"steps": STEPS}


@pytest.mark.usefixtures("chunks")
def test_a_run_that_a_report_ended_is_not_ended_by_a_later_divergence():
    def grows():
        return Walk(), optax.sgd(-1.0)

    found = train(grows, [], 100, key=KEY, report=lambda step, *_: step >= 10)
    xr.testing.assert_equal(found.used, train(grows, [], 10, key=KEY).used)
    with pytest.raises(TrainingDiverged):
        train(grows, [], 100, key=KEY)


def interrupt(step, _steps, _loss):
    if step >= 16:
        raise KeyboardInterrupt


@pytest.mark.usefixtures("chunks")
def test_ctrl_c_returns_the_chunks_that_are_done():
    with pytest.warns(UserWarning, match=r"interrupted after \d+ of 40 steps"):
        found = run(report=interrupt)
    steps = found.attrs["steps"]
    assert 4 <= steps < 16
    assert found.attrs["incomplete"] == f"interrupted after {steps} of 40 steps"
    assert found.step[-1] == steps
    assert_same_end(run(steps=STEPS - steps, start=found), run())


def test_ctrl_c_before_the_first_step_is_an_exception():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(interrupted, [], STEPS, key=KEY)


LIBRARY = (Path(__file__).parents[2] / "docs" / "library.md").read_text()


@pytest.mark.parametrize("page", [train.__doc__, LIBRARY], ids=["docstring", "page"])
def test_the_documented_plateau_ends_a_training(page):
    (lines,) = re.findall(r"^ *losses = \[\]\n.*?inf.*?\n", page, re.MULTILINE | re.DOTALL)
    example = {}
    exec(textwrap.dedent(lines), example)
    falling = [example["at_a_plateau"](i, 99, xr.DataArray(0.9**i)) for i in range(30)]
    assert not any(falling)
    level = [example["at_a_plateau"](i, 99, xr.DataArray(0.9**30)) for i in range(12)]
    assert level.index(True) in (9, 10, 11)


# --- schedules ------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 7, 4000])
@pytest.mark.parametrize("count", [1, 3, 100])
def test_schedules_are_as_even_as_whole_numbers_can_be(steps, count):
    even, log = even_steps(steps, count), log_steps(steps, count)
    assert len(even) == min(steps, count)
    assert log[0] == 0 and len(log) <= count + 1
    ideals = steps * np.arange(1, count + 1) / count, np.geomspace(steps, 1, count)
    for found, ideal in zip((even, log[1:]), ideals, strict=True):
        assert list(found) == sorted(set(found))
        assert 1 <= found[0] <= found[-1] == steps
        assert all(np.abs(ideal - step).min() <= 0.5 for step in found)
        assert found is even or all(np.abs(np.array(found) - step).min() <= 0.5 for step in ideal)
