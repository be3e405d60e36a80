"""The error on a finite dataset against the dense formula, and training on it."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.extend.core import jaxprs_in_params
from jax.test_util import check_grads

from toymodels import (
    Axis,
    Datapoints,
    FiniteDataset,
    LinearModel,
    ReluOutput,
    SparseFeatures,
    datapoint_errors,
    draw_datapoints,
    hidden_vectors,
    squared_error,
    theory,
    train,
)
from toymodels.data.datapoints import stack_datapoints
from toymodels.measures import geometry
from toymodels.objectives import finite_dataset

KEY = jax.random.key(0)
DEVICES = jax.local_devices()


def dense_error(W, b, x):
    """L = 1/T sum_t |x_t - relu(W^T W x_t + b)|^2 as it is written, x [n, T]."""
    output = jax.nn.relu(W.T @ (W @ x) + b[:, None])
    return jnp.sum((x - output) ** 2) / x.shape[1]


class Case(NamedTuple):
    """Sizes of a comparison; a block holds `columns` datapoints."""

    n: int
    m: int
    T: int
    columns: int


CASES = [
    Case(1, 1, 1, 1),
    Case(7, 2, 13, 5),
    Case(7, 2, 13, 13),
    Case(30, 3, 10, 3),
    Case(20, 64, 9, 4),
    Case(100, 16, 101, 7),
    Case(100, 5, 6, 0),  # a single datapoint has more features than a block has entries
]


def weights(case, seed=0, dtype=float):
    random = np.random.default_rng(seed)
    W = random.normal(size=(case.m, case.n)) / np.sqrt(case.m)
    return jnp.asarray(W, dtype), jnp.asarray(random.normal(size=case.n) / 3, dtype)


def some_points(case, seed=0, dtype=float):
    """Datapoints with up to five features, one with none, and padding of any feature anywhere."""
    random = np.random.default_rng(seed)
    width = min(5, case.n)
    feature = random.permuted(np.tile(np.arange(case.n), (case.T, 1)), axis=1)[:, :width]
    value = random.random(feature.shape) * (random.random(feature.shape) < 0.6)
    value[-1] = 0 if case.T > 1 else 0.7
    return Datapoints(jnp.asarray(feature, jnp.int32), jnp.asarray(value, dtype))


def cut(monkeypatch, case):
    monkeypatch.setattr(finite_dataset, "BLOCK_ENTRIES", max(1, case.columns) * case.n)
    monkeypatch.setattr(finite_dataset, "DATAPOINTS_A_ROW", 0)


def in_float64(points, n):
    x = np.zeros((n, len(points.feature)))
    np.add.at(x, (points.feature.T, np.arange(x.shape[1])), points.value.T)
    return jnp.asarray(x)


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient_are_those_of_the_dense_formula(case, monkeypatch):
    cut(monkeypatch, case)
    with jax.enable_x64(True):
        points, at = some_points(case), weights(case)
        x = in_float64(points, case.n)

        # squared, so that the cotangent is not 1
        def ours(W, b):
            return squared_error(W, b, points) ** 2

        value, gradient = jax.jit(jax.value_and_grad(ours, (0, 1)))(*at)
        dense = jax.value_and_grad(lambda W, b: dense_error(W, b, x) ** 2, (0, 1))
        expected = jax.jit(dense)(*at)
        np.testing.assert_allclose(value, expected[0], rtol=1e-12)
        for found, dense in zip(gradient, expected[1], strict=True):
            np.testing.assert_allclose(found, dense, rtol=1e-11, atol=1e-12 * np.abs(dense).max())
        np.testing.assert_allclose(jax.jit(ours)(*at), value, rtol=1e-12)
        hidden = np.asarray(at[0]) @ x
        np.testing.assert_allclose(hidden_vectors(at[0], points), hidden, rtol=1e-12, atol=1e-15)
        errors = ((np.maximum(at[0].T @ hidden + at[1][:, None], 0) - x) ** 2).sum(axis=0)
        np.testing.assert_allclose(datapoint_errors(*at, points), errors, rtol=1e-12)


@pytest.mark.slow
def test_gradient_agrees_with_finite_differences(monkeypatch):
    case = CASES[1]
    cut(monkeypatch, case)
    with jax.enable_x64(True):
        points = some_points(case)

        def error(*at):
            return squared_error(*map(jnp.asarray, at), points)

        check_grads(error, weights(case), 1, modes=["rev"])


@pytest.mark.parametrize("case", [CASES[1], CASES[2]])
def test_second_derivatives_are_those_of_the_dense_formula(case, monkeypatch):
    cut(monkeypatch, case)
    with jax.enable_x64(True):
        points, at = some_points(case), weights(case)
        x = in_float64(points, case.n)

        def ours(W, b):
            return squared_error(W, b, points) ** 2

        def dense(W, b):
            return dense_error(W, b, x) ** 2

        along = tuple(map(jnp.cos, at))

        @partial(jax.jit, static_argnums=0)
        def derivatives(f, W, b):
            gradient = jax.grad(f, (0, 1))
            return (
                jax.jvp(f, (W, b), along),
                jax.jvp(gradient, (W, b), along),
                jax.hessian(f, (0, 1))(W, b),
                jax.jacrev(gradient, (0, 1))(W, b),
            )

        both = (jax.tree.leaves(derivatives(f, *at)) for f in (ours, dense))
        for found, expected in zip(*both, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)


def test_datapoints_can_be_differentiated(monkeypatch):
    case = CASES[1]
    cut(monkeypatch, case)
    with jax.enable_x64(True):
        points, at = some_points(case), weights(case)

        def of_values(error):
            of_value = jax.grad(lambda value: error(points._replace(value=value)))
            return jax.jit(of_value)(points.value)

        found = of_values(lambda points: squared_error(*at, points))
        expected = of_values(lambda points: dense_error(*at, points.dense(case.n)))
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("shared", [True, False])
def test_an_ensemble_of_models_and_datasets(shared, monkeypatch):
    case = Case(30, 3, 10, 4)
    cut(monkeypatch, case)
    each = [weights(case, seed, jnp.float32) for seed in range(3)]
    datasets = [some_points(case, 0 if shared else seed, jnp.float32) for seed in range(3)]
    W, b = (jnp.stack(parts) for parts in zip(*each, strict=True))
    points = datasets[0] if shared else Datapoints(*map(jnp.stack, zip(*datasets, strict=True)))
    both = jax.value_and_grad(squared_error, (0, 1))
    together = jax.jit(jax.vmap(both, (0, 0, None if shared else 0)))(W, b, points)
    dense = jax.jit(jax.value_and_grad(dense_error, (0, 1)))
    for i, (model, dataset) in enumerate(zip(each, datasets, strict=True)):
        alone = dense(*model, dataset.dense(case.n))
        for found, expected in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(found[i], expected, rtol=1e-4, atol=1e-5)


def memoriser(T, features_each):
    """Datapoints of disjoint supports, and the W and b that reproduce them exactly."""
    random = np.random.default_rng(0)
    value = random.uniform(0.5, 1, (T, features_each)).astype(np.float32)
    value /= np.linalg.norm(value, axis=1, keepdims=True)
    points = Datapoints(np.arange(value.size, dtype=np.int32).reshape(value.shape), value)
    polygon, angles = theory.memoriser_norms(T), 2 * np.pi * np.arange(T) / T
    h = polygon.rho * np.stack([np.cos(angles), np.sin(angles)])
    x = np.asarray(points.dense(value.size))
    W, b = h @ x.T, -polygon.beta * x.sum(axis=1)
    return jnp.asarray(W, jnp.float32), jnp.asarray(b, jnp.float32), points


def test_what_is_memorised_costs_nothing_and_never_less():
    """The two sums cancel there, and rounding takes their difference to either side of zero."""
    for T in (5, 12, 20):
        W, b, points = memoriser(T, 5)
        value, gradient = jax.jit(jax.value_and_grad(squared_error, (0, 1)))(W, b, points)
        for loss in (value, jax.jit(squared_error)(W, b, points)):
            assert 0 <= loss < 1e-5
        # at the kink of the neighbours' relu the gradient is zero from both sides
        assert max(np.abs(part).max() for part in gradient) < 1e-2


# the more points on the circle, the longer the weights and the coarser their products
@pytest.mark.parametrize(("T", "rtol"), [(5, 1e-3), (12, 2e-3)])
def test_tiny_errors_are_told_apart(T, rtol):
    W, b, points = memoriser(T, 5)
    x, W = np.asarray(points.dense(W.shape[1]), float), np.asarray(W)
    noise = np.random.default_rng(1).normal(size=b.shape)
    # about 1e-8, of which the second has 2 per cent less
    biases = [np.asarray(b + scale * noise, np.float32) for scale in (4e-5, 3.96e-5)]
    found = [squared_error(W, bias, points) for bias in biases]
    exact = []
    for bias in biases:
        output = np.maximum(W.T @ (W @ x) + np.asarray(bias, float)[:, None], 0)
        exact.append(np.sum((x - output) ** 2) / T)
    assert 1e-9 < exact[1] < exact[0] < 2e-8
    np.testing.assert_allclose(found, exact, rtol=rtol)
    assert found[1] < found[0]
    # restarts in an ensemble are compared the same way
    together = jax.jit(jax.vmap(squared_error, (None, 0, None)))(W, np.stack(biases), points)
    np.testing.assert_allclose(together, exact, rtol=rtol)


@pytest.mark.parametrize("feature", [5, 6, -1])
def test_features_that_the_weights_do_not_have_are_named(feature):
    points = Datapoints(np.array([[0, feature]], np.int32), np.array([[1.0, 0.5]], np.float32))
    W, b = np.ones((2, 5), np.float32), np.zeros(5, np.float32)
    sentence = f"features of the datapoints must lie in 0 to 4, as there are 5 .* got {feature}"
    for look in (
        lambda: hidden_vectors(W, points),
        lambda: squared_error(W, b, points),
        lambda: jax.grad(squared_error)(W, b, points),
        lambda: points.dense(5),
        lambda: FiniteDataset(lambda key: ReluOutput(5, 2, key=key), points, TEST_OF_FIVE),
        lambda: FiniteDataset(lambda key: ReluOutput(5, 2, key=key), TEST_OF_FIVE, points),
    ):
        with pytest.raises(ValueError, match=sentence):
            look()


TEST_OF_FIVE = Datapoints(np.array([[4]], np.int32), np.ones((1, 1), np.float32))


def precisions(function, *args):
    """The precision of every product in a program."""

    def of(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                yield equation.params["precision"]
            for inner in jaxprs_in_params(equation.params):
                yield from of(inner)

    return list(of(jax.make_jaxpr(function)(*args).jaxpr))


def test_products_are_asked_for_in_true_float32():
    """The first three digits are all that a GPU gives by default."""
    points, (W, b) = some_points(CASES[1], 0, jnp.float32), weights(CASES[1], 0, jnp.float32)
    compiled = jax.jit(squared_error)
    for found in (
        precisions(hidden_vectors, W, points),
        precisions(squared_error, W, b, points),
        precisions(jax.grad(squared_error), W, b, points),
        precisions(jax.grad(compiled), W, b, points),
        precisions(jax.hessian(compiled), W, b, points),
    ):
        assert found
        assert all(precision == (jax.lax.Precision.HIGHEST,) * 2 for precision in found)


def test_only_relu_models_are_taken():
    points = some_points(CASES[1])
    with pytest.raises(ValueError, match="ReLU output"):
        FiniteDataset(lambda key: LinearModel(7, 2, key=key), points, points)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
@pytest.mark.parametrize("name", ["points", "test_points"])
def test_empty_datasets_are_refused(name, shape):
    given = dict.fromkeys(("points", "test_points"), some_points(CASES[1]))
    given[name] = Datapoints(np.zeros(shape, np.int32), np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match=f"^{name} must hold at least one datapoint"):
        FiniteDataset(lambda key: ReluOutput(7, 2, key=key), **given)


# --- in an ensemble -------------------------------------------------------------------------------

N, M, T, STEPS = 30, 2, 7, 100
FEATURES = SparseFeatures(N, sparsity=0.9)
DATASETS = stack_datapoints(
    [draw_datapoints(FEATURES, T, key=jax.random.fold_in(KEY, seed)) for seed in range(3)]
)
TEST = draw_datapoints(FEATURES, 500, key=jax.random.key(9))
GRID = [Axis("data_seed", np.arange(3), DATASETS), Axis.seeds(2, shared_batches=True)]


def problem(data_seed, test_points):
    def build(key):
        return ReluOutput(N, M, key=key)

    return FiniteDataset(build, data_seed, test_points), optax.adamw(1e-3, weight_decay=1e-2)


@pytest.fixture(scope="module")
def grid():
    return train(problem, GRID, STEPS, key=KEY, data={"test_points": TEST}, devices=DEVICES[:1])


def assert_close(ours, theirs):
    for name in ("W", "b", "loss", "loss_history"):
        assert ours[name].dims == theirs[name].dims
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-5, err_msg=name)


def test_training_lowers_the_loss_on_each_dataset(grid):
    assert grid.W.dims == ("data_seed", "seed", "hidden", "feature")
    assert (grid.loss_history[..., -1] < 0.95 * grid.loss_history[..., 0]).all()
    assert (np.abs(grid.W.diff("data_seed")).max(["hidden", "feature"]) > 0.01).all()
    assert (np.abs(grid.W.diff("seed")).max(["hidden", "feature"]) > 0.01).all()


def test_the_loss_is_that_of_the_test_points(grid):
    x = TEST.dense(N)
    for (i, j), loss in np.ndenumerate(grid.loss):
        dense = dense_error(grid.W.values[i, j], grid.b.values[i, j], x)
        assert loss == pytest.approx(float(dense), rel=1e-5)


def test_a_member_is_the_point_trained_alone(grid):
    points = jax.tree.map(lambda leaf: leaf[2], DATASETS)
    alone = train(
        lambda test_points: problem(points, test_points),
        [Axis.seeds([1], shared_batches=True)],
        STEPS,
        key=KEY,
        data={"test_points": TEST},
    )
    assert_close(alone, grid.isel(data_seed=2, seed=[1]))


@pytest.mark.parametrize("count", [2, 3])
def test_devices_agree(grid, count):
    devices = DEVICES[:count]
    assert_close(
        train(problem, GRID, STEPS, key=KEY, data={"test_points": TEST}, devices=devices), grid
    )


# --- data that all points share -------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_shared_data_reach_every_point(count):
    ours = train(problem, GRID, 5, key=KEY, data={"test_points": TEST}, devices=DEVICES[:count])
    inside = train(partial(problem, test_points=TEST), GRID, 5, key=KEY)
    assert_close(ours, inside)


def test_a_gradient_needs_little_memory():
    """The array of all features by all datapoints alone would be 80 MB, several times over."""
    n, m, T, k = 10_000, 2, 2_000, 30
    kinds = [((m, n), float), ((n,), float), ((T, k), jnp.int32), ((T, k), jnp.float32)]

    def gradient(W, b, *points):
        return jax.grad(squared_error, (0, 1))(W, b, Datapoints(*points))

    shapes = (jax.ShapeDtypeStruct(*kind) for kind in kinds)
    compiled = jax.jit(gradient).lower(*shapes).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 40e6


# --- what is learned ------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [4, 5, 6])
def test_a_few_datapoints_are_memorised_as_a_polygon(T):
    """Seen in 8 of 8 seeds; weight decay is what makes the smallest memoriser the best."""
    _, _, points = memoriser(T, 2)
    steps = 3000

    def polygon(points):
        rate = optax.cosine_decay_schedule(3e-2, steps)
        objective = FiniteDataset(lambda key: ReluOutput(2 * T, 2, key=key), points, points)
        return objective, optax.adamw(rate, weight_decay=0.1)

    seeds = Axis.seeds(4, shared_batches=True)
    found = train(polygon, [seeds], steps, key=KEY, data={"points": points})
    h = np.asarray(jax.vmap(hidden_vectors, (0, None))(found.W.values, points))
    expected = theory.memoriser_norms(T)
    assert (found.loss < 1e-3).all()
    np.testing.assert_allclose(geometry.angular_gaps(h), 360 / T, atol=6)
    np.testing.assert_allclose(geometry.dimensionality(h), 2 / T, rtol=0.1)
    lengths = np.linalg.norm(found.W.values, axis=(1, 2))
    np.testing.assert_allclose(lengths, expected.weight_norm, rtol=0.1)
    bias = np.linalg.norm(found.b.values, axis=1)
    np.testing.assert_allclose(bias, expected.bias_norm, rtol=0.1, atol=0.2)
