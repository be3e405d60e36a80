"""Skip trigrams with a common source: no head can tell them apart by what it attends to."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from toymodels.numerics.checks import check_between, check_count
from toymodels.numerics.draws import uniform


@dataclass(frozen=True)
class SkipTrigrams:
    """Skip trigrams [0] ... [k] -> [k + K] with the source [0], in sequences of random tokens.

    Anthropic, Circuits Updates May 2023, "Attention head superposition". Token 0 is the source, 1
    to K are destinations, K + 1 to 2K their completions, and there are `others`. The last token is
    one of the destinations. The tokens before are any but the source, all alike, and with
    probability `frequency` the source replaces one of them. The next token is the completion if
    the source is there, else any token of the alphabet, all alike.

    Attributes:
        trigrams: K.
        others: number of tokens in no trigram.
        length: positions of a sequence.
        frequency: probability that the source is there; can be an axis.

    Raises:
        ValueError: if K < 1, others < 0, the length is below the 2 positions of a source and a
            destination, or the frequency is outside [0, 1].
    """

    trigrams: int
    others: int = 4
    length: int = 10
    frequency: ArrayLike = 0.5

    def __post_init__(self) -> None:
        check_count("trigrams", self.trigrams)
        check_count("others", self.others, 0)
        check_count("length", self.length, 2)
        check_between("frequency", self.frequency, 0.0, 1.0)

    @property
    def tokens(self) -> int:
        """Size of the alphabet, 1 + 2K + others."""
        return 1 + 2 * self.trigrams + self.others

    @property
    def outputs(self) -> int:
        """Number of possible next tokens, the alphabet."""
        return self.tokens

    @property
    def bayes_entropy(self) -> Float[Array, ""]:
        """The lowest cross-entropy of the next token, (1 - frequency) log(tokens), in nats."""
        return (1.0 - jnp.asarray(self.frequency, float)) * jnp.log(float(self.tokens))

    def sample(self, key: PRNGKeyArray, batch: int) -> Int[Array, "positions batch"]:
        """Draw sequences, as columns."""
        before = self.length - 1
        u = uniform(key, (before + 3, batch))
        token = 1 + jnp.floor(u[:before] * (self.tokens - 1)).astype(int)
        place, destination = jnp.floor(u[-3] * before), jnp.floor(u[-2] * self.trigrams)
        place = jnp.where(u[-1] < self.frequency, place, before)  # where no token of `before` is
        is_source = jnp.arange(before)[:, None] == place[None, :]
        last = 1 + destination.astype(int)
        return jnp.concatenate([jnp.where(is_source, 0, token), last[None, :]])

    def next_token(self, sequences: Int[Array, "positions batch"]) -> Float[Array, "outputs batch"]:
        """Return the probabilities of the next token."""
        completion = jax.nn.one_hot(sequences[-1] + self.trigrams, self.tokens, axis=0)
        return jnp.where((sequences == 0).any(axis=0)[None, :], completion, 1 / self.tokens)
