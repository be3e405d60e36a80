"""How much memory the members of an ensemble need, read off what was traced of one."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr


def widest_array(function: Callable[..., Any], *args: Any, members: int = 1) -> int:
    """Return the bytes of the largest array that appears anywhere in `function(*args)`.

    The arguments may be arrays or shapes; nothing is computed. If they are those of many
    members at once, only arrays that grow with their number count, by a member's share: give a
    large prime, so that such an array is known by its size.
    """
    return widest_in(jax.make_jaxpr(function)(*args).jaxpr, members)


def widest_in(program: Jaxpr, members: int = 1) -> int:
    """Return the bytes of the largest array in a traced program, as `widest_array` does."""
    return max(_array_bytes(program, members), default=0)


def check_fits(bytes_each: int, sizes: Sequence[int], device: jax.Device) -> None:
    """Raise ValueError if a state for each member takes more than all the memory that there is."""
    members, memory = math.prod(sizes), _memory_of(device)
    if members * bytes_each > memory:
        raise ValueError(
            f"{members:,} models with {bytes_each / 1e6:.3g} MB of weights and optimizer state "
            f"each need {members * bytes_each / 1e9:,.1f} GB, and there are {memory / 1e9:,.1f} GB"
        )


def _memory_of(device: jax.Device) -> float:
    """Return the bytes of a device's memory, or of the machine's; infinite where nobody knows."""
    found = (device.memory_stats() or {}).get("bytes_limit")
    if found is None and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return found or math.inf


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
