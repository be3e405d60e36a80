"""One member's training: however it is cut, interrupted or watched, it is the same."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from toymodels import Reconstruction, ReluOutput, SparseFeatures, even_steps, log_steps
from toymodels.engine import training
from toymodels.engine.training import (
    NEVER,
    Recorder,
    advance,
    read_parameters,
    run_chunks,
    start,
)

KEY = jax.random.key(0)
STEPS = 30
CUTS = {"whole": [30], "in halves": [15, 30], "unevenly": [1, 2, 9, 29, 30], "each": range(1, 31)}


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def assert_same(a, b):
    """Assert that two trees have the same bits."""
    for ours, theirs in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


def compiled(objective, optimizer, refreshes=()):
    """Return a member's first state, and its chunk as (state, begin, end) -> Chunk."""
    step = jax.jit(partial(advance, objective, optimizer))
    return start(objective, optimizer, KEY), lambda state, begin, end: step(
        state, KEY, np.int32(begin), np.int32(end), np.bool_(end in refreshes)
    )


@pytest.fixture(scope="module")
def member():
    objective = Reconstruction(
        SparseFeatures(5, sparsity=0.7), lambda key: ReluOutput(5, 2, key=key), batch_size=64
    )
    return compiled(objective, optax.adamw(1e-2, weight_decay=1e-2))


def recorders(steps):
    """Keep the parameters after these steps."""
    return {"snapshots": Recorder(frozenset(steps), read_parameters)}


class MemoryStore:
    """A store that outlives nothing but an exception."""

    def __init__(self):
        self.arrays, self.saves = None, 0

    def load(self):
        return self.arrays

    def save(self, arrays):
        self.arrays = {name: np.array(array) for name, array in arrays.items()}
        self.saves += 1


def test_training_lowers_the_loss(member):
    state, chunk = member
    run = run_chunks(chunk, state, even_steps(200, 2))
    assert run.losses[1] < run.losses[0] < chunk(state, 0, 1).loss


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_a_cut_run_is_the_uncut_one(member, cut):
    state, chunk = member
    whole, run = chunk(state, 0, STEPS), run_chunks(chunk, state, cut)
    assert_same(run.state, whole.state)
    assert run.step == STEPS
    # each record is the mean over its chunk: weighted by length, they make the whole's mean
    lengths = np.diff([0, *cut])
    assert lengths @ np.array(run.losses) / STEPS == pytest.approx(float(whole.loss), rel=1e-6)


def test_a_record_is_the_mean_loss_of_its_steps(member):
    state, chunk = member
    each = run_chunks(chunk, state, range(1, STEPS + 1)).losses
    parts = run_chunks(chunk, state, [10, STEPS]).losses
    expected = [np.mean(each[:10]), np.mean(each[10:])]
    assert [float(part) for part in parts] == pytest.approx(expected, rel=1e-6)


def test_every_step_has_a_batch_of_its_own(member):
    state, chunk = member
    losses = [float(chunk(state, i, i + 1).loss) for i in range(10)]
    assert len(set(losses)) == 10


BORDERS = [4, 9, 17, 25, STEPS]
SNAPSHOTS = [0, 9, STEPS]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("stop", BORDERS)
def test_a_resumed_run_is_the_uninterrupted_one(member, monkeypatch, error, stop):
    # Ctrl-C saves where the run stands; whatever else ends it, it goes on from the last save
    monkeypatch.setattr(
        training, "SECONDS_BETWEEN_SAVES", np.inf if error is KeyboardInterrupt else -1
    )
    state, chunk = member
    store, reports = MemoryStore(), []

    def interrupt(step, _steps, _loss):
        if step == stop:
            raise error

    with pytest.raises(error):
        run_chunks(
            chunk, state, BORDERS, recorders=recorders(SNAPSHOTS), store=store, report=interrupt
        )
    resumed = run_chunks(
        chunk,
        state,
        BORDERS,
        recorders=recorders(SNAPSHOTS),
        store=store,
        report=lambda step, *_: reports.append(step),
    )
    whole = run_chunks(chunk, state, BORDERS, recorders=recorders(SNAPSHOTS))
    assert_same(resumed.state, whole.state)
    assert_same(resumed.losses, whole.losses)
    assert_same(resumed.kept, whole.kept)
    done = stop if error is KeyboardInterrupt else max([0, *(b for b in BORDERS if b < stop)])
    assert reports == [border for border in BORDERS if border > done]


