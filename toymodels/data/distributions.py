"""Distributions over feature vectors, the data of toy models.

Samples are columns: `sample(key, batch)` has shape [n, batch]. A new distribution has to define
only this method:

>>> import jax, toymodels

>>> class Dice(toymodels.FeatureDistribution):
...     def sample(self, key, batch):
...         return jax.random.randint(key, (6, batch), 0, 7) / 6.0

Its other attributes are optional. At high sparsity nearly every sample is zero, and an
expectation is far cheaper if the contribution of the zero sample is exact; this needs
`none_active`. `check_distribution` compares the attributes with samples:

>>> class Told(Dice):
...     none_active, mean = 7.0**-6, 0.5
>>> toymodels.testing.check_distribution(Told())
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

PerFeature = ArrayLike | Sequence[float]
"""One number for all features, or one per feature."""

# rejection sampling stops after this many batches
MOST_ROUNDS = 1000


class FeatureDistribution(ABC):
    """A distribution over vectors of n features; subclasses must define `sample`.

    Subclasses may set the other attributes or define them as properties; None means unknown. All
    of them may depend on traced values, so that a parameter of the distribution can be an axis.

    Attributes:
        importance: I, the weight of a feature's squared error; one number or one per feature.
        none_active: probability that no feature is active, or None. If known, test losses
            include the all-zero sample exactly.
        coords: coordinates of results, by name: a dimension, and the values.
        mean: E[x_i], or None.
        second_moment: E[x_i^2], or None.
    """

    importance: Any = 1.0
    coords: Mapping[str, tuple[str, np.ndarray]] = MappingProxyType({})

    @abstractmethod
    def sample(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw `batch` feature vectors, determined by `key`."""

    def sample_active(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw `batch` feature vectors, given that at least one feature of each is active.

        The default is rejection sampling of at most MOST_ROUNDS batches: if these contain too few
        active samples, the ones found are repeated; if none, all are NaN. Samples are zero if
        `some_active` is 0.
        """
        found = by_rejection(self.sample, key, batch)
        if self.some_active is None:
            return found
        return jnp.where(jnp.asarray(self.some_active) > 0, found, 0)

    @cached_property
    def none_active(self) -> Any:
        """Probability that no feature is active, or None if unknown."""
        return None

    @property
    def some_active(self) -> Any:
        """Probability that some feature is active, or None if unknown.

        By default 1 - none_active, which loses most digits of a float32 below 1e-5.
        """
        return None if self.none_active is None else 1.0 - self.none_active

    @cached_property
    def mean(self) -> Any:
        """E[x_i], or None if unknown."""
        return None

    @cached_property
    def second_moment(self) -> Any:
        """E[x_i^2], or None if unknown."""
        return None


def size(features: FeatureDistribution) -> int:
    """Return the number of features: the distribution's `n`, or the length of its samples.

    Raises:
        ValueError: if the samples do not have shape [n, batch].
    """
    if hasattr(features, "n"):
        return int(features.n)
    batch = 7
    x = jax.eval_shape(lambda: features.sample(jax.random.key(0), batch))
    check_columns(features, x, batch)
    return int(x.shape[0])


def check_columns(
    features: FeatureDistribution, x: Any, batch: int, method: str = "sample"
) -> None:
    """Raise ValueError unless the samples `x` of a method have shape [n, batch]."""
    n = getattr(features, "n", "n")
    if len(x.shape) != 2 or x.shape[1] != batch or n not in ("n", x.shape[0]):
        raise ValueError(
            f"{type(features).__name__}.{method}(key, {batch}) returns shape {list(x.shape)} and "
            f"must return [{n}, {batch}]: samples are columns"
        )


def by_rejection(
    sample: Callable[[PRNGKeyArray, int], Float[Array, "n batch"]], key: PRNGKeyArray, batch: int
) -> Float[Array, "n batch"]:
    """Draw `batch` samples with an active feature, by rejection, `batch` candidates at a time.

    After MOST_ROUNDS rounds the samples found are repeated. If there are none, all are NaN, as
    compiled code cannot raise and zeros would look valid.
    """

    def missing(state):
        round_, found, _ = state
        return (round_ < MOST_ROUNDS) & (found < batch)

    def draw(state):
        round_, found, columns = state
        x = sample(jax.random.fold_in(key, round_), batch)
        active = jnp.any(x != 0, axis=0)
        # inactive samples, and those beyond the last place, are dropped
        place = jnp.where(active, found + jnp.cumsum(active) - 1, batch)
        return round_ + 1, found + jnp.sum(active), columns.at[:, place].set(x, mode="drop")

    like = jax.eval_shape(lambda: sample(key, batch))
    start = jnp.int32(0), jnp.sum(jnp.zeros(0, bool)), jnp.zeros(like.shape, like.dtype)
    _, found, columns = lax.while_loop(missing, draw, start)
    repeated = columns[:, jnp.arange(batch) % jnp.clip(found, 1, batch)]
    return jnp.where(found > 0, repeated, jnp.nan)
