"""Functions by their names, for models that are pickled: JAX wraps its own in what cannot be."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

HOMES = {"jax.nn": jax.nn, "jax.numpy": jnp}


class Named(NamedTuple):
    """A function of JAX's, as it is imported."""

    home: str
    name: str

    def find(self) -> Any:
        """Return the function, None if there is none of that name."""
        return getattr(HOMES[self.home], self.name, None)


def by_name(function: Callable[..., Any]) -> Any:
    """Return the name of a function if it is one of JAX's; another one as it is."""
    names = (Named(home, getattr(function, "__name__", "")) for home in HOMES)
    return next((named for named in names if named.find() is function), function)
