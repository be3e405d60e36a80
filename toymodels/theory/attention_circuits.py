"""Attention heads set by hand that predict skip trigrams, and pairs of signals, as well as can be.

The tokens are those of `SkipTrigrams` and `SignalPairs`. As the scale grows, attention becomes
hard and the excess cross-entropy goes to zero; 40 is as good as infinite in float32.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from toymodels.numerics.checks import check_count

__all__ = ["Circuits", "dedicated_heads", "one_head_for_pairs", "two_heads_for_trigrams"]


class Circuits(NamedTuple):
    """The circuits of attention heads; `AttentionOnly.from_circuits` is the model with these."""

    W_QK: Float[np.ndarray, "heads tokens tokens"]
    """Attention scores, [head, destination, source]."""
    W_OV: Float[np.ndarray, "heads outputs tokens"]
    """Logits that are written, [head, output, source]."""


def two_heads_for_trigrams(trigrams: int, others: int, scale: float) -> Circuits:
    """Predict any number of skip trigrams with a common source by two heads.

    The first head attends to the destination itself and writes the logit of its completion. The
    second head attends to the source if it is there, and writes nothing; else it attends as the
    first one, and cancels what that writes.

    >>> from toymodels import theory
    >>> theory.two_heads_for_trigrams(3, others=4, scale=20.0).W_OV.shape
    (2, 11, 11)

    Source: Anthropic, Circuits Updates July 2023, "Attention head superposition".

    Args:
        trigrams: K, the number of trigrams.
        others: number of tokens in no trigram.
        scale: score of the destination and its logit; the source's score is twice that.

    Raises:
        ValueError: if there are no trigrams.
    """
    W_QK, W_OV, k = _for_trigrams(2, trigrams, others)
    W_QK[:, k, k] = scale
    W_QK[1, k, 0] = 2 * scale
    W_OV[0, k + trigrams, k], W_OV[1, k + trigrams, k] = scale, -scale
    return Circuits(W_QK, W_OV)


def dedicated_heads(trigrams: int, others: int, scale: float) -> Circuits:
    """Dedicate a head to each skip trigram, which attends from its destination to the source.

    Args:
        trigrams: K, the number of trigrams and heads.
        others: number of tokens in no trigram.
        scale: score of the source and logit of the completion.

    Raises:
        ValueError: if there are no trigrams.
    """
    W_QK, W_OV, k = _for_trigrams(trigrams, trigrams, others)
    W_QK[:, k, 0] = -scale
    W_QK[k - 1, k, 0] = scale
    W_OV[k - 1, k + trigrams, 0] = scale
    return Circuits(W_QK, W_OV)


def one_head_for_pairs(signals: int, noise: int, scale: float) -> Circuits:
    """Complete all pairs of signals by one head.

    It attends to both signals alike, so that its output depends on the average c of the signals,
    one-hot. The logit of completion y is scale (2 c . c_y - |c_y|^2) with its average c_y: largest
    where |c - c_y| is least.

    Args:
        signals: P.
        noise: number of tokens without meaning.
        scale: score of the signals, and scale of the logits.

    Raises:
        ValueError: if there are no signals.
    """
    check_count("signals", signals)
    average = np.stack([(np.eye(signals)[i] + np.eye(signals)[j]) / 2 for i, j in _pairs(signals)])
    W_QK = np.zeros((1, 1 + signals + noise, 1 + signals + noise))
    W_OV = np.zeros((1, len(average), 1 + signals + noise))
    W_QK[0, 0, 1 : 1 + signals] = scale
    # as the attention to signals sums to one, each writes the constant
    W_OV[0, :, 1 : 1 + signals] = scale * (2 * average - np.square(average).sum(1, keepdims=True))
    return Circuits(W_QK, W_OV)


def _for_trigrams(heads: int, trigrams: int, others: int):
    """Return circuits of zeros, and the destinations."""
    check_count("trigrams", trigrams)
    shape = (heads, 1 + 2 * trigrams + others, 1 + 2 * trigrams + others)
    return np.zeros(shape), np.zeros(shape), np.arange(1, trigrams + 1)


def _pairs(signals: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(signals) for j in range(i, signals)]
