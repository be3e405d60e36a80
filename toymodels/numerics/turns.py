"""Members of an ensemble that are computed one after the other, each within the cache."""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jax.custom_batching import custom_vmap, sequential_vmap


def members_in_turn(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, computed on a CPU for one vmapped member after the other.

    What one member reads and writes then stays in a core's cache. Members are worth it whose arrays
    fill the cache, as the loop costs microseconds a member. On accelerators, which compute wide
    arrays faster than many narrow ones, members are computed together as usual.

    Args:
        function: a pure function of pytrees of arrays, which closes over none of them.
    """
    member = custom_vmap(function)

    @member.def_vmap
    def _(size, mapped, *args):
        axes = jax.tree.map(lambda is_mapped: 0 if is_mapped else None, tuple(mapped))

        def together(function):
            return jax.vmap(function, in_axes=axes, axis_size=size)

        found = lax.platform_dependent(
            *args, cpu=together(sequential_vmap(function)), default=together(function)
        )
        return found, jax.tree.map(lambda _: True, found)

    return member
