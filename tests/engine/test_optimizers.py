"""Optimizers that need more than the gradient, masks by name, and settings that cannot be swept."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import toymodels as tm
from toymodels import Axis, train
from toymodels.numerics.memory import TooLarge

KEY = jax.random.key(0)
TARGET = np.array([1.0, -2.0, 3.0])
CURVATURE = np.array([1.0, 10.0, 100.0])


class Place(nnx.Module):
    """Two parameters, one of which has a quadratic loss."""

    def __init__(self):
        self.W = nnx.Param(jnp.zeros(3))
        self.b = nnx.Param(jnp.ones(1))


class Bowl:
    """L = sum_i c_i (W_i - t_i)^2 + b^2, without samples."""

    def init(self, key):
        return Place()

    def loss(self, model, key):
        return jnp.sum(CURVATURE * (model.W - TARGET) ** 2) + jnp.sum(model.b[...] ** 2)

    test_loss = loss


@pytest.mark.parametrize("seeds", [1, 2, 6])  # on three devices: one, one and two a device
def test_a_line_search_gets_the_loss_and_its_function(seeds):
    # a quasi-Newton method finds the minimum of a quadratic in few steps; SGD needs hundreds
    problem, devices = lambda: (Bowl(), optax.lbfgs()), jax.devices()
    found = train(problem, [Axis.seeds(seeds)], 20, key=KEY, devices=devices)
    np.testing.assert_allclose(found.W, np.tile(TARGET, (seeds, 1)), rtol=1e-4)


@pytest.mark.parametrize("wrap", [lambda optimizer: optimizer, tm.with_unit_columns])
def test_a_plateau_is_seen_by_the_loss(wrap):
    class Flat(Bowl):
        def init(self, key):
            model = Place()
            model.W_dec = nnx.Param(jnp.eye(3))
            return model

        def loss(self, model, key):
            return 1.0 + 0.0 * jnp.sum(model.W[...])

        test_loss = loss

    plateau = optax.contrib.reduce_on_plateau(factor=0.5, patience=1)
    optimizer = wrap(optax.chain(optax.sgd(1.0), plateau))
    found = train(lambda: (Flat(), optimizer), [], 10, key=KEY)
    assert float(found["optimizer.1.scale"]) <= 0.5**4


def test_a_mask_names_parameters_as_the_model_does():
    def problem():
        decayed = optax.add_decayed_weights(0.5, mask={"W": False, "b": True})
        return Bowl(), optax.chain(optax.scale(0.0), decayed, optax.scale(-1.0))

    found = train(problem, [], 3, key=KEY)
    np.testing.assert_allclose(found.W, 0.0)  # neither the gradient nor the decay acts
    np.testing.assert_allclose(found.b, [0.5**3])


def test_a_schedule_that_needs_numbers_is_named():
    def problem(peak):
        schedule = optax.warmup_cosine_decay_schedule(0.0, peak, 10, 100)
        return Bowl(), optax.sgd(schedule)

    sweep = [Axis("peak", [0.1, 0.2])]
    with pytest.raises(
        ValueError, match=r"^optax's .* needs numbers, and the values of peak .*gather"
    ):
        train(problem, sweep, 5, key=KEY)


@pytest.mark.parametrize("layer", ["dropout", "counter"])
def test_a_model_that_changes_itself_is_refused_with_a_reason(layer):
    class Changing(tm.ReluOutput):
        def __init__(self, key):
            super().__init__(5, 2, key=key)
            self.dropout = nnx.Dropout(0.5, rngs=nnx.Rngs(0))
            self.count = nnx.Variable(jnp.zeros(()))

        def __call__(self, x):
            if layer == "dropout":
                return self.dropout(super().__call__(x))
            self.count[...] = self.count[...] + 1
            return super().__call__(x)

    objective = tm.Reconstruction(tm.SparseFeatures(5, sparsity=0.5), Changing, 16, 32)
    with pytest.raises(ValueError, match=r"^Changing changes a variable when it is called"):
        train(lambda: (objective, optax.adam(1e-2)), [], 5, key=KEY)


def test_a_variable_that_an_own_loss_changes_is_kept():
    class Counting(Bowl):
        def init(self, key):
            model = Place()
            model.count = nnx.Variable(jnp.zeros(()))
            return model

        def loss(self, model, key):
            model.count[...] = model.count[...] + 1
            return super().loss(model, key)

        test_loss = Bowl.loss

    whole = train(lambda: (Counting(), optax.sgd(1e-3)), [], 7, key=KEY)
    assert whole["fixed.count"] == 7
    part = train(lambda: (Counting(), optax.sgd(1e-3)), [], 3, key=KEY)
    rest = train(lambda: (Counting(), optax.sgd(1e-3)), [], 4, key=KEY, start=part)
    assert rest["fixed.count"] == 7


@pytest.mark.parametrize("optimizer", [optax.sgd(0.1), optax.adam(0.1)])
def test_one_parameter_under_two_names_is_refused(optimizer):
    class Tied(nnx.Module):
        def __init__(self, key):
            self.E = nnx.Param(jax.random.normal(key, (2, 5)))
            self.D = self.E

        def __call__(self, x):
            return self.D.T @ (self.E @ x)

    objective = tm.Reconstruction(tm.SparseFeatures(5, sparsity=0.5), Tied, 16, 32)
    with pytest.raises(TypeError, match=r"D and E of Tied are the same parameter: keep one name"):
        train(lambda: (objective, optimizer), [Axis.seeds(2)], 5, key=KEY)


def test_whole_numbers_are_not_trained():
    class Steps(nnx.Module):
        def __init__(self, key):
            self.W = nnx.Param(jnp.arange(5))

        def __call__(self, x):
            return self.W[:, None] * x

    objective = tm.Reconstruction(tm.SparseFeatures(5, sparsity=0.5), Steps, 16, 32)
    with pytest.raises(TypeError, match=r"Steps\.W has entries of type int32, which cannot be"):
        train(lambda: (objective, optax.sgd(0.1)), [], 5, key=KEY)


def test_a_sparsity_that_float32_cannot_tell_from_1_is_refused():
    def problem(sparsity):
        features = tm.SparseFeatures(5, sparsity=sparsity)
        build = lambda key: tm.ReluOutput(5, 2, key=key)  # noqa: E731
        return tm.Reconstruction(features, build, 16, 32), optax.adam(1e-2)

    largest = 1 - 2.0**-24
    for too_sparse in (0.99999999, 1 - 2.0**-26):
        with pytest.raises(ValueError, match=r"is 1 in float32.*largest S is 0\.9999999404"):
            train(problem, [Axis("sparsity", [0.5, too_sparse])], 5, key=KEY)
        with pytest.raises(ValueError, match=r"is 1 in float32"):
            tm.SparseFeatures(2, sparsity=[0.5, too_sparse])
    with pytest.raises(ValueError, match=r"is 0 in float32.*smallest p is 1.18e-38"):
        tm.SparseFeatures(2, probability=1e-50)
    assert tm.SparseFeatures(1, sparsity=largest).probability == pytest.approx(2.0**-24)
    assert tm.SparseFeatures(1, sparsity=1.0).probability == 0
    assert tm.SparseFeatures(1, probability=1e-8).probability == pytest.approx(1e-8)


def test_an_axis_too_long_for_memory_is_refused_before_its_points_are_built():
    built = []

    def problem(sparsity):
        built.append(sparsity)
        features = tm.SparseFeatures(200, sparsity=sparsity)
        build = lambda key: tm.ReluOutput(200, 20, key=key)  # noqa: E731
        return tm.Reconstruction(features, build, 16, 32), optax.adam(1e-2)

    axes = [Axis("sparsity", np.linspace(0, 0.9, 10**5)), Axis.seeds(10**4)]
    with pytest.raises(TooLarge, match="1,000,000,000 models"):
        train(problem, axes, 5, key=KEY)
    assert len(built) < 20


def test_the_set_of_each_feature_is_a_coordinate():
    def problem(sparsity):
        features = tm.CorrelatedFeatures([2, 3], sparsity=sparsity)
        build = lambda key: tm.ReluOutput(5, 2, key=key)  # noqa: E731
        return tm.Reconstruction(features, build, 16, 32), optax.adam(1e-2)

    found = train(problem, [Axis("sparsity", [0.5, 0.9])], 2, key=KEY)
    assert found.set.dims == ("feature",)
    np.testing.assert_array_equal(found.set, [0, 0, 1, 1, 1])
    assert found.W.groupby("set").mean().sizes["set"] == 2
