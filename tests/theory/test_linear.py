"""The linear optimum against gradient descent and sampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import theory


def linear_loss(W, b, importance, p):
    """E of sum_i I_i (x - W^T W x - b)_i^2, exact through the first two moments."""
    n = len(importance)
    mean = jnp.full(n, p / 2)
    second = (p / 3 - p**2 / 4) * jnp.eye(n) + jnp.outer(mean, mean)
    Q = jnp.eye(n) - W.T @ W
    spread = jnp.diag(Q @ second @ Q) - 2 * b * (Q @ mean) + b**2
    return importance @ spread


@pytest.mark.parametrize(("n", "m"), [(2, 1), (3, 1), (3, 2), (4, 2)])
def test_linear_optimum_matches_brute_force(n, m):
    importance, p = 0.7 ** np.arange(n), 0.4

    def loss(state):
        return linear_loss(*state, importance, p)

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
    assert abs(linear_loss(W, b, importance, p) - losses.mean()) < 4 * error


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
    with pytest.raises(ValueError, match="hidden"):
        theory.linear_optimum_loss(importance, 0.5, -1)
