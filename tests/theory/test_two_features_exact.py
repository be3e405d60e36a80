"""The exact loss against sampling, brute force and its symmetries; its optimum against all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from theory_problems import exact_loss, grid, midpoint_loss, random_problems, sampled_loss

from toymodels import theory


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


@pytest.fixture(scope="module")
def optimum():
    """p, r, and the optimum there."""
    p, r = grid()
    return p, r, theory.optimum_n2_m1(p, r)


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
    with pytest.raises(ValueError, match="p must be" if p != 0.5 else "r must be"):
        theory.optimum_n2_m1(p, r)
