"""Multilayer perceptrons with ReLU: images in, logits of labels out."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.numerics.checks import check_count

MOST_LAYERS = 3


class MLP(nnx.Module):
    """h_1 = relu(W_in x + b_in), h_k+1 = relu(W_hidden h_k + b_hidden), y = W_out h + b_out.

    All hidden layers have the same width; W_hidden and b_hidden are lists with one entry for each
    layer after the first. Initial weights are normal with variance 2 / fan-in before a ReLU (He
    et al. 2015) and 1 / fan-in before the logits; initial biases are zero. Samples are the columns
    of x.

    Args:
        pixels: number of inputs.
        width: units of each hidden layer.
        layers: number of hidden layers, 1 to 3.
        labels: number of outputs.
        key: random key for the initial weights.

    Raises:
        ValueError: if a size is below 1, or there are more than 3 hidden layers.
    """

    dims: ClassVar = {
        "W_in": ("hidden", "pixel"),
        "b_in": ("hidden",),
        **{f"W_hidden_{i}": ("hidden", "hidden_below") for i in range(MOST_LAYERS - 1)},
        **{f"b_hidden_{i}": ("hidden",) for i in range(MOST_LAYERS - 1)},
        "W_out": ("label", "hidden"),
        "b_out": ("label",),
    }

    def __init__(self, pixels: int, width: int, layers: int, labels: int, *, key: PRNGKeyArray):
        for name, size in {"pixels": pixels, "width": width, "labels": labels}.items():
            check_count(name, size)
        check_count("layers", layers)
        if layers > MOST_LAYERS:
            raise ValueError(f"layers must be at most {MOST_LAYERS}; got {layers}")
        first, *between, last = jax.random.split(key, layers + 1)
        he = jax.nn.initializers.variance_scaling(2.0, "fan_in", "normal", -1, -2)
        lecun = jax.nn.initializers.variance_scaling(1.0, "fan_in", "normal", -1, -2)
        self.W_in = nnx.Param(he(first, (width, pixels)))
        self.b_in = nnx.Param(jnp.zeros(width))
        self.W_hidden = nnx.List([nnx.Param(he(key, (width, width))) for key in between])
        self.b_hidden = nnx.List([nnx.Param(jnp.zeros(width)) for _ in between])
        self.W_out = nnx.Param(lecun(last, (labels, width)))
        self.b_out = nnx.Param(jnp.zeros(labels))

    def hidden(self, x: Float[Array, "pixels batch"]) -> list[Float[Array, "width batch"]]:
        """Return the activations of every hidden layer, in order."""
        h = [jax.nn.relu(self.W_in @ x + self.b_in[:, None])]
        for W, b in zip(self.W_hidden, self.b_hidden, strict=True):
            h.append(jax.nn.relu(W @ h[-1] + b[:, None]))
        return h

    def readout(self, h: Float[Array, "width batch"]) -> Float[Array, "labels batch"]:
        """Return the logits computed from the activations of the last hidden layer."""
        return self.W_out @ h + self.b_out[:, None]

    def __call__(self, x: Float[Array, "pixels batch"]) -> Float[Array, "labels batch"]:
        """Return the logits of images, given as columns."""
        return self.readout(self.hidden(x)[-1])
