"""Settings that the figures on attention superposition share, and their draws of OV matrices."""

from typing import Annotated, Literal

import jax
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig

ANTHROPIC = fig.Source("Anthropic, January 2024 update")
MATRIX = "head", "attentional_feature"  # dimensions of M


class MixingSpec(fig.TrainingSpec):
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
    schedule: Literal["constant", "cosine"] = "cosine"
    weight_decay: fig.NonNegative = 0.0


def ov_draws(lab: fig.Lab[MixingSpec], d_model: int) -> tm.Axis:
    """Return an axis of `ov_draws` draws of the K OV matrices [d_model, d_model]."""
    keys = jax.random.split(lab.key(f"ovs_{d_model}"), lab.spec.ov_draws)
    # sequential, as batched permutations take long to compile
    draws = jax.lax.map(lambda key: tm.OvDraw.of(lab.spec.features, d_model, key=key), keys)
    return tm.Axis("ov_draw", range(lab.spec.ov_draws), draws)
