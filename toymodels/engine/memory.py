"""How much memory one member of an ensemble needs, read off its traced program."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr


def widest_array(function: Callable[..., Any], *args: Any, members: int = 1) -> int:
    """Return the bytes of the largest array that appears anywhere in `function(*args)`.

    The arguments may be arrays or shapes; nothing is computed. If they are those of many
    members at once, only arrays that grow with their number count, by a member's share: give a
    large prime, so that such an array is known by its size.
    """
    return max(_array_bytes(jax.make_jaxpr(function)(*args).jaxpr, members), default=0)


def _array_bytes(jaxpr: Jaxpr, members: int) -> Iterator[int]:
    for equation in jaxpr.eqns:
        for variable in equation.outvars:
            shape = getattr(variable.aval, "shape", ())
            dtype = getattr(variable.aval, "dtype", None)
            if math.prod(shape) % members == 0:
                yield math.prod(shape) // members * getattr(dtype, "itemsize", 4)
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_jaxpr):
            if isinstance(inner, ClosedJaxpr):
                yield from _array_bytes(inner.jaxpr, members)
            elif isinstance(inner, Jaxpr):
                yield from _array_bytes(inner, members)


def _is_jaxpr(value: Any) -> bool:
    return isinstance(value, Jaxpr | ClosedJaxpr)
