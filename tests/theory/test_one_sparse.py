"""The one-sparse loss against its closed form, sampling and the sparse limit."""

import jax
import numpy as np
from theory_problems import exact_loss, polygon

from toymodels import theory


def off_diagonal(a, b):
    """Closed form of the integral over u in [0, 1] of relu(u a + b)^2."""
    if a == 0:
        return max(b, 0) ** 2
    if b <= 0:
        return max(a + b, 0) ** 3 / (3 * a) if a > 0 else 0
    return (max(a + b, 0) ** 3 - b**3) / (3 * a)


def diagonal(N, b):
    """Closed form of the integral over u in [0, 1] of (u - relu(u N + b))^2, N not 1."""
    if b <= 0 and N + b <= 0:
        return 1 / 3
    if b <= 0:
        return ((1 - N - b) ** 3 + b**3 / N**2) / (3 * (1 - N))
    return ((1 - N - b) ** 3 + b**3) / (3 * (1 - N))


def closed_one_sparse_loss(W, b):
    G, n = W.T @ W, len(b)
    terms = [
        diagonal(G[i, i], b[i]) if i == j else off_diagonal(G[i, j], b[j])
        for i in range(n)
        for j in range(n)
    ]
    return sum(terms) / n


def exact_one_sparse_loss(W, b):
    with jax.enable_x64(True):
        return np.asarray(theory.one_sparse_loss(np.asarray(W, float), np.asarray(b, float)))


def test_one_sparse_loss_matches_its_closed_form():
    rng = np.random.default_rng(10)
    for scale in (0.2, 0.6, 1.5):
        for _ in range(10):
            W, b = rng.normal(0, scale, (2, 5)), rng.normal(0, 0.3, 5)
            W[:, 2] = 0
            np.testing.assert_allclose(
                exact_one_sparse_loss(W, b), closed_one_sparse_loss(W, b), rtol=1e-10
            )


def test_one_sparse_loss_matches_monte_carlo():
    rng = np.random.default_rng(11)
    W, b, samples = rng.normal(0, 0.7, (2, 4)), rng.normal(0, 0.3, 4), 200_000
    x = np.zeros((4, samples))
    x[rng.integers(0, 4, samples), np.arange(samples)] = rng.random(samples)
    losses = ((x - np.maximum(W.T @ (W @ x) + b[:, None], 0)) ** 2).sum(axis=0)
    error = losses.std() / np.sqrt(samples)
    assert abs(exact_one_sparse_loss(W, b) - losses.mean()) < 4 * error


def test_one_sparse_loss_of_a_constant_prediction():
    # best constant 1/(2n) for each feature of a model without weights
    n = 6
    found = exact_one_sparse_loss(np.zeros((2, n)), np.full(n, 1 / (2 * n)))
    np.testing.assert_allclose(found, n * (1 / (3 * n) - 1 / (4 * n**2)), rtol=1e-12)


def test_one_sparse_loss_is_the_sparse_limit_of_independent_features():
    w, b, p = np.array([0.9, -0.7]), np.array([-0.1, -0.05]), 1e-7
    limit = exact_loss(w, b, p, 1.0) / (2 * p)
    np.testing.assert_allclose(exact_one_sparse_loss(w[None], b), limit, rtol=1e-6)


def test_one_sparse_loss_prefers_the_hexagon_to_the_pentagon_of_six_features():
    radius, bias = np.meshgrid(np.linspace(0.8, 1.6, 60), np.linspace(-0.9, 0, 60))

    def best(k):
        W = np.zeros((60, 60, 2, 6))
        W[..., :k] = radius[..., None, None] * polygon(k)
        b = np.full((60, 60, 6), 1 / 12)
        b[..., :k] = bias[..., None]
        return exact_one_sparse_loss(W, b).min()

    assert best(4) > best(5) > best(6)
