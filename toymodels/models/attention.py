"""Attention heads that share attentional features: one mixing matrix for patterns and OVs."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.numerics.checks import check_count


class MixingMatrix(nnx.Module):
    """y = relu( sum_j (sum_k M_jk A_k) x (sum_l M_jl O_l) + b ), the attention of J heads.

    Anthropic's January 2024 update, "Attention superposition". A_k [tokens, tokens] is the
    pattern of attentional feature k, O_k [d_model, d_model] its OV matrix, x [tokens, d_model]
    the residual stream. The same M [J, K] mixes both, so that

        y = relu( sum_kl (M^T M)_kl A_k x O_l + b ):

    M^T M takes the role of W^T W for features. M is initialised Xavier-normal.

    Args:
        features: K, attentional features.
        heads: J, fewer than features for superposition.
        d_model: width of the residual stream.
        key: random key for the initial M.
        bias: whether there is a bias b [d_model]; the source has none.

    Raises:
        ValueError: if a size is below 1, or there are more heads than features.
    """

    dims: ClassVar = {"M": ("head", "attentional_feature"), "b": ("output",)}

    def __init__(
        self, features: int, heads: int, d_model: int, *, key: PRNGKeyArray, bias: bool = False
    ):
        for name, size in {"features": features, "heads": heads, "d_model": d_model}.items():
            check_count(name, size)
        if heads > features:
            raise ValueError(f"heads must be at most the {features} features; got {heads}")
        xavier = jax.nn.initializers.variance_scaling(1.0, "fan_avg", "normal")
        self.M = nnx.Param(xavier(key, (heads, features)))
        self.b = nnx.Param(jnp.zeros(d_model)) if bias else None

    def __call__(
        self,
        A: Float[Array, "K batch tokens tokens"],
        x: Float[Array, "batch tokens d_model"],
        O: Float[Array, "K d_model d_model"],  # noqa: E741
    ) -> Float[Array, "batch tokens d_model"]:
        """Compute the output of the heads by the equation in J heads."""
        patterns = jnp.einsum("jk,kbst->jbst", self.M[...], A)
        values = jnp.einsum("jk,kde->jde", self.M[...], O)
        return self._rectify(jnp.einsum("jbst,btd,jde->bse", patterns, x, values))

    def from_products(
        self, products: Float[Array, "K K batch tokens d_model"]
    ) -> Float[Array, "batch tokens d_model"]:
        """Compute the same output from the products A_k x O_l, which do not depend on M."""
        M = self.M[...]
        # M^T M, without a matrix product for each restart and block, which costs more than its sums
        gram = jnp.sum(M[:, :, None] * M[:, None, :], axis=0)
        # as K^2 rows: the same sum over two of five axes takes longer on a CPU
        y = gram.reshape(-1) @ products.reshape(gram.size, -1)
        return self._rectify(y.reshape(products.shape[2:]))

    def _rectify(self, y):
        return jax.nn.relu(y if self.b is None else y + self.b[None, None])
