"""Programs: what was compiled is used again wherever it is the same, and nowhere else."""

from contextlib import contextmanager
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import toymodels as tm
from toymodels import Axis, train
from toymodels.data.images import Labelled

KEY = jax.random.key(0)


@contextmanager
def compiling():
    """Gather the names of what is compiled inside."""
    names = []

    def listen(event, *_, fun_name="", **__):
        if "backend_compile" in event:
            names.append(fun_name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


class Slope:
    """Gradient descent at rate 1 takes w from 0 to -slope in its one step."""

    def __init__(self, slope):
        self.slope = slope

    def init(self, key):
        return nnx.Dict(w=nnx.Param(jnp.zeros(())))

    def loss(self, model, key):
        return self.slope * model.w[...]

    test_loss = loss


def slopes(problem, axes=(), **options):
    """Train one step and return the slopes that were seen."""
    return -train(problem, axes, 1, key=KEY, devices=jax.local_devices()[:1], **options).w.values


# --- used again -----------------------------------------------------------------------------------


def reconstruction(sparsity, scale=1.0):
    features = tm.SparseFeatures(5, sparsity=sparsity, importance=scale * 0.9 ** np.arange(5))
    return tm.Reconstruction(features, lambda key: tm.ReluOutput(5, 2, key=key), 16, 32)


def adam(objective, learning_rate=1e-2):
    return objective, optax.adam(learning_rate)


def test_other_values_seeds_keys_and_steps_compile_nothing():
    def problem(sparsity, learning_rate):
        return adam(reconstruction(sparsity), learning_rate)

    def axes(sparsities, rates, seeds):
        return [Axis("sparsity", sparsities), Axis("learning_rate", rates), Axis.seeds(seeds)]

    train(problem, axes([0.1, 0.5], [0.1, 0.2, 0.3], [0, 1]), 3, key=KEY)
    with compiling() as names:
        train(problem, axes([0.2, 0.9], [0.3, 0.2, 0.1], [7, 2]), 20, key=jax.random.key(1))
    assert names == ["jit(_threefry_seed)"] * len(names)  # of the key: it is the user's own
    assert not names or len(names) == 1


def test_the_same_problem_written_again_compiles_nothing():
    def define(scale):
        def problem(sparsity):
            return adam(reconstruction(sparsity, scale))

        return problem

    def trained(scale):
        return train(define(scale), [Axis("sparsity", [0.1, 0.5])], 3, key=KEY)

    first = trained(1.0)
    with compiling() as names:
        again, scaled = trained(1.0), trained(2.0)
    assert not names
    np.testing.assert_array_equal(again.W, first.W)
    # what it closes over is an argument of the program: twice the importance is twice the loss
    np.testing.assert_allclose(scaled.loss_history[:, 0], 2 * first.loss_history[:, 0], rtol=1e-6)


def dictionary(build):
    activations = jax.random.normal(KEY, (6, 40))
    return tm.SparseDictionary(lambda key: build(6, 8, key=key), activations, 0.1, batch_size=8)


def classification():
    images = Labelled(jnp.ones((40, 6), jnp.uint8), (jnp.arange(40) % 3).astype(jnp.uint8))
    return tm.Classification(lambda key: tm.MLP(6, 5, 1, 3, key=key), images, images, 8)


def attention():
    ovs = jax.random.normal(KEY, (3, 4, 4))
    return tm.AttentionMixing(lambda key: tm.MixingMatrix(3, 2, 4, key=key), ovs, 0.5, 4, 8, 16)


POINTS = tm.draw_datapoints(tm.SparseFeatures(5, sparsity=0.5), 20, key=KEY)


def finite():
    return tm.FiniteDataset(lambda key: tm.ReluOutput(5, 2, key=key), POINTS, POINTS)


KINDS = {
    "attention": attention,
    "finite": finite,
    "jump": partial(dictionary, tm.JumpReluDictionary),
    "classification": classification,
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_no_kind_of_training_is_compiled_twice(kind):
    def problem():
        return adam(kind())

    train(problem, [Axis.seeds(2)], 2, key=KEY)
    with compiling() as names:
        train(problem, [Axis.seeds(2)], 2, key=KEY)
    assert not names


def test_an_evaluation_at_another_sparsity_compiles_nothing():
    models = train(lambda: adam(reconstruction(0.5)), [Axis.seeds(2)], 2, key=KEY)
    tm.evaluate(models, reconstruction(0.5), key=KEY)
    other = reconstruction(0.9, scale=3.0)
    alone = tm.to_model(models.isel(seed=1), other.init(KEY))
    expected = other.test_loss(alone, jax.random.key(1))
    with compiling() as names:
        found = tm.evaluate(models, other, key=jax.random.key(1))
    assert set(names) <= {"jit(_threefry_seed)"}  # of the key: it is the user's own
    np.testing.assert_allclose(found[1], expected, rtol=1e-5)


def test_an_evaluation_by_another_loss_is_its_own():
    models = train(lambda: (Slope(1.0), optax.sgd(1.0)), [Axis.seeds(2)], 1, key=KEY)
    assert tm.evaluate(models, Slope(2.0), key=KEY).values.tolist() == [-2.0, -2.0]
    assert tm.evaluate(models, Slope(3.0), key=KEY).values.tolist() == [-3.0, -3.0]


# --- never stale ----------------------------------------------------------------------------------

SLOPE = 1.0


def by_global():
    return Slope(SLOPE), optax.sgd(1.0)


def test_a_changed_global_is_seen(monkeypatch):
    assert slopes(by_global) == 1
    monkeypatch.setitem(globals(), "SLOPE", 2.0)
    assert slopes(by_global) == 2


def test_changed_contents_of_what_is_captured_are_seen():
    objective, settings, number, row = Slope(1.0), {"slope": 1.0}, np.ones(()), np.ones(2)
    by_attribute = partial(tuple, [objective, optax.sgd(1.0)])
    problems = [
        lambda: by_attribute(),
        lambda: (Slope(settings["slope"]), optax.sgd(1.0)),
        lambda: (Slope(jnp.asarray(number)), optax.sgd(1.0)),
        lambda: (Slope(jnp.asarray(row)[0]), optax.sgd(1.0)),
    ]
    assert [slopes(problem) for problem in problems] == [1, 1, 1, 1]
    objective.slope, settings["slope"] = 2.0, 3.0
    number[...] = 4.0
    row[...] = 5.0
    assert [slopes(problem) for problem in problems] == [2, 3, 4, 5]


def test_edited_code_is_seen(monkeypatch):
    def twice(self, model, key):
        return 2 * self.slope * model.w[...]

    def other():
        return Slope(3.0), optax.sgd(1.0)

    def problem():
        return Slope(1.0), optax.sgd(1.0)

    assert slopes(problem) == 1
    monkeypatch.setattr(Slope, "loss", twice)  # as a reloaded module has it
    assert slopes(problem) == 2
    monkeypatch.undo()
    monkeypatch.setattr(problem, "__code__", other.__code__)  # as IPython's autoreload does it
    assert slopes(problem) == 3


def test_axes_of_other_names_or_batches_are_other_programs():
    def problem(**slope):
        return Slope(*slope.values()), optax.sgd(1.0)

    for name in ("a", "b"):
        assert slopes(problem, [Axis(name, [1.0, 2.0])]).tolist() == [1, 2]

    def drawn():
        class Drawn(Slope):
            def loss(self, model, key):
                return jax.random.uniform(key) * model.w[...]

        return Drawn(1.0), optax.sgd(1.0)

    own = slopes(drawn, [Axis.seeds(2)])
    shared = slopes(drawn, [Axis.seeds(2, shared_batches=True)])
    assert own[0] != own[1]
    assert shared[0] == shared[1]


# --- told apart -----------------------------------------------------------------------------------

ROW = jnp.arange(1.0, 4.0)
NEAR = [
    lambda x: (x + 1.0).sum(),
    lambda x: (x - 1.0).sum(),
    lambda x: (x + 2.0).sum(),
    lambda x: jnp.arctan(1 / (x * 0.0)).sum(),
    lambda x: jnp.arctan(1 / (x * -0.0)).sum(),
    lambda x: x[np.array([0, 1])].sum(),
    lambda x: x[np.array([0, 2])].sum(),
    lambda x: jax.lax.fori_loop(0, 3, lambda _, x: x + 1, x).sum(),
    lambda x: jax.lax.fori_loop(0, 3, lambda _, x: x + 2, x).sum(),
    lambda x: jax.nn.relu(x - 2).sum(),
    lambda x: jax.nn.silu(x - 2).sum(),
    lambda x: jax.jit(lambda x: x + 1.5)(x).sum(),
    lambda x: jax.jit(lambda x: x + 2.5)(x).sum(),
    lambda x: (x * np.arange(3.0)).sum(),
    lambda x: (x * np.arange(1.0, 4.0)).sum(),
    lambda x: (x * jax.random.uniform(jax.random.key(0), (3,))).sum(),
    lambda x: (x * jax.random.uniform(jax.random.key(1), (3,))).sum(),
]


def test_programs_that_differ_in_a_detail_are_told_apart():
    class Row(Slope):
        def init(self, key):
            return nnx.Dict(w=nnx.Param(ROW))

        def loss(self, model, key):
            return model.w[...].sum()

        def test_loss(self, model, key):
            return self.slope(model.w[...])

    for function in NEAR:
        found = train(lambda f=function: (Row(f), optax.sgd(0.0)), [], 1, key=KEY)
        np.testing.assert_allclose(found.loss, function(ROW), rtol=1e-6)
