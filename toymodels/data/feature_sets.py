"""Features in sets whose members are active together, or one at a time.

Elhage et al. 2022, "Correlated and Anti-correlated Features": each set has a gate, and gates are
independent sparse features. The distributions' moments follow from those of the gates.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.data.distributions import FeatureDistribution, PerFeature
from toymodels.data.sparse_features import SparseFeatures, importance_of_each
from toymodels.numerics.checks import check_count
from toymodels.numerics.draws import uniform


class FeatureSets(FeatureDistribution):
    """Base class of features in sets with independent gates.

    Results of `train` have the coordinate `set`, the set of each feature.

    Args:
        sizes: number of features of each set; features are ordered by set.
        sparsity: S, the probability that a set is inactive; one number or one per set.
        probability: p = 1 - S instead of S; give exactly one of the two.
        importance: I, the weight of a feature's squared error; one number or one per feature.

    Raises:
        ValueError: if there is no set or an empty one, S or p lies outside [0, 1], or an
            importance or a vector's length is invalid for `SparseFeatures`.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        sparsity: PerFeature | None = None,
        probability: PerFeature | None = None,
        importance: PerFeature = 1.0,
    ):
        check_count("the number of sets", len(sizes))
        for size in sizes:
            check_count("the size of a set", size)
        self.sizes = tuple(sizes)
        self.n = sum(sizes)
        self.set_of = np.repeat(np.arange(len(sizes)), sizes)
        self.coords = {"set": ("feature", self.set_of)}
        self.gates = SparseFeatures(len(sizes), sparsity=sparsity, probability=probability)
        self.importance = importance_of_each(self.n, importance)

    def sample(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw feature vectors."""
        gate_key, own_key = jax.random.split(key)
        return self._members(self.gates.sample(gate_key, batch), own_key)

    def sample_active(self, key: PRNGKeyArray, batch: int) -> Float[Array, "n batch"]:
        """Draw feature vectors given that some set is active, without rejection."""
        gate_key, own_key = jax.random.split(key)
        return self._members(self.gates.sample_active(gate_key, batch), own_key)

    @abstractmethod
    def _members(
        self, gates: Float[Array, "sets batch"], key: PRNGKeyArray
    ) -> Float[Array, "n batch"]:
        """Return the features' values; a gate is 0, or uniform on [0, 1] if its set is active."""

    @property
    def none_active(self) -> Any:
        """Probability that no set is active."""
        return self.gates.none_active

    @property
    def some_active(self) -> Any:
        """Probability that some set is active."""
        return self.gates.some_active


class CorrelatedFeatures(FeatureSets):
    """Sets that are active as a whole; the values of an active set are uniform on [0, 1].

    Two members of a set have covariance p (1 - p) / 4 and, in the limit p -> 0, correlation 3/4;
    members of different sets are independent. As in Elhage et al. 2022, values are independent
    within a set by default.

    Args:
        sizes: number of features of each set; features are ordered by set.
        sparsity: S, the probability that a set is inactive; one number or one per set.
        probability: p = 1 - S instead of S; give exactly one of the two.
        importance: I, the weight of a feature's squared error; one number or one per feature.
        shared_values: whether all members of a set have the same value: their correlation is
            then 1.

    Raises:
        ValueError: if there is no set or an empty one, S or p lies outside [0, 1], or an
            importance or a vector's length is invalid for `SparseFeatures`.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        sparsity: PerFeature | None = None,
        probability: PerFeature | None = None,
        importance: PerFeature = 1.0,
        shared_values: bool = False,
    ):
        super().__init__(sizes, sparsity=sparsity, probability=probability, importance=importance)
        self.shared_values = shared_values

    def _members(self, gates, key):
        values = gates[self.set_of]
        if self.shared_values:
            return values
        return jnp.where(values > 0, uniform(key, values.shape), 0.0)

    @property
    def mean(self) -> Float[Array, " n"]:
        """E[x_i] = p / 2, p of the feature's set."""
        return self.gates.mean[self.set_of]

    @property
    def second_moment(self) -> Float[Array, " n"]:
        """E[x_i^2] = p / 3, p of the feature's set."""
        return self.gates.second_moment[self.set_of]


class AnticorrelatedFeatures(FeatureSets):
    """Sets of which at most one member is active, chosen uniformly, with a value in [0, 1].

    A set of k members is active with probability p, each member with p / k. The value of the
    active member is uniform. Two members of a set have covariance -p^2 / (4 k^2). Elhage et al.
    2022.

    Args:
        sizes: number of features of each set; features are ordered by set.
        sparsity: S, the probability that no member of a set is active; one number or one per set.
        probability: p = 1 - S instead of S; give exactly one of the two.
        importance: I, the weight of a feature's squared error; one number or one per feature.

    Raises:
        ValueError: if there is no set or an empty one, S or p lies outside [0, 1], or an
            importance or a vector's length is invalid for `SparseFeatures`.
    """

    def _members(self, gates, key):
        sizes = np.array(self.sizes)[:, None]
        chosen = jnp.floor(uniform(key, gates.shape) * sizes)
        # the product with a uniform just below 1 may round up
        chosen = jnp.minimum(chosen, sizes - 1)[self.set_of]
        within = np.concatenate([np.arange(size) for size in self.sizes])[:, None]
        return jnp.where(chosen == within, gates[self.set_of], 0.0)

    @property
    def mean(self) -> Float[Array, " n"]:
        """E[x_i] = p / (2 k)."""
        return self.gates.mean[self.set_of] / np.array(self.sizes)[self.set_of]

    @property
    def second_moment(self) -> Float[Array, " n"]:
        """E[x_i^2] = p / (3 k)."""
        return self.gates.second_moment[self.set_of] / np.array(self.sizes)[self.set_of]


def one_sparse_features(n: int, importance: PerFeature = 1.0) -> AnticorrelatedFeatures:
    """Return n features of which exactly one is active, chosen uniformly, uniform on [0, 1].

    It is the limit S -> 1 of `SparseFeatures`, given that a feature is active, and the
    distribution of `theory.one_sparse_loss`: Elhage et al. 2022, "Mathematical Understanding";
    Chen et al. 2023, "Dynamical versus Bayesian Phase Transitions in a Toy Model of Superposition".

    Args:
        n: number of features.
        importance: I, the weight of a feature's squared error; one number or one per feature.

    Raises:
        ValueError: if n < 1, or an importance is invalid for `SparseFeatures`.
    """
    check_count("n", n)
    return AnticorrelatedFeatures([n], probability=1.0, importance=importance)
