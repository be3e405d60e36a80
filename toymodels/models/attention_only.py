"""One layer of attention heads between one-hot tokens and logits, and nothing else."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from toymodels.numerics.checks import check_count


class AttentionOnly(nnx.Module):
    """y_t = sum_h W_O,h W_V,h sum_s A_h,ts x_s, a one-layer attention-only transformer.

    A_h,ts is the softmax over s <= t of (W_Q,h x_t) . (W_K,h x_s) / sqrt(head_dim).

    Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits". Tokens x_t are one-hot,
    and embedding and unembedding are the identity, so that the residual stream has a dimension for
    each token. There are no positions, biases, layer norm or dropout, and without `direct` no path
    around the heads; with it W_D x_t is added to the logits. Initial weights are Xavier-normal,
    W_D is zero.

    A head sees a sequence only through its numbers of tokens, as it knows no positions:
    `attention`, `head_logits` and `logits` take these numbers and the token at the last position.

    >>> import jax, jax.numpy as jnp
    >>> from toymodels import AttentionOnly
    >>> model = AttentionOnly(tokens=13, heads=2, key=jax.random.key(0))
    >>> model(jnp.zeros((13, 10, 100))).shape  # [token, position, batch]
    (13, 10, 100)

    Args:
        tokens: size of the alphabet.
        heads: number of heads.
        head_dim: dimensions of queries, keys and values; `tokens` by default, full rank.
        outputs: number of logits; `tokens` by default.
        direct: whether there is a direct path, of bigrams.
        key: random key for the initial weights.

    Raises:
        ValueError: if a size is below 1, or head_dim above the number of tokens.
    """

    dims: ClassVar = {
        "W_Q": ("head", "head_dim", "token"),
        "W_K": ("head", "head_dim", "token"),
        "W_V": ("head", "head_dim", "token"),
        "W_O": ("head", "logit", "head_dim"),
        "W_D": ("logit", "token"),
    }

    def __init__(
        self,
        tokens: int,
        heads: int,
        *,
        key: PRNGKeyArray,
        head_dim: int | None = None,
        outputs: int | None = None,
        direct: bool = False,
    ):
        head_dim = tokens if head_dim is None else head_dim
        outputs = tokens if outputs is None else outputs
        sizes = {"tokens": tokens, "heads": heads, "head_dim": head_dim, "outputs": outputs}
        for name, size in sizes.items():
            check_count(name, size)
        if head_dim > tokens:
            raise ValueError(f"head_dim must be at most the {tokens} tokens; got {head_dim}")
        xavier = jax.nn.initializers.variance_scaling(1.0, "fan_avg", "normal", -1, -2, (0,))
        keys = jax.random.split(key, 4)
        W_Q, W_K, W_V = (xavier(key, (heads, head_dim, tokens)) for key in keys[:3])
        self.W_Q, self.W_K, self.W_V = nnx.Param(W_Q), nnx.Param(W_K), nnx.Param(W_V)
        self.W_O = nnx.Param(xavier(keys[3], (heads, outputs, head_dim)))
        self.W_D = nnx.Param(jnp.zeros((outputs, tokens))) if direct else None

    @classmethod
    def from_circuits(
        cls,
        W_QK: Float[ArrayLike, "heads tokens tokens"],
        W_OV: Float[ArrayLike, "heads outputs tokens"],
    ) -> "AttentionOnly":
        """Return the model of full rank with these circuits, such as those of `theory`.

        Args:
            W_QK: attention scores, [head, destination, source].
            W_OV: logits that are written, [head, output, source].
        """
        heads, outputs, tokens = np.shape(W_OV)
        model = cls(tokens, heads, outputs=outputs, key=jax.random.key(0))
        same = jnp.broadcast_to(jnp.eye(tokens), (heads, tokens, tokens))
        model.W_Q[...] = tokens**0.5 * jnp.swapaxes(jnp.asarray(W_QK, float), 1, 2)
        model.W_K[...], model.W_V[...] = same, same
        model.W_O[...] = jnp.asarray(W_OV, float)
        return model

    def W_QK(self) -> Float[Array, "heads tokens tokens"]:
        """Return the scores [head, destination, source] of the QK circuits."""
        scores = jnp.einsum("hdt,hds->hts", self.W_Q[...], self.W_K[...])
        return scores / self.W_Q.shape[1] ** 0.5

    def W_OV(self) -> Float[Array, "heads outputs tokens"]:
        """Return the logits [head, output, source] that the OV circuits write."""
        return jnp.einsum("hod,hds->hos", self.W_O[...], self.W_V[...])

    def patterns(
        self, x: Float[Array, "tokens positions batch"]
    ) -> Float[Array, "heads positions positions batch"]:
        """Return A [head, destination t, source s, batch] of one-hot sequences; 0 for s > t."""
        scores = jnp.einsum("htu,tib,ujb->hijb", self.W_QK(), x, x)
        causal = jnp.tril(jnp.ones(scores.shape[1:3], bool))[None, :, :, None]
        return jax.nn.softmax(scores, axis=2, where=causal)

    def contributions(
        self, x: Float[Array, "tokens positions batch"]
    ) -> Float[Array, "heads outputs positions batch"]:
        """Return the logits that each head writes at each position."""
        return jnp.einsum("hos,sjb,hijb->hoib", self.W_OV(), x, self.patterns(x))

    def __call__(
        self, x: Float[Array, "tokens positions batch"]
    ) -> Float[Array, "outputs positions batch"]:
        """Return the logits at each position of one-hot sequences."""
        y = self.contributions(x).sum(axis=0)
        return y if self.W_D is None else y + jnp.einsum("os,sib->oib", self.W_D[...], x)

    def attention(
        self, counts: Float[Array, "tokens batch"], last: Float[Array, "tokens batch"]
    ) -> Float[Array, "heads tokens batch"]:
        """Return the attention of the last position to all positions of each token.

        Args:
            counts: how often each token is in the sequence, the last position included.
            last: the token at the last position, one-hot.
        """
        scores = jnp.einsum("hts,tb->hsb", self.W_QK(), last)
        return jax.nn.softmax(scores + jnp.log(counts)[None], axis=1)

    def head_logits(
        self, counts: Float[Array, "tokens batch"], last: Float[Array, "tokens batch"]
    ) -> Float[Array, "heads outputs batch"]:
        """Return the logits that each head writes at the last position; arguments: `attention`."""
        return jnp.einsum("hos,hsb->hob", self.W_OV(), self.attention(counts, last))

    def logits(
        self, counts: Float[Array, "tokens batch"], last: Float[Array, "tokens batch"]
    ) -> Float[Array, "outputs batch"]:
        """Return the logits at the last position; arguments as for `attention`."""
        y = jnp.einsum("hos,hsb->ob", self.W_OV(), self.attention(counts, last))
        return y if self.W_D is None else y + self.W_D @ last
