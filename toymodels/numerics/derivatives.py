"""Functions with their own first derivative, and correct second derivatives."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float


def with_own_gradient(
    value: Callable[..., Float[Array, ""]],
    both: Callable[..., tuple[Float[Array, ""], Any]],
    at: Any,
    *given: Any,
) -> Float[Array, ""]:
    """Return `value(at, *given)`, with the first derivative that `both(at, *given)` computes.

    `both` computes the value and its gradient with respect to `at` in one pass; it replaces
    `value` when a derivative with respect to `at` is taken. Second derivatives differentiate
    `both`, in both modes. Derivatives with respect to `given` are JAX's of `value`.

    Neither function may close over arrays that are differentiated or mapped.

    Args:
        value: (at, *given) -> scalar.
        both: (at, *given) -> (scalar, gradient of at's structure).
        at: pytree of arrays.
        given: pytrees of arrays.
    """
    custom = jax.custom_jvp(value)

    def rule(primals, tangents):
        if _moving(tangents[1:]):
            return _plain_jvp(value, primals, tangents)
        here, gradient = both(*primals)
        # a frozen leaf has a symbolic zero as its tangent
        pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(tangents[0]), strict=True)
        return here, sum(jnp.sum(slope * along) for slope, along in pairs if _moving(along))

    custom.defjvp(rule, symbolic_zeros=True)
    return custom(at, *given)


def _moving(tangents) -> bool:
    return any(not isinstance(leaf, SymbolicZero) for leaf in jax.tree.leaves(tangents))


def _plain_jvp(function, primals, tangents):
    """JAX's jvp along the leaves with a tangent only: integers and keys have none."""
    leaves, structure = jax.tree.flatten(primals)
    along = {i: t for i, t in enumerate(jax.tree.leaves(tangents)) if _moving(t)}

    def of_moving(moving):
        at = [moving.get(i, leaf) for i, leaf in enumerate(leaves)]
        return function(*jax.tree.unflatten(structure, at))

    return jax.jvp(of_moving, ({i: leaves[i] for i in along},), (along,))
