"""Motifs of neurons that compute in superposition: few neurons that work together.

The model is y = relu(W_out relu(W_in x) + b), as in `circuits`.

Source: Elhage et al. 2022, "Computation in Superposition".
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Real

from toymodels.measures.circuits import outputs, rescaled
from toymodels.numerics.arrays import AnyArray, Nested
from toymodels.numerics.names import in_order

__all__ = [
    "AsymmetricMotif",
    "Interference",
    "find_asymmetric_motifs",
    "interference",
    "without_inhibition",
]

Weights = Real[AnyArray, "_ _"] | Nested

UNEQUAL = 2.0
"""Ratio of a neuron's input weights, and of its output weights, from which it is asymmetric."""
SERVED = 0.3
"""Product of input and output weight from which a neuron serves a feature; exact is 1."""
INHIBITION = 0.5
"""Least fall of the output b by the inhibitor when a is active with the value 1."""


class AsymmetricMotif(NamedTuple):
    """A neuron that serves one feature by its input and another by its output, and an inhibitor.

    Attributes:
        neuron: the asymmetric neuron.
        a: the feature with the large input weight and the small output weight.
        b: the feature with the small input weight and the large output weight.
        inhibitor: the neuron that is active with a and lowers the output b.
        inhibition: change of the output b by the inhibitor when x_a is 1, or -1 if that is the
            half of a that the neuron serves; negative.
    """

    neuron: int
    a: int
    b: int
    inhibitor: int
    inhibition: float


def find_asymmetric_motifs(W_in: Weights, W_out: Weights) -> list[AsymmetricMotif]:
    """Find the asymmetric superposition motif in the weights of a model.

    With w = W_in and v = W_out, neuron k serves a half of feature a and a half of feature b,
    |w_ka| v_ak > 0.3 and |w_kb| v_bk > 0.3, one by a large input weight and the other by a large
    output weight: |w_ka| > 2 |w_kb| and v_bk > 2 v_ak. Then b hardly disturbs the output a, but a
    raises the output b. Another neuron l inhibits b when a is active: its input weight of a has
    the sign of w_ka and at least half the size of its largest, and |w_la| v_bl < -0.5. Motifs do
    not depend on the scale of neurons, relu(c w x) = c relu(w x).

    >>> import numpy as np
    >>> from toymodels import motifs
    >>> W_in = np.array([[2.0, -0.5], [1.0, 0.0]])  # neurons of features a and b
    >>> W_out = np.array([[0.5, 0.0], [2.0, -4.0]])
    >>> motifs.find_asymmetric_motifs(W_in, W_out)
    [AsymmetricMotif(neuron=0, a=0, b=1, inhibitor=1, inhibition=-4.0)]

    Source: Elhage et al. 2022, "Computation in Superposition", the asymmetric superposition motif,
    with input weights like 2 and -1/2 and output weights like 1/2 and 2. It gives no criterion;
    this one is of this library.

    Args:
        W_in: input weights [m, n]; the dimensions `hidden` and `feature` of a DataArray are matched
            by name.
        W_out: output weights [n, m], likewise.

    Returns:
        The motifs, the strongest inhibition first: one for each neuron and pair of features, with
        the strongest inhibitor.

    Raises:
        ValueError: the shapes are not [m, n] and [n, m].
    """
    first = np.asarray(in_order(W_in, "hidden", "feature"))
    second = np.asarray(in_order(W_out, "feature", "hidden"))
    if first.ndim != 2 or second.shape != first.T.shape:
        raise ValueError(
            f"W_in and W_out must be [m, n] and [n, m]; got {first.shape} and {second.shape}"
        )
    w, v = rescaled(first, second)
    size, out = np.abs(w), v.T  # both [m, n]
    serves = size * out > SERVED
    pairs = (
        serves[:, :, None]
        & serves[:, None, :]
        & (size[:, :, None] > UNEQUAL * size[:, None, :])
        & (UNEQUAL * out[:, :, None] < out[:, None, :])
    )
    found = []
    for k, a, b in np.argwhere(pairs).tolist():
        active = np.sign(w[k, a]) * w[:, a]
        change = np.where(active >= 0.5, active * out[:, b], 0)
        inhibitor = int(change.argmin())
        if change[inhibitor] < -INHIBITION:
            found.append(AsymmetricMotif(k, a, b, inhibitor, float(change[inhibitor])))
    return sorted(found, key=lambda motif: motif.inhibition)


def without_inhibition(W_out: Weights, motif: AsymmetricMotif) -> Real[AnyArray, "_ _"]:
    """Return the output weights without that of the inhibitor to the output b, [n, m].

    A DataArray keeps its names; other arrays become NumPy's.
    """
    ordered = in_order(W_out, "feature", "hidden")
    weights = ordered.copy() if hasattr(ordered, "dims") else np.array(ordered)
    weights[motif.b, motif.inhibitor] = 0
    return weights


class Interference(NamedTuple):
    """The output b of a motif where the feature a alone is active; 0 would be right."""

    inhibited: float
    """With the inhibitor."""
    free: float
    """Without its weight to this output."""


def interference(
    W_in: Weights,
    W_out: Weights,
    b: Real[AnyArray, " _"] | Nested,
    motif: AsymmetricMotif,
) -> Interference:
    """Measure how far the inhibitor of a motif removes the interference of a with the output b.

    Args:
        W_in: input weights [m, n]; the dimensions of DataArrays are matched by name.
        W_out: output weights [n, m].
        b: biases [n].
        motif: a motif of this model. x_a is 1, or -1 if that is the half that the neuron serves.
    """
    first = np.asarray(in_order(W_in, "hidden", "feature"))
    second = np.asarray(in_order(W_out, "feature", "hidden"))
    x = np.zeros((first.shape[1], 1))
    x[motif.a] = np.sign(first[motif.neuron, motif.a])
    layers = (second, without_inhibition(W_out, motif))
    return Interference(*(outputs(first, W, np.asarray(b), x)[motif.b, 0].item() for W in layers))
