"""Members in turn give what vmapped members give, whatever is mapped and however often."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels.numerics.turns import members_in_turn

WEIGHTS = {
    "W": jnp.cos(jnp.arange(24.0)).reshape(4, 2, 3),
    "b": jnp.sin(jnp.arange(12.0)).reshape(4, 3),
}
SAMPLES = jnp.sin(jnp.arange(30.0)).reshape(3, 2, 5)


def loss(model, x):
    return jnp.sum(jnp.tanh(model["W"].T @ x + model["b"][:, None]) ** 2)


def assert_same(found, expected):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, expected
    )


@pytest.mark.parametrize("axes", [(0, None), ({"W": 0, "b": None}, None)])
def test_one_axis(axes):
    model = WEIGHTS if axes[0] == 0 else {"W": WEIGHTS["W"], "b": WEIGHTS["b"][0]}
    plain = jax.value_and_grad(loss)
    expected = jax.vmap(plain, axes)(model, SAMPLES[0])
    assert_same(jax.jit(jax.vmap(members_in_turn(plain), axes))(model, SAMPLES[0]), expected)


@pytest.mark.parametrize("shared", [False, True])
def test_two_axes(shared):
    plain = jax.value_and_grad(loss)
    samples, own = (SAMPLES[0], None) if shared else (SAMPLES, 0)

    def grid(function):
        return jax.vmap(jax.vmap(function, (None, own)) if not shared else function, (0, None))

    assert_same(grid(members_in_turn(plain))(WEIGHTS, samples), grid(plain)(WEIGHTS, samples))


def test_a_derivative_through_turns_is_that_of_the_function():
    def total(function):
        return lambda model: jnp.sum(jax.vmap(function, (0, None))(model, SAMPLES[0]))

    assert_same(
        jax.jvp(total(members_in_turn(loss)), (WEIGHTS,), (WEIGHTS,)),
        jax.jvp(total(loss), (WEIGHTS,), (WEIGHTS,)),
    )


def test_members_are_computed_one_after_the_other():
    members, width = 64, 1000
    x = jnp.ones((members, width))

    def wide(row):  # has an array [width, width]
        return jnp.sum(jnp.cumsum(jnp.sin(row[:, None] * row[None]), axis=0))

    def temporary(function):
        memory = jax.jit(jax.vmap(function)).lower(x).compile().memory_analysis()
        return memory.temp_size_in_bytes

    assert temporary(members_in_turn(wide)) < temporary(wide) / 10
