"""How the mixing matrices of this family are trained."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

import toymodels
from toymodels import AttentionMixing, Axis, MixingMatrix, OvDraw
from toymodels.suite.spec import Count, Positive


@dataclass(frozen=True)
class MixingSpec(toymodels.Spec):
    """Settings of both figures; the source gives none."""

    features: Count = 5
    """K, attentional features."""
    heads: Count = 2
    """J, attention heads."""
    ov_draws: Count = 3
    """Draws of the OV matrices."""
    tokens: Count = 8
    """Length of the sequences."""
    restarts: Count = 16
    """Models trained for each draw of the OV matrices."""
    steps: Count = 1000
    """Optimiser steps."""
    batch_size: Count = 32
    """Fresh samples a step."""
    test_samples: Count = 2**12
    """Samples of the test loss, each with tokens x d_model outputs."""
    learning_rate: Positive = 2e-2
    """Adam's learning rate at the start; it falls to zero along a cosine."""

    def check(self):
        if self.heads > self.features:
            raise ValueError(
                f"there must not be more heads than attentional features; got {self.heads} heads "
                f"for {self.features}"
            )


def draws_of(spec, key, d_model, features=None):
    """Draw the OV matrices of `ov_draws` worlds, stacked."""
    keys = jax.random.split(jax.random.fold_in(key, d_model), spec.ov_draws)
    draws = [OvDraw.of(key, features or spec.features, d_model) for key in keys]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *draws)


def train(spec, key, runner, name, axes, heads, bias=False):
    """Train `restarts` mixing matrices at each point of axes called sparsity, ov_draw, overlap.

    The OV draw is the matrices themselves, or entries of which an `overlap` takes its share.
    """

    def problem(sparsity, ov_draw, overlap=None):
        ovs = ov_draw if overlap is None else ov_draw.sparse(overlap / ov_draw.rank.shape[-1])
        features, d_model, _ = ovs.shape
        objective = AttentionMixing(
            lambda key: MixingMatrix(features, heads, d_model, key=key, bias=bias),
            ovs,
            sparsity,
            spec.tokens,
            spec.batch_size,
            spec.test_samples,
        )
        return objective, optax.adam(optax.cosine_decay_schedule(spec.learning_rate, spec.steps))

    axes = [*axes, Axis.seeds(spec.restarts, shared_batches=True)]
    return runner.train(name, problem, axes, spec.steps, key=key).drop_dims("step")
