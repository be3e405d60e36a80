"""Prediction of the token after a sequence, whose distribution is known."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.data.contexts import Contexts, count_tokens
from toymodels.models.attention_only import AttentionOnly
from toymodels.models.calls import check_build, check_can
from toymodels.numerics.blocks import block_columns, mean_value_over_blocks
from toymodels.numerics.checks import check_count
from toymodels.numerics.products import true_float32


@dataclass(frozen=True)
class NextToken:
    """Cross-entropy of the token after the last one, above the Bayes entropy.

    L = E[ KL(p || softmax(y)) ] in nats, with the known distribution p of the next token and the
    logits y at the last position, averaged over sequences. The next token is not drawn: p itself
    is the target, and L is 0 for a perfect model.

    Attributes:
        build: key -> model.
        contexts: the distribution of sequences, such as `SkipTrigrams`.
        batch_size: fresh sequences per training step.
        test_samples: sequences of the test set.

    Raises:
        ValueError: if batch_size or test_samples is below 1.
    """

    build: Callable[[PRNGKeyArray], AttentionOnly]
    contexts: Contexts
    batch_size: int = 512
    test_samples: int = 2**14

    def __post_init__(self) -> None:
        check_build(self.build)
        for name in ("batch_size", "test_samples"):
            check_count(name, getattr(self, name))

    def init(self, key: PRNGKeyArray) -> AttentionOnly:
        """Build the initial model.

        Raises:
            TypeError: if it lacks an attribute that the loss uses.
        """
        model = self.build(key)
        check_can(model, "NextToken", "logits", like="AttentionOnly")
        return model

    def loss(self, model: AttentionOnly, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate L on `batch_size` fresh sequences."""
        return self._mean(model, key, samples=self.batch_size)

    @true_float32()
    def test_loss(self, model: AttentionOnly, key: PRNGKeyArray) -> Float[Array, ""]:
        """Measure L on `test_samples` sequences."""
        length, tokens = self.contexts.length, self.contexts.tokens
        block = block_columns(length * tokens, self.test_samples)
        keys = jax.random.split(key, self.test_samples // block)
        return mean_value_over_blocks(partial(self._mean, samples=block), model, keys)

    def _mean(self, model, key, samples: int):
        sequences = self.contexts.sample(key, samples)
        y = model.logits(*count_tokens(sequences, self.contexts.tokens))
        return jnp.mean(divergence(self.contexts.next_token(sequences), y))


def divergence(
    p: Float[Array, "outputs batch"], y: Float[Array, "outputs batch"]
) -> Float[Array, " batch"]:
    """Return KL(p || softmax(y)) of each column, in nats.

    As both sum to one, it is the sum of p (q / p - 1 - log(q / p)), of which no term is negative:
    that keeps the digits of small ones.
    """
    q = jax.nn.log_softmax(y, axis=0)
    some = p > 0
    ratio = jnp.where(some, q - jnp.log(jnp.where(some, p, 1.0)), 0.0)
    return jnp.where(some, p * (jnp.expm1(ratio) - ratio), jnp.exp(q)).sum(axis=0)
