"""Exact integrals of a ReLU output's squared error over active features, uniform on [0, 1].

Every integrand is polynomial between the kinks of the ReLU, so Gauss-Legendre quadrature on the
pieces is exact up to rounding.
"""

from functools import partial

import jax
import jax.numpy as jnp

_GAUSS = (0.5 - 0.5 / 3**0.5, 0.5 + 0.5 / 3**0.5)
"""Two Gauss-Legendre nodes on [0, 1], of equal weights: exact for cubic polynomials."""


def error_of_one(slope, offset, target):
    """E over u of (target u - relu(slope u + offset))^2, u uniform on [0, 1]; elementwise."""
    slope, offset, target = jnp.broadcast_arrays(slope, offset, jnp.asarray(target, slope.dtype))
    kinks = (_zero(offset, slope + offset),)
    return _integral(_squared_error, kinks, slope, offset, target)


def _squared_error(u, slope, offset, target):
    return jnp.square(target * u - jax.nn.relu(slope * u + offset))


def error_of_two(own, cross, bias):
    """E over u, v of (u - relu(own u + cross v + bias))^2, both uniform on [0, 1]; elementwise.

    The integral over u is a piecewise cubic function of v; the pieces meet where the kink in u
    enters or leaves [0, 1], at cross v + bias = 0 and cross v + bias = -own.
    """
    enters, leaves = _zero(bias, cross + bias), _zero(own + bias, own + cross + bias)
    kinks = (jnp.minimum(enters, leaves), jnp.maximum(enters, leaves))
    return _integral(_error_given, kinks, own, cross, bias)


def _error_given(v, own, cross, bias):
    return error_of_one(jnp.broadcast_to(own, v.shape), cross * v + bias, 1)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _integral(function, kinks, *parameters):
    """Integral over [0, 1] of function(u, *parameters), continuous, cubic between sorted kinks.

    The derivative omits the motion of the kinks, whose contributions from both sides cancel: for a
    nearly flat ReLU the kink moves so fast that rounding errors would dominate. The second
    derivative includes it, as the first derivative jumps at a kink.
    """
    return _quadrature(lambda u: function(u, *map(_per_node, parameters)), kinks)


@_integral.defjvp
def _integral_jvp(function, primals, tangents):
    kinks, *parameters = primals
    at, along = (tuple(map(_per_node, values)) for values in (parameters, tangents[1:]))

    def derivative(u):
        return jax.jvp(partial(function, u), at, along)[1]

    return _quadrature(lambda u: function(u, *at), kinks), _quadrature(derivative, kinks)


def _quadrature(function, kinks):
    """Gauss-Legendre rule on each piece; nodes have the shape [*kink, piece, node]."""
    edges = jnp.stack([jnp.zeros_like(kinks[0]), *kinks, jnp.ones_like(kinks[0])], axis=-1)
    lengths = jnp.diff(edges)
    steps = jnp.broadcast_to(jnp.asarray(_GAUSS, edges.dtype), (*lengths.shape, 2))
    values = function(edges[..., :-1, None] + lengths[..., None] * steps)
    return jnp.sum(lengths * values.mean(axis=-1), axis=-1)


def _per_node(values):
    return values[..., None, None]


def _zero(start, end):
    """Root in [0, 1] of the line from `start` to `end`; 0 if it does not change sign."""
    # a flatter line is treated as zero: dividing by its slope three times would overflow
    flat = float(jnp.finfo(start.dtype).tiny) ** (1 / 3)
    crosses = ((start < 0) != (end < 0)) & (jnp.abs(start - end) > flat)
    return jnp.where(crosses, start / jnp.where(crosses, start - end, 1), 0)
