"""The linear model's loss against sampling, and its optimum against gradient descent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import theory


@pytest.mark.parametrize(("n", "m"), [(2, 1), (3, 1), (3, 2), (4, 2)])
def test_linear_optimum_matches_brute_force(n, m):
    importance, p = 0.7 ** np.arange(n), 0.4

    def loss(state):
        return theory.linear_loss(*state, p, importance)

    def descend(start):
        def step(_, state):
            return jax.tree.map(lambda x, slope: x - 0.2 * slope, state, jax.grad(loss)(state))

        return loss(jax.lax.fori_loop(0, 4000, step, start))

    W, b = (0.5 * np.random.default_rng(7).normal(size=(12, *shape)) for shape in ((m, n), (n,)))
    with jax.enable_x64(True):
        reached = np.asarray(jax.jit(jax.vmap(descend))((W, b)))
    best = theory.linear_optimum_loss(importance, p, m)
    assert (reached >= best * (1 - 1e-9)).all()
    np.testing.assert_allclose(reached.min(), best, rtol=1e-4)


def test_linear_loss_matches_monte_carlo():
    rng = np.random.default_rng(8)
    W, b, importance, p = rng.normal(size=(2, 4)), rng.normal(size=4), np.arange(1.0, 5), 0.3
    x = np.where(rng.random((4, 200_000)) < p, rng.random((4, 200_000)), 0)
    losses = importance @ (x - W.T @ (W @ x) - b[:, None]) ** 2
    error = losses.std() / np.sqrt(losses.size)
    assert abs(theory.linear_loss(W, b, p, importance) - losses.mean()) < 4 * error


def test_linear_optimum_keeps_the_most_important():
    importance, p = np.array([1.0, 4.0, 2.0, 3.0]), np.array([0.1, 0.5, 1.0])
    expected = theory.feature_variance(p) * (1 + 2)
    np.testing.assert_allclose(theory.linear_optimum_loss(importance, p, 2), expected)
    assert theory.linear_optimum_loss(importance, 0.5, 4) == 0
    np.testing.assert_allclose(theory.linear_optimum_loss(importance, 1.0, 0), 10 / 12)
    assert theory.linear_optimum_loss(importance[:2], 1.0, 3) == 0
    batch = np.stack([importance, 2 * importance])
    np.testing.assert_allclose(
        theory.linear_optimum_loss(batch, 0.5, 2), theory.feature_variance(0.5) * np.array([3, 6])
    )
    found = theory.linear_optimum_loss(jnp.asarray(importance), jnp.asarray(p), 2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="m must be at least 0; got"):
        theory.linear_optimum_loss(importance, 0.5, -1)
