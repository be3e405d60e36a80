"""Sequences of tokens, and what heads without positions see of them.

A distribution of contexts has the attributes `tokens`, the size of the alphabet, `outputs`, the
number of possible next tokens, and `length`, and the methods

- `sample(key, batch)`: sequences as columns, [position, batch],
- `next_token(sequences)`: the probabilities of the next token, [output, batch].
"""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
from jaxtyping import Array, Float, Int, PRNGKeyArray


@runtime_checkable
class Contexts(Protocol):
    """A distribution of sequences, with that of the token after each."""

    @property
    def length(self) -> int:
        """Positions of a sequence."""
        ...

    @property
    def tokens(self) -> int:
        """Size of the alphabet."""
        ...

    @property
    def outputs(self) -> int:
        """Number of possible next tokens."""
        ...

    def sample(self, key: PRNGKeyArray, batch: int) -> Int[Array, "positions batch"]:
        """Draw sequences, as columns."""
        ...

    def next_token(self, sequences: Int[Array, "positions batch"]) -> Float[Array, "outputs batch"]:
        """Return the probabilities of the next token."""
        ...


class Counted(NamedTuple):
    """What a head without positions sees of sequences."""

    counts: Float[Array, "tokens batch"]
    """How often each token is in the sequence, the last position included."""
    last: Float[Array, "tokens batch"]
    """The token at the last position, one-hot."""


def count_tokens(sequences: Int[Array, "positions batch"], tokens: int) -> Counted:
    """Count the tokens of sequences over an alphabet of this size."""
    x = jax.nn.one_hot(sequences, tokens, axis=0)
    return Counted(x.sum(axis=1), x[:, -1])
