"""The solutions for three features against the exact loss, and where their losses are equal."""

import numpy as np
import pytest

from toymodels import theory


@pytest.mark.parametrize("phase", theory.PhaseN3M2)
def test_losses_are_those_of_the_solutions(phase):
    p, r = 0.3, 2.5
    W = theory.SOLUTIONS_N3_M2[phase]
    dropped = ~W.any(axis=0)
    exact = theory.active_set_loss(W, dropped * p / 2, np.full(3, p), np.array([1.0, 1.0, r]))
    np.testing.assert_allclose(theory.ansatz_losses_n3_m2(p, r)[phase], exact, rtol=1e-3)


def test_boundaries():
    p = np.array([0.1, 0.3, 0.5])
    boundary = 2 * p / (4 - 5 * p)
    phase = theory.PhaseN3M2
    below, above = (theory.ansatz_phase_n3_m2(p, boundary * f) for f in (0.99, 1.01))
    assert (below == phase.NOT_LEARNED).all()
    assert (above == phase.SUPERPOSED).all()
    for r in (1.5, 9.0):  # horizontal for r > 1
        assert theory.ansatz_phase_n3_m2(4 / 7 + 0.01, r) == phase.FIRST_DROPPED
        assert theory.ansatz_phase_n3_m2(4 / 7 - 0.01, r) == phase.OTHERS_SUPERPOSED