def test_an_interrupt_finds_the_run_at_one_border_or_the_next(member):
    # while a snapshot is made, neither state nor records may have gone ahead of it
    state, chunk = member
    store, run = MemoryStore(), partial(run_chunks, chunk, state, BORDERS)

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(store=store, recorders={"snapshots": Recorder({9}, interrupt)})
    resumed = run(store=store, recorders=recorders([9]))
    whole = run(recorders=recorders([9]))
    assert_same(resumed.state, whole.state)
    assert_same(resumed.losses, whole.losses)
    assert_same(resumed.kept, whole.kept)


def test_a_finished_run_takes_no_more_steps(member):
    state, chunk = member
    store = MemoryStore()
    first = run_chunks(chunk, state, BORDERS, store=store)

    def refuse(*_):
        pytest.fail("the run was finished")

    again = run_chunks(refuse, state, BORDERS, store=store, report=refuse)
    assert_same(again.state, first.state)
    assert_same(again.losses, first.losses)


def test_a_store_that_is_quick_enough_is_used_at_the_end_only(member, monkeypatch):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_SAVES", np.inf)
    state, chunk = member
    store = MemoryStore()
    run_chunks(chunk, state, BORDERS, store=store)
    assert store.saves == 1
    assert store.arrays["step"] == STEPS


def test_a_snapshot_is_where_a_shorter_run_ends(member):
    state, chunk = member
    steps = [0, 3, 17, STEPS]
    run = run_chunks(chunk, state, [3, 10, 17, STEPS], recorders=recorders(steps))
    assert len(run.kept["snapshots"]) == len(steps)
    assert_same(run.kept["snapshots"][0], training.parameters(state.model)[1])
    for step, snapshot in zip(steps[1:], run.kept["snapshots"][1:], strict=True):
        assert_same(snapshot, training.parameters(run_chunks(chunk, state, [step]).state.model)[1])


class Walker(nnx.Module):
    """Two trained numbers, one of which no loss depends on, and two fixed ones."""

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


def test_only_parameters_are_trained():
    state, chunk = compiled(Walk(), optax.sgd(0.01))
    model = chunk(state, 0, 10).state.model
    # w . fixed =: s goes to s (1 - 0.01 |fixed|^2) = 0.82 s, from s = 6
    assert float(jnp.dot(model.used[...], model.fixed[...])) == pytest.approx(6 * 0.82**10)
    assert model.fixed[...].tolist() == [3, 3]
    assert model.index[...].tolist() == [0, 1]
    assert model.unused[...] == 1


def test_only_parameters_decay():
    state, chunk = compiled(Walk(), optax.adamw(0.1, weight_decay=0.5))
    model = chunk(state, 0, 10).state.model
    assert float(model.unused[...]) == pytest.approx((1 - 0.1 * 0.5) ** 10)
    assert model.fixed[...].tolist() == [3, 3]
    shapes = [leaf.shape for leaf in jax.tree.leaves(state.optimizer_state[0].mu)]
    assert sorted(shapes) == [(), (2,)]  # no memory of what is fixed


class Growth:
    """L = w^2 / 2 with w = 1 at first: under gradient descent at rate -2, w = 3^step."""

    def init(self, key):
        return Walker()

    def loss(self, model, key):
        return model.used[0] ** 2 / 2

    test_loss = loss


def test_the_first_loss_that_is_not_finite_is_kept():
    state, chunk = compiled(Growth(), optax.sgd(-2.0))
    # 9^40 / 2 < 3.4e38 < 9^41: squaring overflows at step 41, and w itself at 3^81
    for begin, end in [(0, 42), (0, 100)]:
        found = chunk(state, begin, end)
        assert (int(found.diverged_at), float(found.diverged_loss)) == (41, np.inf)
    assert int(chunk(state, 0, 41).diverged_at) == NEVER
    later = chunk(chunk(state, 0, 30).state, 30, 100)
    assert int(later.diverged_at) == 41


