"""Two attention heads set by hand that complete pairs of signals with twice the margin of one."""

import numpy as np

from toymodels.numerics.checks import check_count
from toymodels.theory.attention_circuits import Circuits

__all__ = ["two_heads_for_pairs"]


def two_heads_for_pairs(signals: int, noise: int, scale: float) -> Circuits:
    """Complete all pairs of signals by two heads, with opposite preferences.

    The tokens are those of `SignalPairs`. The first head attends to the signal of the pair that
    comes last in their order, the second to the one that comes first, and each writes all
    completions whose pair has it there. Both together determine the pair, and the logit of its
    completion exceeds the next by the scale; `one_head_for_pairs` has half of that.

    >>> from toymodels import theory
    >>> theory.two_heads_for_pairs(4, noise=7, scale=20.0).W_OV.shape
    (2, 10, 12)

    Args:
        signals: P.
        noise: number of tokens without meaning.
        scale: difference between the scores of neighbouring signals, and logit of a completion.

    Raises:
        ValueError: if there are no signals.
    """
    check_count("signals", signals)
    first, last = np.triu_indices(signals)  # of each completion
    token = 1 + np.arange(signals)
    W_QK = np.zeros((2, 1 + signals + noise, 1 + signals + noise))
    W_OV = np.zeros((2, len(first), 1 + signals + noise))
    W_QK[0, 0, token], W_QK[1, 0, token] = scale * token, scale * token[::-1]
    for head, read in enumerate((last, first)):
        W_OV[head, np.arange(len(read)), 1 + read] = scale
    return Circuits(W_QK, W_OV)
