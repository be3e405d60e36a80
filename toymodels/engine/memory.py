"""Bytes that arrays need, computed from their shapes or from a traced program."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr

from toymodels.numerics.sharing import trace


def widest_array(function: Callable[..., Any], *args: Any, members: int = 1) -> int:
    """Return the bytes of the largest array in the traced program of `function(*args)`.

    The arguments may be arrays or shapes; nothing is computed. If they belong to many members,
    only arrays whose size is a multiple of `members` count, divided by it: use a large prime.
    """
    return widest_in(trace(function, *args)[0].jaxpr, members)


def widest_in(program: Jaxpr, members: int = 1) -> int:
    """Return the bytes of the largest array in a traced program, as `widest_array` does."""
    return max(_array_bytes(program, members), default=0)


def bytes_of(shapes: Any) -> int:
    """Return the bytes of a pytree of arrays or shapes."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))


def device_bytes(devices: Sequence[jax.Device]) -> int | None:
    """Return the total memory of the devices in bytes; None if they use the host's memory."""
    limits: list[Any] = [(device.memory_stats() or {}).get("bytes_limit") for device in devices]
    return sum(limits) if all(limits) else None


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