def test_what_check_raises_stops_the_run_where_it_was_good():
    state, chunk = compiled(Growth(), optax.sgd(-2.0))
    store = MemoryStore()

    def check(found):
        if found.diverged_at < NEVER:
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        run_chunks(chunk, state, range(10, 101, 10), store=store, check=check)
    assert store.arrays is None or np.isfinite(store.arrays["losses"]).all()


class Refreshed(Walk):
    """Moves a parameter by what the key and the step say, and forgets what the optimizer knew."""

    def refresh(self, model, optimizer_state, key, step):
        model = jax.tree.map(lambda x: x, model)
        model.unused[...] = model.unused[...] + jax.random.uniform(key) + 10 * step
        return model, jax.tree.map(jnp.zeros_like, optimizer_state)


def test_refresh_is_called_after_the_steps_asked_for():
    state, chunk = compiled(Refreshed(), optax.adam(0.1), refreshes=(3, 5))
    moved = [float(chunk(state, 0, end).state.model.unused[...]) - 1 - 10 * end for end in (3, 5)]
    assert all(0 <= shift < 1 for shift in moved)
    assert moved[0] != pytest.approx(moved[1])  # each step has a key of its own
    assert int(chunk(state, 0, 3).state.optimizer_state[0].count) == 0
    twice = run_chunks(chunk, state, [3, 5]).state
    expected = 1 + 10 * (3 + 5) + sum(moved)
    assert float(twice.model.unused[...]) == pytest.approx(expected, rel=1e-6)
    # in between, the steps are those of a run without it
    plain_state, plain_chunk = compiled(Walk(), optax.adam(0.1))
    plain = plain_chunk(plain_state, 0, 3).state
    np.testing.assert_array_equal(chunk(state, 0, 3).state.model.used[...], plain.model.used[...])


@pytest.mark.parametrize("cut", [[4, 25, STEPS], BORDERS, range(1, STEPS + 1)])
def test_a_run_with_refresh_is_the_same_however_it_is_cut(cut):
    state, chunk = compiled(Refreshed(), optax.adam(0.1), refreshes=(4, 25))
    assert float(chunk(state, 0, 9).state.model.unused[...]) == 1  # a border is not enough
    expected = run_chunks(chunk, state, [4, 25, STEPS]).state
    assert float(expected.model.unused[...]) > 10 * (4 + 25)
    assert_same(run_chunks(chunk, state, cut).state, expected)


@pytest.mark.parametrize("stop", BORDERS)
def test_a_run_with_refresh_resumes_as_it_was(stop):
    state, chunk = compiled(Refreshed(), optax.adam(0.1), refreshes=(4, 25))
    store = MemoryStore()

    def interrupt(step, *_):
        if step == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_chunks(chunk, state, BORDERS, store=store, report=interrupt)
    resumed = run_chunks(chunk, state, BORDERS, store=store)
    assert_same(resumed.state, run_chunks(chunk, state, BORDERS).state)


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

    state, chunk = compiled(Watched(), optax.sgd(0.01), refreshes=range(1, 11))
    run_chunks(chunk, state, range(1, 11))
    jax.effects_barrier()
    assert len(seen) == len(set(seen)) == 20


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 4000])
@pytest.mark.parametrize("count", [1, 3, 100])
class TestSchedules:
    def test_even_steps_are_as_even_as_whole_numbers_can_be(self, steps, count):
        found = even_steps(steps, count)
        assert list(found) == sorted(set(found))
        assert 1 <= found[0] <= found[-1] == steps
        assert len(found) == min(steps, count)
        ideal = steps * np.arange(1, count + 1) / count
        assert all(np.abs(ideal - step).min() <= 0.5 for step in found)

    def test_log_steps_are_as_even_on_a_log_scale(self, steps, count):
        found = log_steps(steps, count)
        assert list(found) == sorted(set(found))
        assert found[0] == 0
        assert 1 <= found[1] <= found[-1] == steps
        assert len(found) <= count + 1
        ideal = np.geomspace(steps, 1, count)
        assert all(np.abs(ideal - step).min() <= 0.5 for step in found[1:])
        assert all(np.abs(np.array(found) - step).min() <= 0.5 for step in ideal)
