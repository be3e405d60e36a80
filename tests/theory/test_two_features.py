"""The ansatz solutions against Monte Carlo, quadrature and each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from theory_problems import ANSATZ, exact_loss, grid, sampled_loss

from toymodels import theory


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
