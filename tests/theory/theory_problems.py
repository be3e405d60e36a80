"""What tests of theory share: polygons, and the exact and the sampled two-feature model."""

import jax
import numpy as np

from toymodels import theory

ANSATZ = [
    lambda p: ([1, 0], [0, p / 2]),
    lambda p: ([0, 1], [p / 2, 0]),
    lambda p: ([1, -1], [0, 0]),
]
"""w and b of the ansatz solutions, in the order of `theory.Phase`."""


def polygon(k):
    """Corners of a regular polygon as columns, `[2, k]`."""
    angles = 2 * np.pi * np.arange(k) / k
    return np.stack([np.cos(angles), np.sin(angles)])


def exact_loss(w, b, p, r):
    """The quadrature in float64, as NumPy."""
    with jax.enable_x64(True):
        w, b = (np.asarray(values, np.float64) for values in (w, b))
        return np.asarray(theory.expected_loss_n2_m1(w, b, p, r))


def sampled_loss(w, b, p, r, samples=200_000, seed=0):
    """Monte Carlo estimate of the two-feature model's loss and its standard error."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random((2, samples)) < p, rng.random((2, samples)), 0.0)
    w, b = np.asarray(w, float)[:, None], np.asarray(b, float)[:, None]
    y = np.maximum(w * (w * x).sum(axis=0) + b, 0)
    losses = np.array([1, r]) @ (x - y) ** 2
    return losses.mean(), losses.std() / np.sqrt(samples)


def midpoint_loss(w, b, p, r, cells=1000):
    """Brute force: midpoint rule on the cases of none, one and both features active."""
    u = (np.arange(cells) + 0.5) / cells
    off = np.zeros(1)
    total = 0
    for first, chance_1 in ((off, 1 - p), (u, p)):
        for second, chance_2 in ((off, 1 - p), (u, p)):
            x = np.stack(np.meshgrid(first, second, indexing="ij"))
            h = np.tensordot(w, x, 1)
            y = np.maximum(np.multiply.outer(w, h) + np.asarray(b)[:, None, None], 0)
            total += chance_1 * chance_2 * np.tensordot([1, r], (x - y) ** 2, 1).mean()
    return total


def random_problems(count, seed):
    """(w, b, p, r) over all signs and activity patterns."""
    rng = np.random.default_rng(seed)
    w, b = rng.normal(0, 0.9, (count, 2)), rng.normal(0, 0.4, (count, 2))
    return list(zip(w, b, rng.uniform(0.1, 1, count), 10 ** rng.uniform(-1, 1, count), strict=True))


def grid():
    return np.meshgrid(np.geomspace(0.01, 1, 12), np.geomspace(0.1, 10, 13), indexing="ij")
