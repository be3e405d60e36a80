"""Two features in one dimension: losses, phases and boundaries of three ansatz solutions.

The model is the ReLU-output model with n=2, m=1 of Elhage et al. 2022, "Toy Models of
Superposition", section "Superposition as a Phase Change": y_i = relu(w_i (w_1 x_1 + w_2 x_2) + b_i)
with scalar w_1, w_2. r is the importance of the second, "extra" feature relative to the first.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toymodels.theory.arrays import Numbers, namespace_and_arrays
from toymodels.theory.features import feature_variance

__all__ = [
    "TRIPLE_POINT",
    "Phase",
    "TwoFeatureLosses",
    "ansatz_losses",
    "ansatz_phase",
    "superposition_boundaries",
]

TRIPLE_POINT = (4 / 7, 1.0)
"""(p, r) at which all three ansatz losses of the two-feature model are equal."""


class Phase(IntEnum):
    """How the two-feature model represents its second, "extra" feature."""

    NOT_LEARNED = 0
    DEDICATED = 1
    SUPERPOSITION = 2


class TwoFeatureLosses(NamedTuple):
    """Expected losses of the three ansatz solutions, in the order of `Phase`."""

    keep_first: Float[Array | np.ndarray, "*batch"]
    """w = (1, 0), b = (0, p/2): the model predicts the mean of the extra feature."""
    keep_second: Float[Array | np.ndarray, "*batch"]
    """w = (0, 1), b = (p/2, 0): the model predicts the mean of the first feature."""
    antipodal: Float[Array | np.ndarray, "*batch"]
    """w = (1, -1), b = (0, 0): both features in one dimension."""


def ansatz_losses(p: Numbers, r: Numbers) -> TwoFeatureLosses:
    """Return the expected losses of the two-feature model's three ansatz solutions.

    A dropped feature adds its variance. The antipodal pair is exact unless both features are
    active (probability p^2); then the outputs are relu(x_1 - x_2) and relu(x_2 - x_1), each has the
    error min(x_1, x_2), and E[min^2] = 1/6.

    Source: the three solutions are those of Elhage et al. 2022, section "Superposition as a Phase
    Change"; the losses are derived here as above.

    Args:
        p: feature probability, in [0, 1].
        r: relative importance of the second feature, positive; broadcasts against p.

    Returns:
        The three losses, each of the broadcast shape.
    """
    xp, density, importance = namespace_and_arrays(p, r)
    variance = feature_variance(density)
    both = (1 + importance) * density**2 / 6
    return TwoFeatureLosses(xp.asarray(importance * variance), variance, xp.asarray(both))


def ansatz_phase(p: Numbers, r: Numbers) -> Int[Array | np.ndarray, "..."]:
    """Phase with the lowest of the three ansatz losses; the first one if losses are equal.

    >>> from toymodels import theory
    >>> theory.ansatz_phase([0.9, 0.9, 0.05], [0.5, 2.0, 1.0])
    array([0, 1, 2])
    >>> theory.Phase(2).name
    'SUPERPOSITION'

    Source: the theoretical diagram of Elhage et al. 2022, section "Superposition as a Phase
    Change".

    Args:
        p: feature probability, in (0, 1].
        r: relative importance of the second feature, positive; broadcasts against p.

    Returns:
        Values of `Phase`, of the broadcast shape.
    """
    losses = ansatz_losses(p, r)
    xp = losses.antipodal.__array_namespace__()
    return xp.asarray(xp.argmin(xp.stack(losses), axis=0))


def superposition_boundaries(
    p: Numbers,
) -> tuple[Float[Array | np.ndarray, "..."], Float[Array | np.ndarray, "..."]]:
    """Relative importances between which the antipodal ansatz has the lowest loss.

    Equating r (p/3 - p^2/4) with (1 + r) p^2 / 6 gives r_lo = 2p / (4 - 5p); exchanging the
    features gives r_hi = 1 / r_lo. They meet at `TRIPLE_POINT`. At larger p, dropping a feature is
    better at every r, and r = 1 is the boundary between dropping the second and the first.

    Source: derived here.

    Args:
        p: feature probability, of any shape.

    Returns:
        (r_lo, r_hi), each of p's shape; NaN outside 0 < p < 4/7, where no r gives superposition.
    """
    xp, density = namespace_and_arrays(p)
    inside = (density > 0) & (density < TRIPLE_POINT[0])
    # avoids divisions by zero in the branch not taken
    safe = xp.where(inside, density, 0.5)
    r_lo = 2 * safe / (4 - 5 * safe)
    return xp.where(inside, r_lo, xp.nan), xp.where(inside, 1 / r_lo, xp.nan)
