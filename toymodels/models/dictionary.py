"""Sparse dictionaries: activations as sparse combinations of the columns of a matrix.

Four encoders, one decoder. Activations are the columns of x [d, batch]; the columns of the
dictionary W_dec [d, features] are unit vectors; f [features, batch] are the codes:

    f = encode(x),   x' = decode(f) = W_dec f + b_dec

`costs(x)` returns the two terms of the training loss for each sample: an error and a penalty on
the codes.
"""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.numerics.arrays import AnyArray
from toymodels.numerics.checks import check_count
from toymodels.numerics.names import in_order


class Costs(NamedTuple):
    """Reconstruction error and sparsity penalty of each sample."""

    error: Float[Array, " batch"]
    penalty: Float[Array, " batch"]


class ReluDictionary(nnx.Module):
    """f = ReLU(W_enc (x - b_dec) + b_enc), with an L1 penalty sum_i f_i.

    Bricken et al. 2023, "Towards Monosemanticity", whose decoder also has unit columns. W_dec is
    initialised with random directions, W_enc with its transpose, the biases with zeros.

    Args:
        d: size of an activation vector.
        features: size of the dictionary.
        key: random key for the initial directions.

    Attributes:
        penalised: whether `costs` has a penalty.

    Raises:
        ValueError: if d < 1 or features < 1.
    """

    penalised: ClassVar = True
    dims: ClassVar = {
        "W_enc": ("dictionary_feature", "activation"),
        "b_enc": ("dictionary_feature",),
        "W_dec": ("activation", "dictionary_feature"),
        "b_dec": ("activation",),
    }

    def __init__(self, d: int, features: int, *, key: PRNGKeyArray):
        check_count("d", d)
        check_count("features", features)
        directions = unit_columns(jax.random.normal(key, (d, features)))
        self.W_dec = nnx.Param(directions)
        self.W_enc = nnx.Param(directions.T)
        self.b_enc = nnx.Param(jnp.zeros(features))
        self.b_dec = nnx.Param(jnp.zeros(d))

    def pre_activations(self, x: Float[Array, "d batch"]) -> Float[Array, "features batch"]:
        """Return the input of the encoder's nonlinearity."""
        # applying the bias after the product avoids a shifted copy of x
        shift = self.b_enc - self.W_enc @ self.b_dec
        return self.W_enc @ x + shift[:, None]

    def encode(self, x: Float[Array, "d batch"]) -> Float[Array, "features batch"]:
        """Return the codes of activations, given as columns."""
        return jax.nn.relu(self.pre_activations(x))

    def decode(self, f: Float[Array, "features batch"]) -> Float[Array, "d batch"]:
        """Reconstruct activations from codes."""
        return self.W_dec @ f + self.b_dec[:, None]

    def __call__(self, x: Float[Array, "d batch"]) -> Float[Array, "d batch"]:
        """Reconstruct activations, given as columns."""
        return self.decode(self.encode(x))

    def costs(self, x: Float[Array, "d batch"]) -> Costs:
        """Return |x - x'|^2 and sum_i f_i of each sample."""
        f = self.encode(x)
        return Costs(squared_norms(x - self.decode(f)), jnp.sum(f, axis=0))


