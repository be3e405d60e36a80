"""What the figures of computation share: models that compute |x|, and how they start."""

import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

import toymodels as tm
from experiments.superposition._neurons import NeuronSpec
from toymodels import figure as fig

COMPUTES = 0.5
"""The gain from which a model computes half of a feature's absolute value; exact is 1."""


class ComputingSpec(NeuronSpec):
    """Settings of models that compute |x|."""

    init_scale: fig.Positive = 0.3
    """Factor on the initial input weights, Xavier-normal."""


def absolute_values(spec: ComputingSpec, sparsity: float, m: int) -> tm.Computation:
    """Return the objective y = |x| for m neurons and x_i uniform on [-1, 1] if active."""
    features = tm.SignedFeatures(
        tm.SparseFeatures(spec.n, sparsity=sparsity, importance=spec.importance)
    )
    return tm.Computation(
        features,
        lambda key: aligned_model(spec.n, m, spec.init_scale, key),
        spec.batch_size,
        given_active=True,
        target=jnp.abs,
    )


def aligned_model(n: int, m: int, init_scale: float, key: PRNGKeyArray) -> tm.UntiedReluHidden:
    """Return a model that starts with W_out = |W_in|^T.

    Each output then rises with its own input. Where output weights start at random, many outputs
    are never active, and their ReLU passes no gradient.
    """
    model = tm.UntiedReluHidden(n, m, key=key)
    model.W_in[...] = init_scale * model.W_in[...]
    model.W_out[...] = jnp.abs(model.W_in[...].T)
    return model
