"""The page's mathematics is the library's: the same loss, gradients, optimiser and data."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from opened import Playground
from scipy import stats
from scipy.linalg import block_diag
from scipy.optimize import minimize

from toymodels import (
    AnticorrelatedFeatures,
    CorrelatedFeatures,
    FeatureDistribution,
    LinearModel,
    Reconstruction,
    ReluOutput,
    SparseFeatures,
    geometry,
    theory,
)

N, SAMPLES, P = 6, 63, 0.2
RELATIONS = {
    "independent": SparseFeatures(N, probability=P),
    "correlated": CorrelatedFeatures([2] * 3, probability=P),
    "anticorrelated": AnticorrelatedFeatures([3] * 2, probability=P),
}
SET_SIZE = {"independent": 2, "correlated": 2, "anticorrelated": 3}
MODELS = {
    "relu": ReluOutput,
    "linear": LinearModel,
    "gelu": lambda n, m, *, key: ReluOutput(n, m, key=key, activation=jax.nn.gelu),
}
TRAINED = """(maths, settings, steps) => {
    const trainer = new maths.Trainer({ ...maths.DEFAULTS, ...settings });
    trainer.advance(steps);
    const test = maths.testBatch(maths.distributionOf({ ...maths.DEFAULTS, ...settings }), 4096);
    const { W, b } = trainer.model;
    return { W: [...W], b: [...b], loss: maths.loss(trainer.model, trainer.importance, test) };
}"""


@pytest.fixture(scope="module")
def maths(browser):
    context = browser.new_context()
    playground = Playground(context.new_page()).open("steps=0")
    yield playground.maths
    context.close()
    assert playground.troubles == []


class Given(FeatureDistribution):
    """Always the same samples."""

    def __init__(self, x, importance, none_active=None):
        self.n, self.x, self.importance = len(x), x, importance
        self._none = none_active

    none_active = property(lambda self: self._none)

    def sample(self, key, batch):
        return self.x

    def sample_active(self, key, batch):
        return self.x


def drawn(maths, settings):
    """Samples of the page, as columns."""
    rows = maths(
        """(maths, settings) => {
            const distribution = maths.distributionOf({ ...maths.DEFAULTS, ...settings });
            const batch = maths.emptyBatch(settings.batch + 1, settings.n);
            maths.draw(batch, distribution, maths.uniformsOf(settings.seed));
            return [...batch.x];
        }""",
        settings,
    )
    return np.reshape(rows, (-1, settings["n"]))[:-1].T


@pytest.mark.parametrize(
    "relation, m, activation",
    [
        ("independent", 2, "relu"),
        ("independent", 3, "relu"),
        ("correlated", 2, "relu"),
        ("correlated", 3, "relu"),
        ("anticorrelated", 2, "relu"),
        ("independent", 2, "gelu"),
        ("correlated", 3, "linear"),
    ],
)
def test_loss_and_gradients_are_the_librarys(maths, relation, m, activation):
    settings = {
        "n": N, "m": m, "relation": relation, "setSize": SET_SIZE[relation], "sparsity": 1 - P,
        "decay": 0.8, "activation": activation, "batch": SAMPLES, "seed": 3,
    }  # fmt: skip
    x, importance = drawn(maths, settings), 0.8 ** np.arange(N)
    model = MODELS[activation](N, m, key=jax.random.key(1))
    model.b = nnx.Param(jnp.linspace(-0.3, 0.3, N))
    none = float(RELATIONS[relation].none_active)
    objective = Reconstruction(
        Given(jnp.asarray(x), importance, none),
        lambda key: model,
        batch_size=SAMPLES,
        given_active=True,
    )
    both = jax.jit(jax.value_and_grad(lambda model: objective.loss(model, jax.random.key(0))))
    expected, gradient = both(model)
    found = maths(
        """(maths, settings, W, b, x) => {
            const given = { ...maths.DEFAULTS, ...settings };
            const none = maths.noneActive(maths.distributionOf(given));
            const batch = maths.emptyBatch(given.batch + 1, given.n);
            batch.x.set(x);
            batch.weights.fill((1 - none) / given.batch);
            batch.weights[given.batch] = none;
            const { n, m, activation } = given;
            const model = { n, m, activation, W: Float64Array.from(W), b: Float64Array.from(b) };
            const gradient = { W: new Float64Array(n * m), b: new Float64Array(n) };
            const loss = maths.loss(model, maths.importances(given), batch, gradient);
            return { loss, W: [...gradient.W], b: [...gradient.b] };
        }""",
        settings,
        np.asarray(model.W[...]).ravel().tolist(),
        np.asarray(model.b[...]).tolist(),
        x.T.ravel().tolist(),
    )
    assert found["loss"] == pytest.approx(float(expected), rel=1e-5)
    slopes = np.reshape(found["W"], (m, N))
    np.testing.assert_allclose(slopes, gradient.W[...], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["b"], gradient.b[...], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("relation", RELATIONS)
def test_samples_have_the_librarys_moments(maths, relation):
    features, batch = RELATIONS[relation], 8_000
    settings = {
        "n": N, "relation": relation, "setSize": SET_SIZE[relation], "sparsity": 1 - P,
        "batch": batch, "seed": 7,
    }  # fmt: skip
    x = drawn(maths, settings)
    given = float(features.some_active)
    assert np.all(x.max(axis=0) > 0)
    assert x.min() >= 0 and x.max() < 1
    for powers, moment in [(x, features.mean), (x**2, features.second_moment)]:
        error = powers.std(axis=1) / np.sqrt(batch)
        assert np.all(np.abs(powers.mean(axis=1) - np.asarray(moment) / given) < 5 * error)
    # E[x_i x_j] within a set and across sets
    same = np.asarray(features.sample_active(jax.random.key(0), batch))
    for i, j in [(0, 1), (0, 5), (2, 3)]:
        mine, theirs = x[i] * x[j], same[i] * same[j]
        error = np.hypot(mine.std(), theirs.std()) / np.sqrt(batch)
        assert abs(mine.mean() - theirs.mean()) <= 5 * error


def test_random_numbers_are_uniform_and_normal_and_of_their_seed(maths):
    script = """(maths, seed, many) => {
        const next = maths.uniformsOf(seed);
        return Array.from({ length: many }, () => next());
    }"""
    uniforms = np.array(maths(script, 0, 10_000))
    assert uniforms.min() > 0 and uniforms.max() < 1
    assert stats.kstest(uniforms, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(uniforms[:-1], uniforms[1:])[0, 1]) < 0.02
    assert maths(script, 1, 10) == maths(script, 1, 10) != maths(script, 2, 10)
    normals = np.array(
        maths(
            """(maths) => {
            const next = maths.uniformsOf(5);
            return Array.from({ length: 10000 }, () => maths.normal(next));
        }"""
        )
    )
    assert stats.kstest(normals, "norm").pvalue > 1e-3


def test_sobol_points_are_scipys(maths):
    mine = maths(
        """(maths) => {
        const next = maths.sobolPoints(19);
        return Array.from({ length: 63 * 19 }, () => next());
    }"""
    )
    theirs = stats.qmc.Sobol(19, scramble=False).random_base2(6)[1:]
    np.testing.assert_allclose(np.reshape(mine, (63, 19)), theirs, atol=1e-7)


def test_adam_is_optaxs(maths):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=4), rng.normal(size=(30, 4)) * [1, 1e-3, 1e3, 0]
    found = maths(
        """(maths, start, gradients) => {
            const [W, b] = [Float64Array.from(start.slice(0, 3)), Float64Array.of(start[3])];
            const adam = new maths.Adam(4);
            for (const g of gradients) adam.update([W, b], [g.slice(0, 3), [g[3]]], 0.01);
            return [...W, ...b];
        }""",
        start.tolist(),
        gradients.tolist(),
    )
    adam = optax.adam(0.01)
    values, state = jnp.asarray(start), adam.init(jnp.asarray(start))
    for gradient in gradients:
        updates, state = adam.update(jnp.asarray(gradient), state)
        values = optax.apply_updates(values, updates)
    np.testing.assert_allclose(found, values, atol=2e-6)


@pytest.mark.parametrize("relation", RELATIONS)
def test_test_losses_are_the_librarys(maths, relation):
    rng = np.random.default_rng(1)
    W, b = 0.6 * rng.normal(size=(2, N)), 0.1 * rng.normal(size=N)
    settings = {
        "n": N, "relation": relation, "setSize": SET_SIZE[relation], "sparsity": 1 - P, "decay": 1,
    }  # fmt: skip
    mine = maths(
        """(maths, settings, W, b) => {
            const given = { ...maths.DEFAULTS, ...settings };
            const batch = maths.testBatch(maths.distributionOf(given), 4096);
            const own = { W: Float64Array.from(W), b: Float64Array.from(b) };
            const model = { n: given.n, m: 2, activation: "relu", ...own };
            return maths.loss(model, maths.importances(given), batch);
        }""",
        settings,
        W.ravel().tolist(),
        b.tolist(),
    )
    model = ReluOutput(N, 2, key=jax.random.key(0))
    model.W, model.b = nnx.Param(jnp.asarray(W)), nnx.Param(jnp.asarray(b))
    objective = Reconstruction(RELATIONS[relation], lambda key: model, test_samples=2**18)
    assert mine == pytest.approx(float(objective.test_loss(model, jax.random.key(2))), rel=0.01)


@pytest.mark.parametrize("p", [0.02, 0.05, 0.2, 0.5])
def test_levels_are_the_least_losses_of_polygons(maths, p):
    found = maths(
        "(maths, settings) => maths.levelsOf({ ...maths.DEFAULTS, ...settings })",
        {"n": 5, "decay": 1, "sparsity": 1 - p},
    )
    levels = {level["name"]: level["loss"] for level in found}
    assert set(levels) == {"2 orthogonal", "triangle", "two pairs", "pentagon"}
    dropped = p / 3 - p**2 / 4
    digon = np.array([[1.0, -1.0]])
    expected = {
        "2 orthogonal": 3 * dropped,
        "triangle": least(theory.regular_polygon(3), p) + 2 * dropped,
        "two pairs": 2 * least(digon, p) + dropped,
        "pentagon": least(theory.regular_polygon(5), p),
    }
    assert levels == pytest.approx(expected, rel=3e-3)


def least(directions, p):
    """The least loss over the length and the common bias."""
    k = np.shape(directions)[1]

    def loss(at):
        W, b = at[0] * np.asarray(directions), np.full(k, at[1])
        return float(theory.active_set_loss(W, b, np.full(k, p)))

    return minimize(loss, [1.1, -0.1], method="Nelder-Mead", options={"xatol": 1e-3}).fun


def test_a_trained_pentagon_is_a_pentagon(maths):
    settings = {"decay": 1, "learningRate": 0.003, "batch": 1024, "seed": 0}
    trained = maths(TRAINED, settings, 2500)
    W = np.reshape(trained["W"], (2, 5))
    assert np.abs(np.asarray(geometry.angular_gaps(W)) - 72).max() < 4
    level = least(theory.regular_polygon(5), 0.05)
    assert trained["loss"] == pytest.approx(level, rel=0.02)
    # the library measures the same loss for these weights
    own = float(theory.active_set_loss(W, trained["b"], np.full(5, 0.05)))
    assert own == pytest.approx(trained["loss"], rel=0.01)


def test_measures_of_weights_are_the_librarys(maths):
    rng = np.random.default_rng(2)
    for n, m in [(5, 2), (9, 3)]:
        W = rng.normal(size=(m, n))
        shares = maths(
            "(maths, n, m, W) => maths.dimensionality({ n, m, W, b: [] })",
            n, m, W.ravel().tolist(),
        )  # fmt: skip
        np.testing.assert_allclose(shares, geometry.dimensionality(W), rtol=1e-9)


def crossed(*polygons):
    """Polygons in planes and pairs on lines of their own: a pair is 2, a single feature 1."""
    blocks = [
        np.array([[1.0, -1.0][:k]]) if k < 3 else np.asarray(theory.regular_polygon(k))
        for k in polygons
    ]
    return block_diag(*blocks)


SOLIDS = {
    "3 orthogonal": (1, 1, 1),
    "pair + 2": (2, 1, 1),
    "two pairs + 1": (1, 2, 2),
    "octahedron": (2, 2, 2),
    "triangle + pair": (3, 2),
    "pentagon + pair": (5, 2),
}


@pytest.mark.parametrize("name", SOLIDS)
def test_arrangements_in_space_have_names(maths, name):
    W = 1.1 * crossed(*SOLIDS[name])
    script = "(maths, n, W) => maths.arrangement({ n, m: 3, W, b: [] })"
    assert maths(script, W.shape[1], W.ravel().tolist()) == name
    W[:, -1] *= 0.4  # one feature is lost
    assert maths(script, W.shape[1], W.ravel().tolist()) != name


POLYGONS = {3: "triangle", 4: "two pairs", 5: "pentagon", 6: "hexagon"}


@pytest.mark.parametrize("k", POLYGONS)
def test_arrangements_have_the_librarys_names(maths, k):
    script = "(maths, n, W) => maths.arrangement({ n, m: 2, W, b: [] })"
    W = np.pad(np.asarray(theory.regular_polygon(k)), [(0, 0), (0, 1)])  # one is not represented
    assert maths(script, k + 1, W.ravel().tolist()) == POLYGONS[k]
    assert geometry.arrangement(W).item() == {4: "square"}.get(k, POLYGONS[k])
    doubled = np.concatenate([W[:, :1], W], axis=1)
    assert maths(script, k + 2, doubled.ravel().tolist()) == f"{POLYGONS[k]}, doubled"
    assert geometry.arrangement(doubled).item().endswith(", doubled")
