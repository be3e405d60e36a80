"""Functions by their names, for models that are pickled: JAX wraps its own in what cannot be."""

from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from typing import Any, NamedTuple


class Named(NamedTuple):
    """A function as it can be imported."""

    module: str
    name: str

    def find(self) -> Any:
        """Return the function."""
        return attrgetter(self.name)(import_module(self.module))


def by_name(function: Callable[..., Any]) -> Any:
    """Return the name of a function that can be imported by it; another one as it is."""
    named = Named(getattr(function, "__module__", ""), getattr(function, "__qualname__", ""))
    try:
        return named if named.find() is function else function
    except (ImportError, AttributeError, ValueError):
        return function
