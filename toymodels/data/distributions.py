"""Distributions over feature vectors: what a toy model is asked to store.

Samples are columns: `sample(key, batch)` has shape [n, batch]. Every distribution tells the
importance of each feature, its first two moments, and the probability that no feature is
active, and can sample given that at least one is: at high sparsity nearly every sample is
all zero, and an expectation is far cheaper when that part of it is taken exactly.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.numerics.checks import check_between, check_count, check_per_feature
from toymodels.numerics.draws import uniform

PerFeature = ArrayLike | Sequence[float]
"""One number for all features, or one for each."""


@runtime_checkable
class FeatureDistribution(Protocol):
    """What an objective needs to know of a distribution over n features."""

    n: int
    importance: Float[Array, " n"]

    def sample(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw `batch` feature vectors."""
        ...

    def sample_active(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw `batch` feature vectors, given that at least one feature of each is active."""
        ...

    @property
    def none_active(self) -> Float[Array, ""]:
        """Probability that no feature is active."""
        ...

    @property
    def some_active(self) -> Float[Array, ""]:
        """Probability that at least one feature is active, to full precision where it is small."""
        ...

    @property
    def mean(self) -> Float[Array, " n"]:
        """E[x_i]."""
        ...

    @property
    def second_moment(self) -> Float[Array, " n"]:
        """E[x_i^2]."""
        ...


class SparseFeatures:
    """Independent features: x_i = 0 with probability S, else uniform on [0, 1].

    The data of Elhage et al. 2022, "Demonstrating Superposition".

    Args:
        n: number of features.
        sparsity: S, the probability that a feature is inactive; one number or one per feature.
        probability: p = 1 - S instead of S; give exactly one of the two.
        importance: I, the weight of a feature's squared error; one number or one per feature.

    Raises:
        ValueError: if n < 1, S or p lies outside [0, 1], an importance is negative or not
            finite, a vector does not have n entries, or not exactly one of S and p is given.
    """

    def __init__(
        self,
        n: int,
        *,
        sparsity: PerFeature | None = None,
        probability: PerFeature | None = None,
        importance: PerFeature = 1.0,
    ):
        check_count("n", n)
        if (sparsity is None) == (probability is None):
            raise ValueError("give either sparsity (S) or probability (p = 1 - S), and not both")
        name, given = ("probability", probability) if sparsity is None else ("sparsity", sparsity)
        check_per_feature(name, given, n)
        check_between(name, given, 0.0, 1.0)
        check_per_feature("importance", importance, n)
        check_between("importance", importance, 0.0, float(jnp.finfo(jnp.float32).max))
        assert given is not None
        p = jnp.asarray(given, jnp.float32) if sparsity is None else 1.0 - jnp.asarray(given)
        self.n = n
        self.probability: Float[Array, " n"] = jnp.broadcast_to(p.astype(jnp.float32), (n,))
        self.importance: Float[Array, " n"] = jnp.broadcast_to(
            jnp.asarray(importance, jnp.float32), (n,)
        )

    def sample(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw feature vectors; one uniform per entry decides activity and value alike."""
        return self._values(uniform(key, (self.n, batch)))

    def sample_active(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw feature vectors given that some feature is active, without rejection.

        The first active feature J is drawn from P(J = j) ~ p_j prod_{i<j} (1 - p_i); features
        before it are off, those after it are independent of it.
        """
        first_key, value_key = jax.random.split(key)
        u = uniform(value_key, (self.n, batch))
        # P(some feature up to i is active); log1p keeps its digits where p is small
        active_by = -jnp.expm1(jnp.cumsum(jnp.log1p(-self.probability)))
        level = uniform(first_key, (batch,)) * active_by[-1]
        first = jnp.minimum(jnp.searchsorted(active_by, level, side="right"), self.n - 1)
        index, first = jnp.arange(self.n)[:, None], first[None, :]
        later = jnp.where(index > first, self._values(u), 0.0)
        return jnp.where(index == first, u, later)

    def _values(self, u: Float[Array, "n batch"]) -> Float[Array, "n batch"]:
        p = self.probability[:, None]
        # one division a feature, not one an entry: it is computed again in the backward pass
        scale = 1.0 / jnp.maximum(p, jnp.finfo(p.dtype).tiny)
        return jnp.where(u < p, u * scale, 0.0)

    @property
    def none_active(self) -> Float[Array, ""]:
        """Probability that no feature is active: prod_i (1 - p_i)."""
        return jnp.exp(jnp.sum(jnp.log1p(-self.probability)))

    @property
    def some_active(self) -> Float[Array, ""]:
        """Probability that some feature is active: 1 - prod_i (1 - p_i)."""
        # expm1 and log1p keep the digits that 1 - p and 1 - none_active lose where p is small
        return -jnp.expm1(jnp.sum(jnp.log1p(-self.probability)))

    @property
    def mean(self) -> Float[Array, " n"]:
        """E[x_i] = p_i / 2."""
        return self.probability / 2

    @property
    def second_moment(self) -> Float[Array, " n"]:
        """E[x_i^2] = p_i / 3."""
        return self.probability / 3
