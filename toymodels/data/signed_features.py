"""Features with random signs, from any distribution of features."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.data.distributions import FeatureDistribution, size
from toymodels.numerics.draws import uniform


class SignedFeatures(FeatureDistribution):
    """The features of a distribution, each with a random sign, + or - with probability 1/2.

    With `SparseFeatures`, x_i is uniform on [-1, 1] with probability p, else 0: the data of
    Elhage et al. 2022, "Computation in Superposition", whose target is |x|. Signs are independent
    of each other and of the values, so that features are uncorrelated.

    Args:
        of: the distribution of the features without signs.
    """

    def __init__(self, of: FeatureDistribution):
        self.of = of
        self.n = size(of)
        self.importance = of.importance

    def sample(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw feature vectors."""
        sign_key, key = jax.random.split(key)
        return _with_signs(self.of.sample(key, batch), sign_key)

    def sample_active(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw feature vectors given that some feature is active."""
        sign_key, key = jax.random.split(key)
        return _with_signs(self.of.sample_active(key, batch), sign_key)

    @property
    def none_active(self) -> Any:
        """Probability that no feature is active, or None if unknown."""
        return self.of.none_active

    @property
    def some_active(self) -> Any:
        """Probability that some feature is active, or None if unknown."""
        return self.of.some_active

    @property
    def mean(self) -> Float[Array, " n"]:
        """E[x_i] = 0."""
        return jnp.zeros(self.n)

    @property
    def second_moment(self) -> Any:
        """E[x_i^2], unchanged by signs, or None if unknown."""
        return self.of.second_moment


def _with_signs(x, key):
    return jnp.where(uniform(key, x.shape) < 0.5, -x, x)
