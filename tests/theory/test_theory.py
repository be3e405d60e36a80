"""Closed forms against Monte Carlo, brute force and each other."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels import theory
from toymodels.measures import geometry

ANSATZ = [
    lambda p: ([1, 0], [0, p / 2]),
    lambda p: ([0, 1], [p / 2, 0]),
    lambda p: ([1, -1], [0, 0]),
]
"""w and b of the ansatz solutions, in the order of `theory.Phase`."""


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


@pytest.fixture(scope="module")
def optimum():
    """p, r, and the optimum there."""
    p, r = grid()
    return p, r, theory.optimum_n2_m1(p, r)


# --- ansatz solutions -----------------------------------------------------------------------------


@pytest.mark.parametrize("phase", theory.Phase)
@pytest.mark.parametrize(("p", "r"), [(1.0, 1.0), (0.6, 0.3), (0.1, 4.0)])
def test_ansatz_losses_match_monte_carlo(phase, p, r):
    loss, error = sampled_loss(*ANSATZ[phase](p), p, r, seed=int(phase))
    assert error < 0.05 * loss
    assert abs(theory.ansatz_losses(p, r)[phase] - loss) < 4 * error


@pytest.mark.parametrize("phase", theory.Phase)
@pytest.mark.parametrize("p", [0.001, 0.1, 4 / 7, 1.0])
def test_ansatz_losses_match_quadrature(phase, p):
    r = np.geomspace(0.01, 100, 5)
    w, b = ANSATZ[phase](p)
    expected = theory.ansatz_losses(p, r)[phase]
    assert expected.shape == r.shape
    np.testing.assert_allclose(exact_loss(w, b, p, r), expected, rtol=1e-12)


def test_superposition_boundaries_have_known_values():
    p = np.array([0.5, 0.3, 0.1, 0.03, 0.01])
    r_lo, r_hi = theory.superposition_boundaries(p)
    np.testing.assert_allclose(r_lo, [0.6667, 0.24, 0.05714, 0.01558, 0.005063], rtol=3e-4)
    np.testing.assert_allclose(r_hi, 1 / r_lo)
    np.testing.assert_allclose(theory.superposition_boundaries(0.16)[0], 0.1)


def test_ansatz_losses_are_equal_on_the_boundaries():
    p = np.linspace(0.01, 0.57, 50)
    r_lo, r_hi = theory.superposition_boundaries(p)
    low, high = theory.ansatz_losses(p, r_lo), theory.ansatz_losses(p, r_hi)
    np.testing.assert_allclose(low.keep_first, low.antipodal, rtol=1e-12)
    np.testing.assert_allclose(high.keep_second, high.antipodal, rtol=1e-12)
    np.testing.assert_allclose(theory.ansatz_losses(*theory.TRIPLE_POINT), 16 / 147)


def test_no_boundaries_without_superposition():
    nowhere = np.array([0.0, 4 / 7, 0.7, 0.8, 0.9, 1.0])
    assert np.isnan(theory.superposition_boundaries(nowhere)).all()
    r = np.geomspace(0.01, 100, 401)
    assert (theory.ansatz_phase(0.58, r) != theory.Phase.SUPERPOSITION).all()
    assert (theory.ansatz_phase(0.57, r) == theory.Phase.SUPERPOSITION).any()
    assert np.isfinite(theory.superposition_boundaries(0.57)).all()


def test_ansatz_phase_changes_exactly_at_the_boundaries():
    p = np.linspace(0.02, 0.56, 28)
    r_lo, r_hi = theory.superposition_boundaries(p)
    phases = [theory.ansatz_phase(p, r) for r in (r_lo * 0.999, r_lo * 1.001)]
    assert (phases[0] == theory.Phase.NOT_LEARNED).all()
    assert (phases[1] == theory.Phase.SUPERPOSITION).all()
    phases = [theory.ansatz_phase(p, r) for r in (r_hi * 0.999, r_hi * 1.001)]
    assert (phases[0] == theory.Phase.SUPERPOSITION).all()
    assert (phases[1] == theory.Phase.DEDICATED).all()
    assert theory.ansatz_phase(0.9, 0.99) == theory.Phase.NOT_LEARNED
    assert theory.ansatz_phase(0.9, 1.01) == theory.Phase.DEDICATED


def test_closed_forms_take_jax_arrays_under_jit():
    p, r = grid()
    with jax.numpy_rank_promotion("raise"):
        losses = jax.jit(theory.ansatz_losses)(jnp.asarray(p), jnp.asarray(r))
        phase = jax.jit(theory.ansatz_phase)(jnp.asarray(p), 0.7)
        boundaries = jax.jit(theory.superposition_boundaries)(jnp.asarray(p))
    assert all(isinstance(value, jax.Array) for value in (*losses, phase, *boundaries))
    np.testing.assert_allclose(losses, theory.ansatz_losses(p, r), rtol=1e-5)
    np.testing.assert_array_equal(phase, theory.ansatz_phase(p, 0.7))
    np.testing.assert_allclose(boundaries, theory.superposition_boundaries(p), rtol=1e-5)


# --- exact expected loss --------------------------------------------------------------------------


def test_expected_loss_matches_monte_carlo():
    for seed, problem in enumerate(random_problems(24, seed=1)):
        loss, error = sampled_loss(*problem, samples=100_000, seed=seed)
        assert abs(exact_loss(*problem) - loss) < 4 * error, problem


def test_expected_loss_matches_midpoint_rule():
    for problem in random_problems(12, seed=2):
        np.testing.assert_allclose(exact_loss(*problem), midpoint_loss(*problem), rtol=1e-5)


@pytest.mark.parametrize("w", [(0, 0), (0, 0.8), (0.7, 0), (-0.7, 0), (1e-9, 0.5), (0.5, -1e-9)])
@pytest.mark.parametrize("b", [(0, 0), (0.2, 0.3), (-0.3, 0.1), (0.1, -0.3)])
def test_expected_loss_with_vanishing_weights(w, b):
    expected = midpoint_loss(np.array(w), b, 0.6, 0.5, cells=400)
    np.testing.assert_allclose(exact_loss(w, b, 0.6, 0.5), expected, rtol=1e-4)


def test_dead_model_costs_the_second_moment():
    np.testing.assert_allclose(exact_loss([0, 0], [-0.1, 0], 0.3, 2), 0.3 / 3 * (1 + 2))


def test_expected_loss_exchanges_features():
    for w, b, p, r in random_problems(10, seed=3):
        exchanged = r * exact_loss(w[::-1], b[::-1], p, 1 / r)
        np.testing.assert_allclose(exact_loss(w, b, p, r), exchanged, rtol=1e-12)
        np.testing.assert_allclose(exact_loss(-w, b, p, r), exact_loss(w, b, p, r), rtol=1e-12)


def test_dense_features_allow_either_sign_of_a_weight():
    # x_j -> 1 - x_j leaves the other feature's output as it is if both biases take up w_1 w_2
    for w, b, _, r in random_problems(10, seed=4):
        for flip in (np.array([1, -1]), np.array([-1, 1])):
            flipped = w * flip, b + w[0] * w[1]
            np.testing.assert_allclose(exact_loss(*flipped, 1.0, r), exact_loss(w, b, 1.0, r))
            # at p < 1 an inactive feature breaks the symmetry
            assert abs(exact_loss(*flipped, 0.9, r) / exact_loss(w, b, 0.9, r) - 1) > 1e-4


def test_expected_loss_broadcasts_and_maps():
    w, b = np.array([0.9, -0.6]), np.array([0.05, 0.2])
    p, r = grid()
    with jax.numpy_rank_promotion("raise"):
        whole = theory.expected_loss_n2_m1(w, b, p, r)
        assert whole.dtype == jnp.float32 and whole.shape == p.shape
        mapped = jax.vmap(theory.expected_loss_n2_m1, (None, None, 0, 0))(w, b, p, r)
    np.testing.assert_allclose(whole, mapped, rtol=1e-6)
    np.testing.assert_allclose(whole, exact_loss(w, b, p, r), rtol=1e-5)
    assert exact_loss(w, b, p, r).dtype == np.float64


def test_derivatives_match_differences():
    def loss(parameters, p, r):
        return theory.expected_loss_n2_m1(parameters[:2], parameters[2:], p, r)

    step = 1e-6
    with jax.enable_x64(True):
        slope, curvature = jax.jit(jax.grad(loss)), jax.jit(jax.hessian(loss))
        for w, b, p, r in random_problems(8, seed=5):
            here = np.concatenate([w, b])
            moves = step * np.eye(4)
            steps = [(here + move, here - move) for move in moves]
            expected = [(loss(up, p, r) - loss(down, p, r)) / (2 * step) for up, down in steps]
            np.testing.assert_allclose(slope(here, p, r), expected, atol=1e-8)
            expected = [(slope(up, p, r) - slope(down, p, r)) / (2 * step) for up, down in steps]
            np.testing.assert_allclose(curvature(here, p, r), expected, atol=1e-4)


def test_gradient_keeps_its_digits_where_kinks_move_fast():
    small = [0.0, 1e-12, 1e-6, 1e-3, -1e-9, 0.5, -1.0]
    w = np.array([[first, second] for first in small for second in small], np.float32)
    slope = jax.grad(theory.expected_loss_n2_m1, (0, 1))
    gradient = jax.jit(jax.vmap(slope, (0, None, None, None)))
    for b in ([1e-13, -1e-13], [-1e-6, 1e-4], [0.2, -0.1]):
        b = np.array(b, np.float32)
        rough = gradient(w, b, 0.3, 0.5)
        with jax.enable_x64(True):
            fine = gradient(w.astype(np.float64), b.astype(np.float64), 0.3, 0.5)
        for found, expected in zip(rough, fine, strict=True):
            assert found.dtype == jnp.float32
            np.testing.assert_allclose(found, expected, atol=1e-6)


# --- optimum --------------------------------------------------------------------------------------


def test_optimum_is_a_stationary_point_of_the_quadrature(optimum):
    p, r, (w, b, loss) = optimum
    assert w.dtype == b.dtype == loss.dtype == np.float64
    assert w.shape == b.shape == (*p.shape, 2) and loss.shape == p.shape
    np.testing.assert_allclose(exact_loss(w, b, p, r), loss, rtol=1e-12)
    with jax.enable_x64(True):
        slopes = jax.jit(jax.vmap(jax.grad(theory.expected_loss_n2_m1, (0, 1))))(
            w.reshape(-1, 2), b.reshape(-1, 2), p.ravel(), r.ravel()
        )
        scale = theory.feature_variance(p) * np.minimum(r, 1)
    for slope in slopes:
        assert (np.abs(slope).max(axis=-1) < 1e-5 * scale.ravel()).all()


def test_optimum_is_never_above_the_ansatz(optimum):
    p, r, (_, _, loss) = optimum
    ansatz = np.min(theory.ansatz_losses(p, r), axis=0)
    assert (loss <= ansatz * (1 + 1e-12)).all()
    assert (loss > 0.8 * ansatz).all()
    # far from the boundaries one feature alone is optimal
    alone = (p > 0.6) & (np.abs(np.log10(r)) > 0.5)
    assert alone.sum() > 10
    np.testing.assert_allclose(loss[alone], ansatz[alone], rtol=1e-12)


def test_optimum_beats_random_parameters_and_local_changes(optimum):
    p, r, (w, b, loss) = optimum
    rng = np.random.default_rng(6)
    scale = np.geomspace(1e-4, 1, 200)[:, None, None, None]
    moves = scale * rng.normal(size=(200, 1, 1, 4))
    elsewhere = exact_loss(w + moves[..., :2], b + moves[..., 2:], p, r)
    assert (elsewhere >= loss * (1 - 1e-12)).all()


def test_optimum_lies_strictly_below_the_ansatz_at_the_boundaries():
    p = np.array([0.01, 0.03, 0.1, 0.3, 0.5, 0.55])
    r_lo, r_hi = theory.superposition_boundaries(p)
    for r in (r_lo, r_hi):
        gain = 1 - theory.optimum_n2_m1(p, r).loss / np.min(theory.ansatz_losses(p, r), axis=0)
        assert (gain > 0.08).all() and (gain < 0.15).all()
    dense = np.array([4 / 7, 0.6, 0.8, 1.0])
    gain = 1 - theory.optimum_n2_m1(dense, 1.0).loss / theory.feature_variance(dense)
    assert (gain > 5e-4).all()


def test_optimal_superposition_begins_before_the_ansatz_boundary():
    p = np.array([0.01, 0.1, 0.3, 0.5])
    r_lo, _ = theory.superposition_boundaries(p)
    below, above = (theory.optimum_n2_m1(p, factor * r_lo) for factor in (0.8, 0.9))
    np.testing.assert_allclose(below.loss, theory.ansatz_losses(p, 0.8 * r_lo).keep_first)
    np.testing.assert_allclose(below.w, [[1, 0]] * 4, atol=1e-6)
    # the extra feature's weight does not grow from 0: another minimum takes over
    assert (above.w[:, 1] < -0.6).all()


def test_optimum_of_equals_in_the_sparse_limit_is_antipodal():
    w, b, loss = theory.optimum_n2_m1(1e-3, 1.0)
    np.testing.assert_allclose(w, [1, -1], atol=1e-3)
    np.testing.assert_allclose(b, 0, atol=1e-3)
    np.testing.assert_allclose(loss, theory.ansatz_losses(1e-3, 1.0).antipodal, rtol=1e-3)


def test_optimum_exchanges_features(optimum):
    _, r, (w, _, loss) = optimum
    # the grid of r is symmetric: reversing it inverts r
    np.testing.assert_allclose(loss, r * loss[:, ::-1], rtol=1e-9)
    unequal = np.abs(np.log(r)) > 0.1
    swapped = np.abs(w[:, ::-1, ::-1])
    np.testing.assert_allclose(np.abs(w)[unequal], swapped[unequal], atol=1e-5)


def test_optimum_signs_are_canonical(optimum):
    p, _, (w, _, _) = optimum
    assert (w[..., 0] >= 0).all()
    assert (w[p == 1][:, 1] <= 0).all() and (p == 1).sum() == 13


def test_optimum_leaves_the_precision_alone_and_takes_numbers():
    w, b, loss = theory.optimum_n2_m1(0.3, 0.5)
    assert w.shape == b.shape == (2,) and loss.shape == ()
    assert jnp.ones(()).dtype == jnp.float32
    assert theory.optimum_n2_m1(np.zeros((0, 2)), 1.0).w.shape == (0, 2, 2)


@pytest.mark.parametrize(("p", "r"), [(0, 1), (1.1, 1), (np.nan, 1), (0.5, 0), (0.5, np.inf)])
def test_optimum_rejects_what_is_out_of_range(p, r):
    with pytest.raises(ValueError, match="probability" if p != 0.5 else "importance"):
        theory.optimum_n2_m1(p, r)


# --- linear model ---------------------------------------------------------------------------------


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


def test_feature_variance_is_that_of_samples():
    rng, p = np.random.default_rng(9), 0.3
    x = np.where(rng.random(400_000) < p, rng.random(400_000), 0)
    np.testing.assert_allclose(theory.feature_variance(p), x.var(), rtol=0.01)


# --- polytopes and memorisers ---------------------------------------------------------------------


def polygon(k):
    angles = 2 * np.pi * np.arange(k) / k
    return np.stack([np.cos(angles), np.sin(angles)])


@pytest.mark.parametrize("k", [3, 4, 5, 8, 30])
def test_polygon_dimensionality(k):
    D = geometry.dimensionality(polygon(k))
    np.testing.assert_allclose(D, theory.polygon_dimensionality(k))


@pytest.mark.parametrize("k", [2, 3, 4, 6])
def test_simplex_dimensionality(k):
    # columns of a centring matrix: a simplex in the k - 1 dimensions orthogonal to 1_k
    D = geometry.dimensionality(np.eye(k) - 1 / k)
    np.testing.assert_allclose(D, theory.simplex_dimensionality(k))


def test_known_dimensionalities_need_enough_corners():
    with pytest.raises(ValueError, match="3 or more"):
        theory.polygon_dimensionality(2)
    with pytest.raises(ValueError, match="2 or more"):
        theory.simplex_dimensionality(1)


@pytest.mark.parametrize("T", [2, 3, 4, 5, 6, 7, 30, 200])
def test_memoriser_reproduces_its_data_at_the_stated_norms(T):
    rng = np.random.default_rng(T)
    supports = 2
    X = np.zeros((T * supports, T))
    for i in range(T):
        X[i * supports : (i + 1) * supports, i] = rng.random(supports)
    X /= np.linalg.norm(X, axis=0)
    rho, beta, weight_norm, bias_norm = theory.memoriser_norms(T)
    W, b = rho * polygon(T) @ X.T, -beta * X.sum(axis=1)

    def output(W):
        return np.maximum(W.T @ W @ X + b[:, None], 0)

    np.testing.assert_allclose(output(W), X, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(W), weight_norm)
    np.testing.assert_allclose(np.linalg.norm(b), bias_norm, atol=1e-12)
    np.testing.assert_allclose(geometry.dimensionality(W @ X), 2 / T if T > 2 else 1 / 2)
    # a smaller circle with the bias that keeps its own datapoint exact lets neighbours through
    smaller = 0.99 * rho
    b = -(smaller**2 - 1) * X.sum(axis=1)
    assert np.abs(output(0.99 * W) - X).max() > 1e-3


def test_memoriser_norms_cross_between_6_and_7():
    T = np.arange(2, 300)
    norms = theory.memoriser_norms(T)
    assert norms.rho.shape == T.shape
    larger = norms.bias_norm > norms.weight_norm
    assert not larger[T <= 6].any() and larger[T >= 7].all()
    assert norms.beta[T == 3] < 0 and abs(norms.beta[T == 4]) < 1e-12
    assert all(after > before for before, after in pairwise(norms.weight_norm))
    # no cancellation at T = 10^6: rho -> T / (pi sqrt 2)
    large = theory.memoriser_norms(10**6).rho
    np.testing.assert_allclose(large, 1e6 / (np.pi * np.sqrt(2)), rtol=1e-11)
    with pytest.raises(ValueError, match="2 or more"):
        theory.memoriser_norms(np.array([3, 1]))


# --- one-sparse inputs ----------------------------------------------------------------------------


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
