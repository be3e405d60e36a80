"""Hidden layers that compute: input and output weights of neurons, and the outputs' gains.

The model is y = relu(W_out relu(W_in x) + b), with W_in `[*batch, m, n]` and W_out
`[*batch, n, m]`. As in `geometry`, NumPy and JAX arrays return the same kind, and the dimensions
of DataArrays, `hidden` and `feature`, are matched by name.

Source: Elhage et al. 2022, "Computation in Superposition".
"""

from typing import NamedTuple

from jaxtyping import Float

from toymodels.numerics.arrays import AnyArray, Nested, floats
from toymodels.numerics.named import named
from toymodels.numerics.products import matmul

__all__ = ["Gains", "Layers", "gains", "outputs", "rescaled"]

InputWeights = Float[AnyArray, "*batch m n"] | Nested
OutputWeights = Float[AnyArray, "*batch n m"] | Nested
Biases = Float[AnyArray, "*batch n"] | Nested
Inputs = Float[AnyArray, "n samples"] | Nested


class Layers(NamedTuple):
    """Input and output weights of a hidden layer."""

    W_in: Float[AnyArray, "*batch m n"]
    W_out: Float[AnyArray, "*batch n m"]


@named("(hidden,feature),(feature,hidden)->(hidden,feature),(feature,hidden)")
def rescaled(W_in: InputWeights, W_out: OutputWeights) -> Layers:
    """Scale every neuron so that its largest |input weight| is 1, without a change of the outputs.

    relu(c w x) = c relu(w x) for c > 0: input weights are divided by the largest, and output
    weights multiplied by it. A neuron without input weights stays as it is.
    """
    xp, first, second = floats(W_in, W_out)
    largest = xp.abs(first).max(axis=-1)
    scale = xp.where(largest > 0, largest, 1)
    return Layers(first / scale[..., :, None], second * scale[..., None, :])


@named("(hidden,feature),(feature,hidden),(feature),(feature,sample)->(feature,sample)")
def outputs(
    W_in: InputWeights, W_out: OutputWeights, b: Biases, x: Inputs
) -> Float[AnyArray, "*batch n samples"]:
    """Return the model's outputs y = relu(W_out relu(W_in x) + b) of inputs x, a sample a column.

    >>> import numpy as np
    >>> from toymodels import circuits
    >>> W_in = np.array([[1.0], [-1.0]])  # a neuron for each half of |x|
    >>> circuits.outputs(W_in, abs(W_in.T), [0], [[-2.0, 0.0, 0.5]])
    array([[2. , 0. , 0.5]])
    """
    xp, first, second, bias, inputs = floats(W_in, W_out, b, x)
    h = xp.maximum(matmul(first, inputs), 0)
    return xp.maximum(matmul(second, h) + bias[..., :, None], 0)


class Gains(NamedTuple):
    """Rise of each feature's own output when it is active alone, with the value 1 and -1."""

    positive: Float[AnyArray, "*batch n"]
    negative: Float[AnyArray, "*batch n"]


@named("(hidden,feature),(feature,hidden),(feature)->(feature),(feature)")
def gains(W_in: InputWeights, W_out: OutputWeights, b: Biases) -> Gains:
    """Measure y_i at x = e_i and at x = -e_i, each less y_i at x = 0.

    Both are 1 for a model that computes |x_i|, and 0 for one that ignores x_i.
    """
    xp, first, second, bias = floats(W_in, W_out, b)
    rest = xp.maximum(bias, 0)

    def gain(sign):
        h = xp.maximum(sign * first.mT, 0)  # [n, m], the neurons at x = +-e_i
        return xp.maximum((second * h).sum(axis=-1) + bias, 0) - rest

    return Gains(gain(1), gain(-1))