class TopKDictionary(ReluDictionary):
    """f is the k largest entries of ReLU(W_enc (x - b_dec) + b_enc); there is no penalty.

    Gao et al. 2024, "Scaling and evaluating sparse autoencoders". At most k codes are non-zero,
    fewer if fewer pre-activations are positive; ties are decided by position.

    Args:
        d: size of an activation vector.
        features: size of the dictionary.
        k: codes kept for each sample.
        key: random key for the initial directions.

    Raises:
        ValueError: if d, features or k < 1, or k > features.
    """

    penalised: ClassVar = False

    def __init__(self, d: int, features: int, k: int, *, key: PRNGKeyArray):
        super().__init__(d, features, key=key)
        check_count("k", k)
        if k > features:
            raise ValueError(f"k must be at most the dictionary's size, {features}; got {k}")
        self.k = k

    @classmethod
    def of(
        cls, directions: Float[AnyArray, "d features"], k: int, centre: ArrayLike = 0.0
    ) -> "TopKDictionary":
        """Build a dictionary whose codes are the k largest projections on given directions.

        Args:
            directions: [d, features], one column per feature, used as encoder and decoder; the
                dimensions of a DataArray are matched by name.
            k: codes kept for each sample.
            centre: [d] or a number, the point at which all projections are zero.
        """
        directions = in_order(directions, "hidden", "feature")
        d, features = directions.shape
        model = cls(d, features, k, key=jax.random.key(0))
        model.W_dec[...] = jnp.asarray(directions, float)
        model.W_enc[...] = model.W_dec.T
        model.b_dec[...] = jnp.broadcast_to(jnp.asarray(centre, float), d)
        return model

    def encode(self, x: Float[Array, "d batch"]) -> Float[Array, "features batch"]:
        """Return the codes of activations, with at most k non-zero entries per column."""
        f = super().encode(x)
        _, largest = lax.top_k(f.T, self.k)
        kept = jnp.zeros(f.T.shape, bool).at[jnp.arange(len(f.T))[:, None], largest].set(True)
        return jnp.where(kept.T, f, 0.0)

    def costs(self, x: Float[Array, "d batch"]) -> Costs:
        """Return |x - x'|^2 of each sample, and a penalty of zero."""
        error = squared_norms(x - self(x))
        return Costs(error, jnp.zeros_like(error))


class GatedDictionary(ReluDictionary):
    """f = 1[g > 0] ReLU(a): a gate decides which features are active, a magnitude how much.

    Rajamanoharan et al. 2024, "Improving Dictionary Learning with Gated Sparse Autoencoders":
    g = W_enc (x - b_dec) + b_enc and a = exp(r_mag) W_enc (x - b_dec) + b_mag share W_enc. The
    step function has zero gradient, so the gate is trained by the L1 penalty sum_i ReLU(g_i) and
    by an auxiliary error, that of reconstructing x from ReLU(g) with a frozen decoder, which is
    part of `costs(x).error`. Arguments as for `ReluDictionary`.
    """

    dims: ClassVar = {
        **ReluDictionary.dims,
        "r_mag": ("dictionary_feature",),
        "b_mag": ("dictionary_feature",),
    }

    def __init__(self, d: int, features: int, *, key: PRNGKeyArray):
        super().__init__(d, features, key=key)
        self.r_mag = nnx.Param(jnp.zeros(features))
        self.b_mag = nnx.Param(jnp.zeros(features))

    def encode(self, x: Float[Array, "d batch"]) -> Float[Array, "features batch"]:
        """Return the codes of activations, given as columns."""
        return self._gated(self.pre_activations(x))

    def _gated(self, gate):
        scale = jnp.exp(self.r_mag[...])[:, None]
        magnitude = scale * (gate - self.b_enc[:, None]) + self.b_mag[:, None]
        return jnp.where(gate > 0, jax.nn.relu(magnitude), 0.0)

    def costs(self, x: Float[Array, "d batch"]) -> Costs:
        """Return |x - x'|^2 plus the gate's auxiliary error, and sum_i ReLU(g_i)."""
        gate = self.pre_activations(x)
        soft = jax.nn.relu(gate)
        decoder, bias = map(lax.stop_gradient, (self.W_dec[...], self.b_dec[...]))
        auxiliary = squared_norms(x - (decoder @ soft + bias[:, None]))
        error = squared_norms(x - self.decode(self._gated(gate)))
        return Costs(error + auxiliary, jnp.sum(soft, axis=0))


