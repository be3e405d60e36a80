"""Sums over samples that the devices share out, for one model trained on several devices.

The engine traces a step under `devices_sharing`, with DEVICES as the name of an axis. A sum that
fits is then cut into one part a device, and the parts are added (`lax.psum`). Everything else in
a step is computed on each device alike.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr

DEVICES = "devices"
_sharing: ContextVar[int] = ContextVar("number of devices that share out a sum", default=1)


@contextmanager
def devices_sharing(count: int) -> Iterator[None]:
    """Let `sum_on_devices` cut its sums into `count` parts, in programs traced by `trace`."""
    token = _sharing.set(count)
    try:
        yield
    finally:
        _sharing.reset(token)


def trace(function: Callable[..., Any], *args: Any) -> tuple[ClosedJaxpr, Any]:
    """Trace a function, with the axis of the devices that share its sums.

    Returns:
        The program, and the shapes of its result.
    """
    axes = [(DEVICES, _sharing.get())] if _sharing.get() > 1 else None
    # a new function each time: JAX would return its cached trace of a known one
    found: tuple[ClosedJaxpr, Any] = jax.make_jaxpr(
        lambda *args: function(*args), axis_env=axes, return_shape=True
    )(*args)
    return found


def is_shared(program: Any) -> bool:
    """Return whether a traced program has a sum that devices share out."""
    return any(getattr(effect, "name", None) == DEVICES for effect in program.effects)


def sum_on_devices(function: Callable[..., Any], parts: Any, *given: Any, least: int = 1) -> Any:
    """Return `function(parts, *given)`, a sum over the leading axis of `parts`.

    Under `devices_sharing` each device computes the sum over its share, if the axis divides evenly
    and a share has at least `least` entries: a sum over devices takes some 20 microseconds on a
    CPU. Derivatives are those of the whole sum, computed on each device.

    Args:
        function: a pure function of pytrees of arrays, which closes over none of them.
        parts: pytree of arrays [entry, ...].
        given: pytrees of arrays.
        least: the smallest share.
    """
    devices, size = _sharing.get(), len(jax.tree.leaves(parts)[0])
    share, rest = divmod(size, devices)
    if devices == 1 or rest or share < least:
        return function(parts, *given)

    @jax.custom_jvp
    def shared(parts, *given):
        begin = lax.axis_index(DEVICES) * share
        own = jax.tree.map(lambda leaf: lax.dynamic_slice_in_dim(leaf, begin, share), parts)
        return lax.psum(function(own, *given), DEVICES)

    shared.defjvp(lambda primals, tangents: jax.jvp(function, primals, tangents))
    return shared(parts, *given)
