"""Independent sparse features, with the same or different probabilities of activity."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.data.distributions import FeatureDistribution, PerFeature
from toymodels.numerics.checks import check_between, check_count, check_per_feature, is_traced
from toymodels.numerics.draws import uniform


class SparseFeatures(FeatureDistribution):
    """Independent features: x_i = 0 with probability S, else uniform on [0, 1].

    The data of Elhage et al. 2022, "Demonstrating Superposition".

    >>> import jax
    >>> from toymodels import SparseFeatures
    >>> features = SparseFeatures(5, sparsity=0.9)
    >>> features.sample(jax.random.key(0), batch=1000).shape  # samples are columns
    (5, 1000)
    >>> print(f"{features.none_active:.2f} of all samples are zero")
    0.59 of all samples are zero

    Args:
        n: number of features.
        sparsity: S, the probability that a feature is inactive; one number or one per feature.
        probability: p = 1 - S instead of S; give exactly one of the two.
        importance: I, the weight of a feature's squared error; one number or one per feature.

    Raises:
        ValueError: if n < 1, S or p lies outside [0, 1], an importance is negative or not
            finite, a vector does not have n entries, not exactly one of S and p is given, or S is
            below 1 and rounds to 1.
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
        self.n = n
        self.probability = probability_of_each(n, sparsity, probability)
        self.importance = importance_of_each(n, importance)

    def sample(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw feature vectors; one uniform number per entry gives both activity and value."""
        return self._values(uniform(key, (self.n, batch)))

    def sample_active(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw feature vectors given that some feature is active, without rejection.

        The first active feature J is drawn from P(J = j) ~ p_j prod_{i<j} (1 - p_i); features
        before it are inactive, those after it are independent of it.
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
        # one division per feature, not per entry, as it is recomputed in the backward pass
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


def power_law_features(
    n: int, exponent: ArrayLike, active: ArrayLike = 1.0, importance: PerFeature = 1.0
) -> SparseFeatures:
    """Return independent features whose probability of activity is a power law of their rank.

    Feature i = 1 .. n is active with p_i ~ i^-exponent, scaled so that on average `active`
    features of a sample are active; its value is uniform on [0, 1]. In Jermyn et al. 2022,
    "Engineering Monosemanticity in Toy Models", p_i ~ i^-1.1. In Sharkey et al. 2022, "Taking
    features out of superposition with sparse autoencoders", p_i decays geometrically, with five
    active features per sample.

    Args:
        n: number of features.
        exponent: 0 for equally active features; can be an axis.
        active: expected number of active features; can be an axis.
        importance: I, the weight of a feature's squared error; one number or one per feature.

    Raises:
        ValueError: if n < 1, exponent is negative or not finite, an importance is invalid for
            `SparseFeatures`, or the first feature's p would lie outside [0, 1].
    """
    check_count("n", n)
    check_between("exponent", exponent, 0.0, float(jnp.finfo(jnp.result_type(float)).max))
    weight = jnp.arange(1.0, n + 1) ** -jnp.asarray(exponent, float)
    p = active * weight / jnp.sum(weight)
    return SparseFeatures(n, probability=p, importance=importance)


def probability_of_each(
    n: int, sparsity: PerFeature | None, probability: PerFeature | None
) -> Float[Array, " n"]:
    """Return the vector of p, from S or from p.

    Raises:
        ValueError: if S or p lies outside [0, 1], a vector does not have n entries, or not
            exactly one of S and p is given.
    """
    if (sparsity is None) == (probability is None):
        raise ValueError("give either sparsity (S) or probability (p = 1 - S), not both")
    name, given = ("probability", probability) if sparsity is None else ("sparsity", sparsity)
    assert given is not None
    check_per_feature(name, given, n)
    check_between(name, given, 0.0, 1.0)
    check_distinct_in_float(name, given)
    p = jnp.asarray(given, float) if sparsity is None else 1.0 - jnp.asarray(given)
    return jnp.broadcast_to(p.astype(float), (n,))


def check_distinct_in_float(name: str, given: PerFeature) -> None:
    """Raise ValueError if an S below 1 is 1 in JAX's precision, or a p above 0 is 0.

    Such features would never be active.
    """
    if is_traced(given):
        return
    exact, dtype = np.asarray(given, float), jnp.result_type(float)
    limits = jnp.finfo(dtype)
    if name == "sparsity":
        never, lost = 1, (exact < 1) & (exact.astype(dtype) == 1)
        limit = f"largest S is {1 - float(limits.epsneg):.10g}"
    else:  # subnormal numbers are flushed to zero
        never, lost = 0, (exact > 0) & (exact < float(limits.tiny))
        limit = f"smallest p is {float(limits.tiny):.3g}"
    if lost.any():
        raise ValueError(
            f"{name} {float(exact[lost].flat[0])!r} is {never} in {dtype}, with which no feature "
            f"would be active: the {limit}"
        )


def importance_of_each(n: int, importance: PerFeature) -> Float[Array, " n"]:
    """Return the vector of I; numbers too small for a float become 0.

    Raises:
        ValueError: if one is negative, not finite or too large for a float, or a vector does not
            have n entries.
    """
    check_per_feature("importance", importance, n)
    check_between("importance", importance, 0.0, float(jnp.finfo(jnp.result_type(float)).max))
    return jnp.broadcast_to(jnp.asarray(importance, float), (n,))
