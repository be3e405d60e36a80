"""What does not fit into memory is refused in one sentence, before anything is allocated."""

import jax
import jax.numpy as jnp
import optax
import pytest

from toymodels import (
    Axis,
    OvDraw,
    Probe,
    Reconstruction,
    ReluOutput,
    SparseFeatures,
    draw_datapoints,
    train,
)
from toymodels.engine.memory import widest_array
from toymodels.numerics import memory
from toymodels.suite import batch

KEY = jax.random.key(0)


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine of 24 GB, wherever this runs."""
    monkeypatch.setattr(memory, "machine_bytes", lambda: 24e9)


def problem(n=200, m=20, samples=8):
    features = SparseFeatures(n, sparsity=0.9)
    objective = Reconstruction(features, lambda key: ReluOutput(n, m, key=key), samples, samples)
    return objective, optax.adam(1e-2)


def wide(objective, model, key):
    return {"wide": jnp.zeros(10**6)}


TOO_LARGE = {
    "models": (
        lambda: train(lambda: problem(10**4, 10**3), [Axis.seeds(1000)], 1, key=KEY),
        r"^1,000 models with 120 MB of weights and optimizer state each need at least 120 GB of "
        "memory, and there are 24 GB$",
    ),
    "snapshots": (
        lambda: train(problem, [Axis.seeds(20)], 10**5, key=KEY, snapshots=range(10**5 + 1)),
        r"^20 models with 50.4 kB .* each, and 33.6 GB of records, need at least 33.6 GB of memory",
    ),
    "probes": (
        lambda: train(
            problem, [], 10**4, key=KEY, probe=Probe(wide, {"wide": ("place",)}, range(10**4))
        ),
        "40 GB of records",
    ),
    "one model": (
        lambda: train(lambda: (Wide(), optax.sgd(1.0)), [], 1, key=KEY),
        "the arrays of a single model's training need at least 40 GB",
    ),
}


class Wide(Reconstruction):
    """A loss of 10^10 numbers at once."""

    def __init__(self):
        features = SparseFeatures(3, sparsity=0.9)
        super().__init__(features, lambda key: ReluOutput(3, 2, key=key), 8, 8)

    def loss(self, model, key):
        return super().loss(model, key) + jax.random.normal(key, (10**10,)).sum()


@pytest.mark.parametrize(("ask", "sentence"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_does_not_fit_is_refused(ask, sentence):
    with pytest.raises(memory.TooLarge, match=sentence):
        ask()


def test_what_fits_is_trained():
    assert (
        train(lambda: problem(5, 2), [Axis.seeds(20)], 2, key=KEY, snapshots=range(3)).W.size == 200
    )


SPARSE = SparseFeatures(20, sparsity=0.5)
DRAWS = {
    "datapoints": (
        lambda: draw_datapoints(SPARSE, 10**9, key=KEY),
        "1,000,000,000 datapoints need",
    ),
    "columns": (
        lambda: draw_datapoints(SPARSE, 9, key=KEY).dense(10**9),
        "9 datapoints as columns of 1,000,000,000 features need at least 36 GB",
    ),
    "samples": (
        lambda: SPARSE.sample_active(KEY, 10**9),
        "20 x 1,000,000,000 random numbers need at least 80 GB",
    ),
    "OV matrices": (
        lambda: OvDraw.of(5, 10**6, key=KEY),
        "5 OV matrices of 1,000,000 x 1,000,000 entries need at least 40 TB",
    ),
}


@pytest.mark.parametrize(("draw", "sentence"), DRAWS.values(), ids=DRAWS)
def test_what_is_drawn_outside_of_a_training_is_refused(draw, sentence):
    with pytest.raises(memory.TooLarge, match=sentence):
        draw()


def test_the_command_line_says_it_in_a_sentence(capsys):
    assert batch.perform({"figure": lambda: OvDraw.of(5, 10**6, key=KEY)}) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: figure: 5 OV matrices of 1,000,000 x 1,000,000 entries need")


def test_the_widest_array_is_found_inside_loops():
    @jax.jit
    def function(x):
        def body(total, row):
            return total + jnp.tanh(jax.nn.relu(row[:, None] * jnp.ones((1, 128)))).sum(), None

        return jax.lax.cond(x.sum() > 0, lambda: jax.lax.scan(body, 0.0, x)[0], lambda: 0.0)

    assert widest_array(function, jax.ShapeDtypeStruct((3, 64), jnp.float32)) == 64 * 128 * 4
    assert widest_array(function, jax.ShapeDtypeStruct((3, 10**9), jnp.float16)) == 128 * 10**9 * 4
    assert widest_array(lambda key: jax.random.key_data(key), KEY) == 8
    assert widest_array(lambda: ()) == 0


def test_only_arrays_of_the_members_count():
    def function(mine, everyones):
        return mine @ everyones

    args = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((101, 2, 3), (3, 1000))]
    assert widest_array(function, *args, members=101) == 2 * 1000 * 4
    assert widest_array(lambda mine, all: mine + all.sum(), *args, members=101) == 2 * 3 * 4
