"""Checks for code outside this package: a distribution against its own samples."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from toymodels.data.distributions import FeatureDistribution, check_columns

__all__ = ["check_distribution"]

SAMPLES, ENTRIES = 2**16, 2**24
ERRORS = 5  # allowed difference in standard errors: a false alarm has probability 6e-7
PAIRS = 64  # largest number of features for which products of two are compared


def check_distribution(features: FeatureDistribution) -> None:
    """Compare a distribution's attributes with its samples.

    `sample` must return finite columns [n, batch], determined by the key, which may be traced.
    `importance`, `none_active`, `some_active`, `mean`, `second_moment` and `sample_active` are
    checked if given, within the statistical error of 2^16 samples (fewer for more than 256
    features).

    Raises:
        AssertionError: if they disagree; the message says where and by how much.
    """
    name = type(features).__name__
    x = _drawn(features, "sample", 0)
    importance = np.asarray(features.importance)
    _require(
        importance.shape in ((), (len(x),)) and bool((importance >= 0).all()),
        f"{name}.importance must be one number or {len(x)}, none of them negative",
    )
    active = x.any(axis=0)
    if features.none_active is not None:
        seen = "samples without anything active"
        _compare(f"{name}.none_active", features.none_active, seen, ~active.reshape(1, -1))
    for moment, power in (("mean", 1), ("second_moment", 2)):
        if (said := getattr(features, moment)) is not None:
            _compare(f"{name}.{moment}", said, f"sample's x^{power}", x.astype(float) ** power)
    if type(features).sample_active is not FeatureDistribution.sample_active:
        _check_given_active(features, x[:, active])


def _check_given_active(features: FeatureDistribution, kept: Float[np.ndarray, "n count"]) -> None:
    """Compare `sample_active` with the samples that have an active feature."""
    name = type(features).__name__
    if features.some_active is not None and features.some_active == 0:
        return  # there are no such samples
    x = _drawn(features, "sample_active", 1)
    silent = int((~x.any(axis=0)).sum())
    _require(silent == 0, f"{name}.sample_active gave {silent} samples without anything active")
    for what, look in _LOOKS.items():
        if kept.size and (what != "x_i x_j" or len(x) <= PAIRS):
            said_by = f"{name}.sample_active's {what}"
            _compare(said_by, look(x), f"active samples' {what}", look(kept))


def _pairs(x):
    i, j = np.triu_indices(len(x), 1)
    return x[i] * x[j]


_LOOKS = {
    "x_i": lambda x: x,
    "x_i^2": lambda x: x**2,
    "activity": lambda x: x != 0,
    "number of active features": lambda x: (x != 0).sum(axis=0, keepdims=True) / len(x),
    "x_i x_j": _pairs,
}


def _drawn(features: FeatureDistribution, method: str, seed: int) -> Float[np.ndarray, "n batch"]:
    """Draw twice from a traced key, and check shape, dtype and equality of the samples."""
    called = f"{type(features).__name__}.{method}"
    batch = 2
    like = jax.eval_shape(lambda: getattr(features, method)(jax.random.key(0), batch))
    try:
        check_columns(features, like, batch, method)
    except ValueError as error:
        raise AssertionError(str(error)) from None
    _require(
        jnp.issubdtype(like.dtype, jnp.floating), f"{called} gives {like.dtype}, and not floats"
    )
    batch = max(2, min(SAMPLES, ENTRIES // like.shape[0]))
    # traced each time, so that samples that do not depend on the key alone differ
    x, again = (
        np.asarray(jax.jit(lambda key: getattr(features, method)(key, batch))(jax.random.key(seed)))
        for _ in range(2)
    )
    _require(bool(np.isfinite(x).all()), f"{called} gives numbers that are NaN or infinite")
    _require(np.array_equal(x, again), f"{called} gives two results for one key")
    return x


def _mean(samples: Any) -> tuple[Float[np.ndarray, " k"], Any]:
    """Return the means of samples [k, count], and their statistical error.

    A number or a vector has no error.
    """
    if np.ndim(samples) < 2:
        return np.atleast_1d(np.asarray(samples, float)), 0.0
    rows = np.asarray(samples, float)
    count, reach = rows.shape[1], np.abs(rows).max() or 1.0
    # Bernstein's inequality: its second term matters when few samples are nonzero
    spread = ERRORS * rows.std(axis=1) / np.sqrt(count) + ERRORS**2 / 6 * reach / count
    return rows.mean(axis=1), spread


def _compare(said_by: str, said: Any, seen_in: str, seen: Any) -> None:
    """Raise AssertionError unless two means agree, of [k], [k, count] or a number each."""
    (ours, our_error), (theirs, their_error) = _mean(said), _mean(seen)
    _require(
        ours.shape in ((1,), theirs.shape),
        f"{said_by} has shape {list(np.shape(said))}, and not one number, or {len(theirs)}",
    )
    # 1e-6 of the value is the rounding of float32
    allowed = np.hypot(our_error, their_error) + 1e-6 * np.abs(theirs)
    away = np.abs(ours - theirs)
    i = int(np.argmax(away - allowed))
    _require(
        bool(away[i] <= allowed[i]),
        f"{said_by} is {np.broadcast_to(ours, away.shape)[i]:.5g} at index {i}, where the mean of "
        f"the {seen_in} is {theirs[i]:.5g}, give or take {allowed[i]:.1g}",
    )


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)
