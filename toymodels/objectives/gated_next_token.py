"""Prediction of the next token by as few heads as possible for each pair of tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.data.contexts import count_tokens
from toymodels.models.calls import check_can
from toymodels.models.gated_attention import GatedAttention
from toymodels.numerics.checks import check_between
from toymodels.objectives.next_token import NextToken


@dataclass(frozen=True)
class GatedNextToken(NextToken):
    """The loss of `NextToken` plus `penalty` times the openness of the gates.

    The test loss is without the penalty.

    Attributes:
        build: key -> model.
        penalty: weight of the openness, at least 0; can be an axis.

    Raises:
        ValueError: as `NextToken`, or if the penalty is negative.
    """

    build: Callable[[PRNGKeyArray], GatedAttention]
    penalty: ArrayLike = 0.03

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("penalty", self.penalty, 0.0, jnp.inf)

    def init(self, key: PRNGKeyArray) -> GatedAttention:
        """Build the initial model.

        Raises:
            TypeError: if it lacks an attribute that the loss uses.
        """
        model: GatedAttention = self.build(key)
        check_can(model, "GatedNextToken", "logits", "openness", like="GatedAttention")
        return model

    def loss(self, model: Any, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate the loss on `batch_size` fresh sequences."""
        sequences = self.contexts.sample(key, self.batch_size)  # those of NextToken.loss
        openness = model.openness(*count_tokens(sequences, self.contexts.tokens))
        return super().loss(model, key) + self.penalty * openness
