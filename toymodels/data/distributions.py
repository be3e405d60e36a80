"""Distributions over feature vectors: what a toy model is asked to store, and what it must say.

Samples are columns: `sample(key, batch)` has shape [n, batch]. That is all that a distribution
of one's own needs:

>>> import jax, toymodels

>>> class Dice(toymodels.FeatureDistribution):
...     def sample(self, key, batch):
...         return jax.random.randint(key, (6, batch), 0, 7) / 6.0

What else it says is used where it helps. At high sparsity nearly every sample is all zero, and
an expectation is far cheaper when that part of it is taken exactly: this needs the probability
that no feature is active. What is said can be compared with samples:

>>> class Told(Dice):
...     none_active, mean = 7.0**-6, 0.5
>>> toymodels.testing.check_distribution(Told())
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

PerFeature = ArrayLike | Sequence[float]
"""One number for all features, or one for each."""

# what is found when a thousand times as many samples were drawn as are asked for has to do
MOST_ROUNDS = 1000


class FeatureDistribution(ABC):
    """A distribution over vectors of n features, of which only `sample` has to be written.

    An own one may set the other attributes, or define them as properties; None says that a thing
    is not known. Everything may depend on values that JAX traces, so that they can be swept: p in
    `self.p = p` and `none_active` may be the value of an axis.

    Attributes:
        importance: I, the weight of a feature's squared error; one number or one per feature.
        none_active: probability that no feature is active, or None. Where it is known, test
            losses take the all-zero sample exactly.
        mean: E[x_i], or None.
        second_moment: E[x_i^2], or None.
    """

    importance: Any = 1.0

    @abstractmethod
    def sample(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw `batch` feature vectors, the same for the same key."""

    def sample_active(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw `batch` feature vectors, given that at least one feature of each is active.

        Unless a distribution knows better, this is rejection, and gives up after a thousand times
        as many samples: then those that were found are repeated. Where none was found all are NaN,
        and so is every loss of them; they are zero where `some_active` says that there are none,
        and nothing depends on them.
        """
        found = by_rejection(self.sample, key, batch)
        if self.some_active is None:
            return found
        return jnp.where(jnp.asarray(self.some_active) > 0, found, 0)

    @cached_property
    def none_active(self) -> Any:
        """Probability that no feature is active, or None where it is not known."""
        return None

    @property
    def some_active(self) -> Any:
        """Probability that some feature is active, or None where it is not known.

        1 - none_active, unless a distribution knows it with more digits: below 1e-5 few are left
        of a float32.
        """
        return None if self.none_active is None else 1.0 - self.none_active

    @cached_property
    def mean(self) -> Any:
        """E[x_i], or None where it is not known."""
        return None

    @cached_property
    def second_moment(self) -> Any:
        """E[x_i^2], or None where it is not known."""
        return None


def size(features: FeatureDistribution) -> int:
    """Return the number of features: the distribution's `n`, or that of its samples.

    Raises:
        ValueError: if the samples are no columns [n, batch].
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
    """Raise ValueError unless a method's samples, or their shape, are columns [n, batch]."""
    n = getattr(features, "n", "n")
    if len(x.shape) != 2 or x.shape[1] != batch or n not in ("n", x.shape[0]):
        raise ValueError(
            f"{type(features).__name__}.{method}(key, {batch}) has shape {list(x.shape)} in the "
            f"place of [{n}, {batch}]: samples are columns"
        )


def by_rejection(
    sample: Callable[[PRNGKeyArray, int], Float[Array, "n batch"]], key: PRNGKeyArray, batch: int
) -> Float[Array, "n batch"]:
    """Draw samples with something active: `batch` at a time, until as many were found.

    After MOST_ROUNDS what was found is repeated; where nothing was, all samples are NaN: nothing
    can be raised where JAX compiles, and zeros would be a result that looks right.
    """

    def missing(state):
        round_, found, _ = state
        return (round_ < MOST_ROUNDS) & (found < batch)

    def draw(state):
        round_, found, columns = state
        x = sample(jax.random.fold_in(key, round_), batch)
        active = jnp.any(x != 0, axis=0)
        # what is not active, and what is found beyond the last place, is dropped
        place = jnp.where(active, found + jnp.cumsum(active) - 1, batch)
        return round_ + 1, found + jnp.sum(active), columns.at[:, place].set(x, mode="drop")

    like = jax.eval_shape(lambda: sample(key, batch))
    start = jnp.int32(0), jnp.sum(jnp.zeros(0, bool)), jnp.zeros(like.shape, like.dtype)
    _, found, columns = lax.while_loop(missing, draw, start)
    repeated = columns[:, jnp.arange(batch) % jnp.clip(found, 1, batch)]
    return jnp.where(found > 0, repeated, jnp.nan)
