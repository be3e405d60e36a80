"""The problem that the figures on attention superposition share, its settings and OV matrices."""

from typing import Annotated

import jax
import optax
from jax.typing import ArrayLike
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig

ANTHROPIC = fig.Source("Anthropic, January 2024 update")
MATRIX = "head", "attentional_feature"  # dimensions of M


class MixingSpec(fig.AnnealedSpec):
    """Settings of both figures; the source gives none. Without weight decay AdamW is Adam."""

    features: Annotated[fig.Count, Field(ge=3)] = 5
    """K, attentional features, for two heads."""
    ov_draws: fig.Count = 3
    """Draws of the OV matrices."""
    tokens: fig.Count = 8
    """Length of the sequences."""
    test_samples: fig.Count = 2**12
    """Samples of the test loss, each with tokens x d_model outputs."""
    restarts: fig.Count = 16
    steps: fig.Count = 800
    batch_size: fig.Count = 32
    learning_rate: fig.Positive = 2e-2


def mixing(
    spec: MixingSpec, ovs: jax.Array, sparsity: ArrayLike, heads: int = 2, *, bias: bool = False
) -> tuple[tm.AttentionMixing, optax.GradientTransformation]:
    """Reconstruct relu(sum_k A_k x O_k) with heads that mix patterns A and OVs O by a matrix M.

    Args:
        spec: the settings.
        ovs: O [K, d_model, d_model].
        sparsity: S of the patterns.
        heads: number of heads, the rows of M.
        bias: whether the model has one.
    """
    features, d_model, _ = ovs.shape
    objective = tm.AttentionMixing(
        lambda key: tm.MixingMatrix(features, heads, d_model, key=key, bias=bias),
        ovs,
        sparsity,
        spec.tokens,
        spec.batch_size,
        spec.test_samples,
    )
    return objective, spec.adamw()


def ov_draws(lab: fig.Lab[MixingSpec], d_model: int) -> tm.Axis:
    """Return an axis of `ov_draws` draws of the K OV matrices [d_model, d_model]."""
    keys = jax.random.split(lab.key(f"ovs_{d_model}"), lab.spec.ov_draws)
    # sequential, as batched permutations take long to compile
    draws = jax.lax.map(lambda key: tm.OvDraw.of(lab.spec.features, d_model, key=key), keys)
    return tm.Axis("ov_draw", range(lab.spec.ov_draws), draws)
