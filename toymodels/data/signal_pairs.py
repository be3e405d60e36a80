"""Pairs of signals, read off at one token: what a signal means depends on the other one."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from toymodels.numerics.checks import check_count
from toymodels.numerics.draws import uniform


@dataclass(frozen=True)
class SignalPairs:
    """Completions of unordered pairs of signals, read off at the last token, among noise.

    Greenspan and Wynroe 2023, "An OV-Coherent Toy Model of Attention Head Superposition". Token 0
    is the readoff and always the last, 1 to P are signals, and there are `noise` tokens. Two
    positions hold independent signals, the others noise, all alike. The next token is the
    completion of the pair, in the order of `pairs`; those of two different signals are twice as
    likely as those of a repeated one.

    Attributes:
        signals: P.
        noise: number of tokens without meaning.
        length: positions of a sequence, with the readoff.

    Raises:
        ValueError: if P < 1, the length is below the 3 positions of a pair and the readoff, or
            there are positions for noise and no such token.
    """

    bayes_entropy: ClassVar = 0.0
    """The lowest cross-entropy of the next token: the pair determines it."""

    signals: int = 4
    noise: int = 7
    length: int = 10

    def __post_init__(self) -> None:
        check_count("signals", self.signals)
        check_count("length", self.length, 3)
        check_count("noise", self.noise, 1 if self.length > 3 else 0)

    @property
    def tokens(self) -> int:
        """Size of the alphabet, 1 + signals + noise."""
        return 1 + self.signals + self.noise

    @property
    def outputs(self) -> int:
        """Number of completions, P (P + 1) / 2."""
        return self.signals * (self.signals + 1) // 2

    @property
    def pairs(self) -> Int[np.ndarray, "outputs 2"]:
        """The signals of each completion, from 0 on: (0, 0), (0, 1), ..., (1, 1), ...."""
        return np.stack(np.triu_indices(self.signals), axis=1)

    def sample(self, key: PRNGKeyArray, batch: int) -> Int[Array, "positions batch"]:
        """Draw sequences, as columns."""
        before = self.length - 1
        u = uniform(key, (before + 4, batch))
        token = 1 + self.signals + jnp.floor(u[:before] * self.noise).astype(int)
        one, other = 1 + jnp.floor(u[before : before + 2] * self.signals).astype(int)
        first = jnp.floor(u[-2] * before).astype(int)
        second = (first + 1 + jnp.floor(u[-1] * (before - 1)).astype(int)) % before
        place = jnp.arange(before)[:, None]
        token = jnp.where(place == first[None, :], one[None, :], token)
        token = jnp.where(place == second[None, :], other[None, :], token)
        return jnp.concatenate([token, jnp.zeros((1, batch), int)])

    def next_token(self, sequences: Int[Array, "positions batch"]) -> Float[Array, "outputs batch"]:
        """Return the probabilities of the next token."""
        there = (sequences[None, :, :] == jnp.arange(1, self.signals + 1)[:, None, None]).sum(1)
        wanted = jax.nn.one_hot(self.pairs, self.signals).sum(axis=1)
        return (wanted[:, :, None] == there[None, :, :]).all(axis=1).astype(float)
