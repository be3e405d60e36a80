"""Three features in two dimensions: the four simple solutions of the phase diagram."""

from enum import IntEnum

import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toymodels.theory.arrays import Numbers, namespace_and_arrays
from toymodels.theory.features import feature_variance

__all__ = ["SOLUTIONS_N3_M2", "PhaseN3M2", "ansatz_losses_n3_m2", "ansatz_phase_n3_m2"]


class PhaseN3M2(IntEnum):
    """Solutions by what becomes of the third feature, whose importance is r, and of the others."""

    NOT_LEARNED = 0
    """The third feature is dropped."""
    FIRST_DROPPED = 1
    """The third feature has a dimension, one of the others is dropped."""
    SUPERPOSED = 2
    """The third feature and one of the others are an antipodal pair."""
    OTHERS_SUPERPOSED = 3
    """The third feature has a dimension, the others are an antipodal pair."""


SOLUTIONS_N3_M2 = np.array(
    [
        [[1, 0, 0], [0, 1, 0]],
        [[0, 1, 0], [0, 0, 1]],
        [[1, 0, 0], [0, 1, -1]],
        [[1, -1, 0], [0, 0, 1]],
    ],
    float,
)
"""W [phase, 2, 3] of the solutions, in the order of `PhaseN3M2`."""


def ansatz_losses_n3_m2(p: Numbers, r: Numbers) -> Float[Array | np.ndarray, "..."]:
    """Return the expected losses of the four solutions.

    A dropped feature costs its importance times its variance, an antipodal pair the sum of the
    importances times p^2 / 6.

    Source: the solutions are those of Elhage et al. 2022, section "Superposition as a Phase
    Change"; the losses follow as in `ansatz_losses`.

    Args:
        p: feature probability, in [0, 1].
        r: importance of the third feature over that of the others, positive; broadcasts against p.

    Returns:
        The losses, [phase, ...] with the common shape of p and r.
    """
    xp, density, importance = namespace_and_arrays(p, r)
    variance, pair = feature_variance(density), density**2 / 6
    losses = [importance * variance, variance, (1 + importance) * pair, 2 * pair]
    return xp.stack([xp.asarray(loss) for loss in losses])


def ansatz_phase_n3_m2(p: Numbers, r: Numbers) -> Int[Array | np.ndarray, "..."]:
    """Return the `PhaseN3M2` with the lowest loss.

    For r < 1 the boundary is r = 2p / (4 - 5p), as of two features; for r > 1 it is p = 4/7.

    >>> from toymodels import theory
    >>> theory.ansatz_phase_n3_m2(p=[0.7, 0.3], r=2.0).tolist()
    [1, 3]
    """
    xp, losses = namespace_and_arrays(ansatz_losses_n3_m2(p, r))
    return xp.asarray(losses.argmin(axis=0))