class JumpReluDictionary(ReluDictionary):
    """f = z 1[z > theta] with z = W_enc (x - b_dec) + b_enc, with the L0 norm as penalty.

    Rajamanoharan et al. 2024, "Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU
    Sparse Autoencoders". The thresholds theta = exp(log_threshold) are trained with the
    straight-through estimators of `jump_relu` and `step`.

    Args:
        d: size of an activation vector.
        features: size of the dictionary.
        key: random key for the initial directions.
        threshold: initial theta, in units of x. The default is for activations of unit scale.
        bandwidth: epsilon, the width of the window around theta in which samples contribute to
            its gradient, in units of x. Where it is too narrow, few samples contribute, theta
            stays where it is, and the penalty has no effect.

    Raises:
        ValueError: if d < 1, features < 1, or threshold or bandwidth is not positive.
    """

    dims: ClassVar = {**ReluDictionary.dims, "log_threshold": ("dictionary_feature",)}

    def __init__(
        self,
        d: int,
        features: int,
        *,
        key: PRNGKeyArray,
        threshold: float = 0.1,
        bandwidth: float = 0.1,
    ):
        super().__init__(d, features, key=key)
        for name, value in {"threshold": threshold, "bandwidth": bandwidth}.items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0; got {value}")
        self.log_threshold = nnx.Param(jnp.full(features, jnp.log(threshold)))
        self.bandwidth = bandwidth

    def _threshold(self):
        return jnp.exp(self.log_threshold[...])[:, None]

    def encode(self, x: Float[Array, "d batch"]) -> Float[Array, "features batch"]:
        """Return the codes of activations, given as columns."""
        return jump_relu(self.pre_activations(x), self._threshold(), self.bandwidth)

    def costs(self, x: Float[Array, "d batch"]) -> Costs:
        """Return |x - x'|^2 and the number of active features of each sample."""
        z, threshold = self.pre_activations(x), self._threshold()
        error = squared_norms(x - self.decode(jump_relu(z, threshold, self.bandwidth)))
        return Costs(error, jnp.sum(step(z, threshold, self.bandwidth), axis=0))


@jax.custom_jvp
def step(z: Array, threshold: Array, _bandwidth: ArrayLike) -> Array:
    """1 where z > theta, else 0; its estimated derivative in theta is -K((z - theta) / eps) / eps.

    K is 1 on (-1/2, 1/2), else 0. The derivative of E[step] in theta is minus the density of z at
    theta; it is estimated from the samples in a window of width eps (equation 12 of "Jumping
    Ahead"). The derivative in z is 0.
    """
    return jnp.where(z > threshold, 1.0, 0.0)


@jax.custom_jvp
def jump_relu(z: Array, threshold: Array, bandwidth: ArrayLike) -> Array:
    """Z where z > theta, else 0; its derivative in theta is -theta K((z - theta) / eps) / eps.

    The derivative in z is exact: 1 above theta, 0 below (equation 11 of "Jumping Ahead").
    """
    return z * step(z, threshold, bandwidth)


def _window(z, threshold, bandwidth):
    return jnp.where(jnp.abs(z - threshold) < bandwidth / 2, 1.0 / bandwidth, 0.0)


@step.defjvp
def _step_jvp(primals, tangents):
    return step(*primals), -_window(*primals) * tangents[1]


@jump_relu.defjvp
def _jump_relu_jvp(primals, tangents):
    z, threshold, bandwidth = primals
    above = jnp.where(z > threshold, 1.0, 0.0)
    moved = -threshold * _window(z, threshold, bandwidth) * tangents[1]
    return jump_relu(*primals), above * tangents[0] + moved


def unit_columns(matrix: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
    """Scale the columns to length one; zero columns stay zero."""
    lengths = jnp.sqrt(squared_norms(matrix))[None, :]
    return matrix / jnp.where(lengths > 0, lengths, 1.0)


def squared_norms(columns: Float[Array, "rows columns"]) -> Float[Array, " columns"]:
    """Return the squared length of each column."""
    return jnp.sum(jnp.square(columns), axis=0)
