"""Checks for what is written outside this package: a distribution against its own samples."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from toymodels.data.distributions import FeatureDistribution, check_columns

__all__ = ["check_distribution"]

SAMPLES, ENTRIES = 2**16, 2**24
ERRORS = 5  # standard errors from which on a difference counts: a chance of 6e-7 each time
PAIRS = 64  # features up to whose number products of two are compared as well


def check_distribution(features: FeatureDistribution) -> None:
    """Compare what a distribution says of itself with its samples, and pass if they agree.

    `sample` must give finite columns [n, batch], the same for the same key, also where the key is
    traced. Of `importance`, `none_active`, `some_active`, `mean`, `second_moment` and
    `sample_active` all that is given is checked, as well as 2^16 samples can tell (fewer of more
    than 256 features).

    Raises:
        AssertionError: one sentence that says what disagrees, and by how much.
    """
    name = type(features).__name__
    x = _drawn(features, "sample", 0)
    _check_importance(features, len(x))
    active = x.any(axis=0)
    if features.none_active is not None:
        none, some = float(features.none_active), float(features.some_active)
        _require(0 <= none <= 1, f"{name}.none_active is {none:g}, which is no probability")
        _require(
            abs(none + some - 1) < 1e-5, f"{name}: none_active and some_active add to {none + some}"
        )
        _compare(
            f"{name}.none_active", none, "samples without anything active", ~active.reshape(1, -1)
        )
    for moment, power in (("mean", 1), ("second_moment", 2)):
        if (said := getattr(features, moment)) is not None:
            _compare(f"{name}.{moment}", said, f"sample's x^{power}", x.astype(float) ** power)
    if type(features).sample_active is not FeatureDistribution.sample_active:
        _check_given_active(features, x[:, active])


def _check_given_active(features: FeatureDistribution, kept: Float[np.ndarray, "n count"]) -> None:
    """Compare `sample_active` with those of the samples that have something active."""
    name = type(features).__name__
    if features.some_active is not None and features.some_active == 0:
        return  # there is nothing that it could give
    x = _drawn(features, "sample_active", 1)
    silent = int((~x.any(axis=0)).sum())
    _require(silent == 0, f"{name}.sample_active gave {silent} samples without anything active")
    for what, look in _LOOKS.items():
        if kept.size and (what != "x_i x_j" or len(x) <= PAIRS):
            _compare(
                f"{name}.sample_active's {what}", look(x), f"active samples' {what}", look(kept)
            )
    if features.some_active is not None:
        for moment, power in (("mean", 1), ("second_moment", 2)):
            if (said := getattr(features, moment)) is not None:
                weighted = float(features.some_active) * x.astype(float) ** power
                what = f"some_active times sample_active's x^{power}"
                _compare(f"{name}.{moment}", said, what, weighted)


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
    """Draw twice from a traced key, and check the samples' shape, kind and sameness."""
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
    # traced anew each time: what is drawn by another key than the one given differs
    x, again = (
        np.asarray(jax.jit(lambda key: getattr(features, method)(key, batch))(jax.random.key(seed)))
        for _ in range(2)
    )
    _require(bool(np.isfinite(x).all()), f"{called} gives numbers that are NaN or infinite")
    _require(np.array_equal(x, again), f"{called} gives two results for one key")
    return x


def _check_importance(features: FeatureDistribution, n: int) -> None:
    name, importance = type(features).__name__, np.asarray(features.importance)
    _require(
        importance.shape in ((), (n,)),
        f"{name}.importance has shape {list(importance.shape)}, and not one number, or {n}",
    )
    _require(
        bool((np.isfinite(importance) & (importance >= 0)).all()),
        f"{name}.importance has numbers that are negative or not finite",
    )


class _Mean(NamedTuple):
    """Means of samples, and how far from the truth they may be."""

    value: Float[np.ndarray, " k"]
    error: Any

    @classmethod
    def of(cls, samples) -> "_Mean":
        """Of samples [k, count]; a number or a row of them is known exactly."""
        if np.ndim(samples) < 2:
            return cls(np.atleast_1d(np.asarray(samples, float)), 0.0)
        rows = np.asarray(samples, float)
        count, reach = rows.shape[1], np.abs(rows).max() or 1.0
        # Bernstein's inequality: its second term counts where few samples are not zero
        spread = ERRORS * rows.std(axis=1) / np.sqrt(count) + ERRORS**2 / 6 * reach / count
        return cls(rows.mean(axis=1), spread)


def _compare(said_by: str, said: Any, seen_in: str, seen: Any) -> None:
    """Raise unless two means, [k], [k, count] or a number each, agree."""
    ours, theirs = _Mean.of(said), _Mean.of(seen)
    _require(
        ours.value.shape in ((1,), theirs.value.shape),
        f"{said_by} has shape {list(np.shape(said))}, and not one number, or {len(theirs.value)}",
    )
    away = np.abs(ours.value - theirs.value)
    # 1e-6 of the value is the rounding of float32
    allowed = np.hypot(ours.error, theirs.error) + 1e-6 * np.abs(theirs.value)
    at = int(np.argmax(away - allowed))
    claimed = np.broadcast_to(ours.value, away.shape)[at]
    where = f" at index {at}" if len(away) > 1 else ""
    _require(
        bool(away[at] <= allowed[at]),
        f"{said_by} is {claimed:.5g}{where}, where the mean of the {seen_in} is "
        f"{theirs.value[at]:.5g}, give or take {allowed[at]:.1g}",
    )


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)
