"""Derivatives of a mean over blocks are those of the dense mean: any order, mode and batch."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.sharding import AxisType, PartitionSpec

from toymodels.models.relu_output import ReluOutput
from toymodels.numerics.blocks import mean_over_blocks

X = np.cos(np.arange(4 * 12.0)).reshape(4, 12)
COUNTS = [1, 2, 3, 12]


class Cubic(NamedTuple):
    """Some model of two leaves that no loss is linear in."""

    scale: jax.Array
    shift: jax.Array


def start():
    return Cubic(jnp.arange(1.0, 5.0), jnp.array(0.3))


def error(model, x, power=2):
    return jnp.mean((model.scale[:, None] * x**3 - model.shift) ** power)


def cut(x, count):
    return jnp.stack(jnp.split(jnp.asarray(x), count, axis=1))


def assert_same(found, expected, rtol=1e-12):
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)


def along(model):
    return jax.tree.map(lambda leaf: jnp.cos(leaf + 1), model)


PRODUCTS = {
    "forward over reverse": lambda f, at: jax.jvp(jax.grad(f), (at,), (along(at),))[1],
    "reverse over reverse": lambda f, at: jax.grad(
        lambda at: sum(map(jnp.vdot, jax.grad(f)(at), along(at)))
    )(at),
    "forward": lambda f, at: jax.jvp(f, (at,), (along(at),))[1],
    "third": lambda f, at: jax.jvp(jax.hessian(f), (at,), (along(at),))[1],
    "of a compiled one": lambda f, at: jax.hessian(jax.jit(f))(at),
}


@pytest.mark.slow
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS.keys())
def test_higher_derivatives_are_the_dense_ones(product, count):
    with jax.enable_x64(True):
        found = product(
            lambda model: 3 * mean_over_blocks(error, model, cut(X, count)) ** 2, start()
        )
        assert_same(found, product(lambda model: 3 * error(model, X) ** 2, start()))


@pytest.mark.parametrize("count", COUNTS)
def test_what_a_loss_closes_over_and_its_blocks_can_be_differentiated(count):
    with jax.enable_x64(True):

        def blockwise(model, power, x):
            return mean_over_blocks(lambda model, x: error(model, x, power), model, cut(x, count))

        def dense(model, power, x):
            return error(model, x, power)

        def derivatives(function):
            first = [jax.grad(function, over) for over in ((0,), (1,), (2,), (0, 1, 2))]
            all_of_them = (*first, jax.hessian(function, (0, 2)))
            return jax.jit(lambda *at: [derivative(*at) for derivative in all_of_them])

        at = start(), jnp.array(4.0), jnp.asarray(X)
        assert_same(derivatives(blockwise)(*at), derivatives(dense)(*at))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3])
def test_a_hessian_product_of_an_ensemble_of_nnx_models(count):
    x = jnp.asarray(X, jnp.float32)

    def loss(model, x):
        return jnp.mean((x - model(x)) ** 2)

    def product(function, model):
        graph, params = nnx.split(model)
        merged = jax.grad(lambda params: function(nnx.merge(graph, params)))
        return jax.jvp(merged, (params,), (along(params),))[1]

    models = jax.vmap(lambda key: ReluOutput(4, 2, key=key))(jax.random.split(jax.random.key(0), 3))
    blockwise = jax.vmap(lambda m: product(lambda m: mean_over_blocks(loss, m, cut(x, count)), m))
    dense = jax.vmap(lambda m: product(lambda m: loss(m, x), m))(models)
    assert_same(jax.jit(blockwise)(models), dense, 1e-5)
    mesh = jax.make_mesh((3,), ("devices",), (AxisType.Auto,))
    parts = PartitionSpec("devices")
    shared = jax.shard_map(blockwise, mesh=mesh, in_specs=parts, out_specs=parts, check_vma=False)
    assert_same(jax.jit(shared)(models), dense, 1e-5)


def test_keys_can_be_blocks():
    keys = jax.random.split(jax.random.key(0), 3)

    def loss(model, key):
        return error(model, jax.random.normal(key, (4, 5)))

    found = jax.jit(jax.grad(lambda model: mean_over_blocks(loss, model, keys)))(start())
    expected = jax.grad(lambda model: sum(loss(model, keys[i]) for i in range(3)) / 3)
    assert_same(found, jax.jit(expected)(start()), 1e-5)


def test_the_first_gradient_stores_no_block_s_activations():
    x = jnp.zeros((50, 4, 100))
    gradient = jax.grad(lambda model: mean_over_blocks(error, model, x))
    plain = jax.grad(lambda model: jnp.mean(jax.lax.map(lambda x: error(model, x), x)))
    compiled = [jax.jit(g).lower(start()).compile().memory_analysis() for g in (gradient, plain)]
    ours, theirs = (found.temp_size_in_bytes for found in compiled)
    assert ours < x.nbytes / 10 < theirs
