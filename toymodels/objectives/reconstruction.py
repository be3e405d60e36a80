"""Reconstruction of sparse features by a model, with a squared error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.data.distributions import (
    FeatureDistribution,
    check_columns,
    size,
)
from toymodels.models.calls import check_build, on_columns
from toymodels.numerics.blocks import block_columns, mean_over_blocks, mean_value_over_blocks
from toymodels.numerics.checks import check_count
from toymodels.numerics.products import true_float32

# entries of a block of x, 128 KiB: the arrays of one member's block stay in a core's L2 cache, and
# its products are wide enough from n = 40 on; models of fewer features have a single block
BLOCK_ENTRIES = 2**15


@dataclass(frozen=True)
class Reconstruction:
    """Importance-weighted reconstruction of sparse features by a model.

    L = E[ sum_i I_i (x_i - x'_i)^2 ]: summed over features, averaged over samples (Elhage et
    al. 2022; code derived from their notebook also divides by n).

    >>> import jax
    >>> from toymodels import Reconstruction, ReluOutput, SparseFeatures
    >>> features = SparseFeatures(5, sparsity=0.9, importance=[1.0, 0.9, 0.8, 0.7, 0.6])
    >>> objective = Reconstruction(features, lambda key: ReluOutput(5, 2, key=key))
    >>> model = objective.init(jax.random.key(0))
    >>> objective.loss(model, jax.random.key(1)).shape
    ()

    Attributes:
        features: the distribution of x, with the importances I.
        build: key -> model, called as x' = model(x) on columns; for models of your own see
            `toymodels.models`.
        batch_size: fresh samples per training step.
        test_samples: samples of the test set.
        given_active: sample only inputs with at least one active feature, and add the loss of the
            all-zero input exactly: the same expected loss with less noise at high sparsity. The
            default is plain sampling, as in the paper. Test losses always do this if the
            distribution has `none_active`, the probability that no feature is active.

    Raises:
        TypeError: if features is not a `FeatureDistribution`.
        ValueError: if batch_size or test_samples is not an integer of at least 1, or given_active
            is set and the distribution has no `none_active`.
    """

    features: FeatureDistribution
    build: Callable[[PRNGKeyArray], nnx.Module]
    batch_size: int = 1024
    test_samples: int = 2**16
    given_active: bool = False

    def __post_init__(self) -> None:
        check_build(self.build)
        check_count("batch_size", self.batch_size)
        check_count("test_samples", self.test_samples)
        kind = type(self.features).__name__
        if not isinstance(self.features, FeatureDistribution):
            raise TypeError(
                f"{kind} is not a distribution: write class {kind}(toymodels.FeatureDistribution) "
                "with the method sample(key, batch) -> [n, batch]"
            )
        if self.given_active and self.features.none_active is None:
            raise ValueError(
                f"given_active needs the probability that no feature is active: "
                f"set {kind}.none_active"
            )

    @property
    def coords(self) -> Mapping[str, tuple[str, np.ndarray]]:
        """The distribution's coordinates, such as the set of each feature."""
        return self.features.coords

    def init(self, key: PRNGKeyArray) -> nnx.Module:
        """Build the initial model."""
        return self.build(key)

    def loss(self, model: nnx.Module, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate L on `batch_size` fresh samples."""
        mean = partial(mean_over_blocks, in_turn=True)
        if self.given_active:
            return self._split(mean, model, key, self.batch_size)
        return self._mean(mean, self.features.sample, model, key, self.batch_size)

    @true_float32()
    def test_loss(self, model: nnx.Module, key: PRNGKeyArray) -> Float[Array, ""]:
        """Measure L on `test_samples` samples, with the exact loss of the all-zero input."""
        return self._split(mean_value_over_blocks, model, key, self.test_samples)

    def _split(self, mean, model, key, samples: int):
        if self.features.none_active is None:
            return self._mean(mean, self.features.sample, model, key, samples)
        silent = self._error(model, jnp.zeros((size(self.features), 1)))
        active = self._mean(mean, self.features.sample_active, model, key, samples)
        return self.features.none_active * silent + self.features.some_active * active

    def _mean(self, mean, sample, model, key, samples: int):
        columns = block_columns(size(self.features), samples, BLOCK_ENTRIES)
        keys = jax.random.split(key, samples // columns)

        def draw(key):
            x = sample(key, columns)
            check_columns(self.features, x, columns)
            return x

        return mean(self._error, model, keys, draw)

    def _error(self, model, x):
        squared = jnp.mean(jnp.square(x - on_columns(model, x)), axis=1)
        return jnp.sum(jnp.asarray(self.features.importance) * squared)
