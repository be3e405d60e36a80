"""Attentional features and the loss of attention heads that imitate them.

An attentional feature is an attention pattern A_k with an OV matrix O_k. The pattern is drawn
independently for each sample; the OV matrix is fixed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from toymodels.models.attention import MixingMatrix
from toymodels.models.calls import check_build, check_can
from toymodels.numerics.blocks import block_columns, mean_over_blocks, mean_value_over_blocks
from toymodels.numerics.checks import check_between, check_count
from toymodels.numerics.draws import uniform
from toymodels.numerics.memory import check_fits
from toymodels.numerics.products import true_float32

# entries of the products A_k x O_l of a block of samples: 256 KB, read by every restart, so that
# they stay in a core's L2 cache (2 MB take twice as long with 16 restarts)
BLOCK_ENTRIES = 2**16


class OvDraw(NamedTuple):
    """Random OV matrices of any density: the entries of a sparser matrix are among a denser one's.

    Attributes:
        rank: order in which entries become non-zero, a permutation of d_model^2 for each feature.
        value: uniform on [0, 1].
    """

    rank: Int[Array, "*axes K d_model d_model"]
    value: Float[Array, "*axes K d_model d_model"]

    @classmethod
    def of(cls, features: int, d_model: int, *, key: PRNGKeyArray) -> "OvDraw":
        """Draw ranks and values for K features and a residual stream of width d_model.

        Raises:
            TooLarge: if the matrices do not fit into memory.
        """
        matrices = f"{features:,} OV matrices of {d_model:,} x {d_model:,} entries"
        check_fits(matrices, 8 * features * d_model**2)  # rank and value
        rank_key, value_key = jax.random.split(key)
        order = jax.vmap(partial(jax.random.permutation, x=d_model**2))
        rank = order(jax.random.split(rank_key, features)).reshape(features, d_model, d_model)
        return cls(rank, jax.random.uniform(value_key, rank.shape))

    def sparse(self, density: ArrayLike) -> Float[Array, "K d_model d_model"]:
        """Return the matrices at a density, the share of non-zero entries; Frobenius norm 1 each.

        The number of non-zero entries is rounded to an integer.

        Raises:
            ValueError: if the density is outside [0, 1], or all entries would be zero.
        """
        check_between("density", density, 0.0, 1.0)
        entries = jnp.round(density * self.rank[0].size)
        if not isinstance(entries, jax.core.Tracer) and entries < 1:
            raise ValueError(
                f"with density {density}, OV matrices of {self.rank[0].size} entries are all zero: "
                f"the density must be at least {1 / self.rank[0].size:g}"
            )
        return _normalised(jnp.where(self.rank < entries, self.value, 0.0))

    def blocks(self) -> Float[Array, "K d_model d_model"]:
        """Return matrices with disjoint outputs, each of Frobenius norm 1.

        Feature k reads all input dimensions and writes to the k-th of K blocks of output
        dimensions.

        Raises:
            ValueError: if there are fewer outputs than features.
        """
        features, d_model, _ = self.value.shape
        if d_model < features:
            raise ValueError(f"{features} blocks need d_model >= {features}; got {d_model}")
        block = jnp.arange(d_model) * features // d_model
        own = block[None, None] == jnp.arange(features)[:, None, None]
        return _normalised(jnp.where(own, self.value, 0.0))


def _normalised(ovs):
    return ovs / jnp.linalg.norm(ovs, axis=(1, 2), keepdims=True)


@dataclass(frozen=True)
class AttentionMixing:
    """Imitate K attentional features, y = relu(sum_k A_k x O_k), with fewer heads.

    Entries of A_k are zero with probability `sparsity`, else uniform on [0, 1]; entries of x are
    uniform on [0, 1]. L = E |y - y'|^2, summed over tokens and outputs, averaged over samples. The
    products A_k x O_l are computed once per batch for all restarts that share it; the output of
    each restart is then one product with its M^T M.

    Attributes:
        build: key -> model.
        ovs: the OV matrices [K, d_model, d_model].
        sparsity: S, the probability that an entry of a pattern is zero.
        tokens: length of the sequences.
        batch_size: fresh samples per training step.
        test_samples: samples of the test set, each of `tokens` x `d_model` outputs.

    Raises:
        ValueError: if tokens, batch_size or test_samples is below 1, or S outside [0, 1].
    """

    build: Callable[[PRNGKeyArray], MixingMatrix]
    ovs: Float[Array, "K d_model d_model"]
    sparsity: ArrayLike
    tokens: int = 8
    batch_size: int = 32
    test_samples: int = 2**12

    def __post_init__(self) -> None:
        check_build(self.build)
        for name in ("tokens", "batch_size", "test_samples"):
            check_count(name, getattr(self, name))
        check_between("sparsity", self.sparsity, 0.0, 1.0)

    def init(self, key: PRNGKeyArray) -> MixingMatrix:
        """Build the initial model.

        Raises:
            TypeError: if it lacks an attribute that the loss uses.
        """
        model = self.build(key)
        check_can(model, "AttentionMixing", "from_products", like="MixingMatrix")
        return model

    def loss(self, model: MixingMatrix, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate L on `batch_size` fresh samples."""
        return self._mean(mean_over_blocks, model, key, self.batch_size)

    @true_float32()
    def test_loss(self, model: MixingMatrix, key: PRNGKeyArray) -> Float[Array, ""]:
        """Measure L on `test_samples` samples."""
        return self._mean(mean_value_over_blocks, model, key, self.test_samples)

    def sample(
        self, key: PRNGKeyArray, batch: int
    ) -> tuple[Float[Array, "K batch tokens tokens"], Float[Array, "batch tokens d_model"]]:
        """Draw patterns and residual streams."""
        pattern_key, stream_key = jax.random.split(key)
        features, d_model, _ = self.ovs.shape
        p = 1.0 - jnp.asarray(self.sparsity, float)
        u = uniform(pattern_key, (features, batch, self.tokens, self.tokens))
        A = jnp.where(u < p, u / jnp.maximum(p, jnp.finfo(p.dtype).tiny), 0.0)
        return A, uniform(stream_key, (batch, self.tokens, d_model))

    def products(
        self, A: Float[Array, "K batch tokens tokens"], x: Float[Array, "batch tokens d_model"]
    ) -> Float[Array, "K K batch tokens d_model"]:
        """Compute A_k x O_l for all pairs of features."""
        # a sum of products: a matrix product for each sample is too small to be fast
        attended = jnp.sum(A[..., None] * x[None, :, None], axis=3)
        # as a stack of products, rows [K K] by columns [batch tokens d_model] in memory: a single
        # einsum comes out transposed, and each restart's product with M^T M takes twice as long
        return jnp.stack([attended @ ov for ov in self.ovs], axis=1)

    def _mean(self, mean, model, key, samples: int):
        features, d_model, _ = self.ovs.shape
        entries = features**2 * self.tokens * d_model
        block = block_columns(entries, samples, BLOCK_ENTRIES)
        keys = jax.random.split(key, samples // block)
        return mean(self._error, model, keys, lambda key: self.products(*self.sample(key, block)))

    def _error(self, model, products):
        target = jax.nn.relu(jnp.einsum("kkbse->bse", products))
        squared = jnp.square(target - model.from_products(products))
        return jnp.sum(squared) / len(target)
