"""Jumps in the course of a training: features that change their share while the loss falls."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Real

from toymodels.numerics.arrays import AnyArray, Nested
from toymodels.numerics.checks import check_count
from toymodels.numerics.names import in_order

__all__ = ["Jump", "find_jumps"]


class Jump(NamedTuple):
    """A jump between two records of a training.

    Attributes:
        begin: index of the last record before the jump.
        end: index of the first record after it.
        features: indices of the features that jump.
    """

    begin: int
    end: int
    features: tuple[int, ...]


def find_jumps(
    D: Real[AnyArray, "_ _"] | Nested,
    loss: Real[AnyArray, " records"] | Nested,
    *,
    window: int = 4,
    change: float = 0.2,
    drop: float = 3.0,
) -> list[Jump]:
    """Find the jumps of one model: features change within a window in which the loss drops.

    A window shows a jump if some D_i changes by more than `change` from its begin to its end, and
    the loss falls by more than `drop` times the median magnitude of its change over all windows.
    The median is that of the noise if the loss has plateaus, and the usual fall if it has none.
    Windows that overlap are one jump.

    >>> import numpy as np
    >>> from toymodels import jumps
    >>> late = np.arange(50) >= 30
    >>> D = np.stack([0.5 * late, np.full(50, 0.5)], axis=1)  # the first feature is learned late
    >>> jumps.find_jumps(D, 1 - 0.1 * late, window=1)
    [Jump(begin=29, end=30, features=(0,))]

    Source: Elhage et al. 2022, section "Superposition and Learning Dynamics", shows jumps between
    "energy levels" and gives no criterion; this one is of this library.

    Args:
        D: dimensionality of each feature at each record, evenly apart in steps; the dimension
            `feature` of a DataArray is matched by name.
        loss: loss at each record.
        window: records from the begin of a window to its end.
        change: least change of a feature's dimensionality.
        drop: least fall of the loss, in units of the median change.

    Returns:
        The jumps in the order of time.

    Raises:
        ValueError: if D and the loss differ in their number of records, or the window is not
            shorter than that.
    """
    shares, losses = np.asarray(in_order(D, "feature"), float), np.asarray(loss, float)
    if len(shares) != len(losses):
        raise ValueError(f"D has {len(shares)} records, and the loss has {len(losses)}")
    check_count("window", window, 1, len(losses) - 1)
    moved = np.abs(shares[window:] - shares[:-window]) > change
    fall = losses[:-window] - losses[window:]
    shows = moved.any(axis=1) & (fall > drop * np.median(np.abs(fall)))
    jumps: list[Jump] = []
    for begin in np.flatnonzero(shows).tolist():
        features = set(np.flatnonzero(moved[begin]).tolist())
        first = begin
        if jumps and begin < jumps[-1].end:
            first, _, before = jumps.pop()
            features |= set(before)
        jumps.append(Jump(first, begin + window, tuple(sorted(features))))
    return jumps
