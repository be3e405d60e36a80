"""Attention heads with a gate for each pair of tokens."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.models.attention_only import AttentionOnly

POWER = 0.6  # of the norm over heads; below 1, one open gate costs less than two half open ones
CLOSED = 1e-4  # added to the gates in the norm, whose slope would be infinite at zero


class GatedAttention(AttentionOnly):
    """`AttentionOnly` whose attention passes a gate, A_h,ts clip(q_h[x_t] k_h[x_s], 0, 1).

    cmathw, Akar and Sharkey 2024, "Gated Attention Blocks". The gates are those of the source,
    with one dimension; its biases are part of q and k, as tokens are one-hot. What passes a gate
    does not sum to one. Initial gates are products of uniform numbers.

    Args:
        tokens: size of the alphabet.
        heads: number of heads.
        key: random key for the initial weights.
        options: `head_dim`, `outputs` and `direct` of `AttentionOnly`.

    Raises:
        ValueError: as `AttentionOnly`.
    """

    dims: ClassVar = {
        **AttentionOnly.dims,
        "gate_Q": ("head", "token"),
        "gate_K": ("head", "token"),
    }

    def __init__(self, tokens: int, heads: int, *, key: PRNGKeyArray, **options: Any):
        super().__init__(tokens, heads, key=key, **options)
        query, source = jax.random.split(jax.random.fold_in(key, 1))
        self.gate_Q = nnx.Param(jax.random.uniform(query, (heads, tokens)))
        self.gate_K = nnx.Param(jax.random.uniform(source, (heads, tokens)))

    def gates(self) -> Float[Array, "heads tokens tokens"]:
        """Return the gates, [head, destination, source]."""
        return jnp.clip(self.gate_Q[...][:, :, None] * self.gate_K[...][:, None, :], 0.0, 1.0)

    def patterns(
        self, x: Float[Array, "tokens positions batch"]
    ) -> Float[Array, "heads positions positions batch"]:
        """Return what passes the gates, A [head, destination, source, batch]."""
        return super().patterns(x) * jnp.einsum("htu,tib,ujb->hijb", self.gates(), x, x)

    def attention(
        self, counts: Float[Array, "tokens batch"], last: Float[Array, "tokens batch"]
    ) -> Float[Array, "heads tokens batch"]:
        """Return what passes the gates at the last position, as `AttentionOnly.attention`."""
        return super().attention(counts, last) * jnp.einsum("hts,tb->hsb", self.gates(), last)

    def openness(
        self, counts: Float[Array, "tokens batch"], last: Float[Array, "tokens batch"]
    ) -> Float[Array, ""]:
        """Return (sum_h gate_h^0.6)^(1/0.6) at the last position, averaged over its sources."""
        norm = jnp.sum((self.gates() + CLOSED) ** POWER, axis=0) ** (1 / POWER)
        return jnp.einsum("ts,tb,sb->", norm, last, counts) / counts.sum()
