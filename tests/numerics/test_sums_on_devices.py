"""Sums that devices share out equal those of one device, with all derivatives."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, PartitionSpec

from toymodels import (
    AttentionMixing,
    Axis,
    FiniteDataset,
    MixingMatrix,
    OvDraw,
    Reconstruction,
    ReluOutput,
    SparseFeatures,
    draw_datapoints,
    train,
)
from toymodels.engine.axes import keep_busy
from toymodels.numerics.sharing import DEVICES, devices_sharing, is_shared, sum_on_devices, trace

TWO = jax.devices()[:2]
KEY = jax.random.key(0)
PARTS = jnp.sin(jnp.arange(24.0)).reshape(8, 3)
AT = jnp.cos(jnp.arange(6.0)).reshape(2, 3)


def total(parts, at):
    return jnp.sum(jnp.tanh(parts @ at) ** 2)


def shared(parts, at):
    return sum_on_devices(total, parts, at)


def on_two_devices(function, *args):
    """Call a function whose sums two devices share out."""
    mesh, whole = jax.make_mesh((2,), (DEVICES,), (AxisType.Auto,), devices=TWO), PartitionSpec()
    spread = jax.shard_map(
        function, mesh=mesh, in_specs=(whole,) * len(args), out_specs=whole, check_vma=False
    )
    with devices_sharing(2):
        return jax.jit(spread)(*args)


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (lambda f: f, AT[0]),
        (partial(jax.vmap, in_axes=(None, 0)), AT),
        (partial(jax.grad, argnums=(0, 1)), AT[0]),
        (partial(jax.jacfwd, argnums=1), AT[0]),
        (partial(jax.hessian, argnums=1), AT[0]),
        (lambda f: jax.jacrev(jax.grad(f, argnums=1), argnums=1), AT[0]),
    ],
)
def test_a_shared_sum_and_its_derivatives(of, at):
    found, expected = on_two_devices(of(shared), PARTS, at), of(total)(PARTS, at)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, expected
    )


def test_only_even_and_large_shares_are_shared():
    def of(parts, least):
        with devices_sharing(2):
            return is_shared(trace(partial(sum_on_devices, total, least=least), parts, AT[0])[0])

    assert of(PARTS, 4)
    assert not of(PARTS, 5)
    assert not of(PARTS[:7], 1)
    assert not is_shared(trace(shared, PARTS, AT[0])[0])


def many_features():
    features = SparseFeatures(64, sparsity=0.9)
    return Reconstruction(features, lambda key: ReluOutput(64, 4, key=key), 4096, 2**12)


def many_datapoints():
    points = draw_datapoints(SparseFeatures(2_000, sparsity=0.99), 600, key=KEY)
    return FiniteDataset(lambda key: ReluOutput(2_000, 2, key=key), points, points)


def heads(sparsity=0.9):
    ovs = OvDraw.of(3, 8, key=KEY).sparse(0.5)
    build = partial(MixingMatrix, 3, 2, 8)
    return AttentionMixing(lambda key: build(key=key), ovs, sparsity, batch_size=512)


@pytest.mark.parametrize(
    ("objective", "axes"),
    [
        (many_features, []),
        (many_datapoints, [Axis.seeds(2, shared_batches=True)]),
        (heads, [Axis.seeds(3, shared_batches=True)]),
        (heads, [Axis.seeds(4, shared_batches=True)]),
    ],
)
def test_a_training_on_two_devices_is_that_on_one(objective, axes):
    task = objective()

    def problem():
        return task, optax.adam(1e-2)

    with devices_sharing(2):
        model = jax.eval_shape(task.init, KEY)
        assert is_shared(trace(jax.grad(task.loss), model, KEY)[0])
    two, one = (train(problem, axes, 20, key=KEY, devices=d) for d in (TWO, TWO[:1]))
    first = train(problem, axes, 8, key=KEY, devices=TWO)
    resumed = train(problem, axes, 12, key=KEY, devices=TWO, start=first)
    for name in one.data_vars:
        if one[name].dtype.kind == "f":
            np.testing.assert_allclose(two[name], one[name], rtol=1e-5, atol=1e-5)
    for name in set(model.dims) & set(one.data_vars):
        np.testing.assert_array_equal(resumed[name], two[name])


@pytest.mark.parametrize(
    ("axes", "busy"),
    [
        ([], False),
        ([Axis("sparsity", [0.5])], False),
        ([Axis("sparsity", [0.5, 0.9])], True),
        ([Axis.seeds(4)], True),
        ([Axis.seeds(4, shared_batches=True)], False),
        ([Axis("sparsity", [0.5, 0.9]), Axis.seeds(4, shared_batches=True)], True),
    ],
)
def test_restarts_that_share_batches_do_not_keep_devices_busy(axes, busy):
    assert keep_busy(axes, 2) == busy
