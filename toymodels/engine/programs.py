"""Traced programs, and a cache of compiled ones keyed by what they compute.

A problem is traced at every training, for one member, in hundredths of a second; the trace sees
the current globals, closures, defaults, attributes and code. Compilation takes seconds and is
cached by the traced program, not by the function's identity. So no cached program is stale, and
problems that compute the same share one.

JAX's own cache is the exception: a function under the user's own `jax.jit` is not traced again
when a global that it reads has changed.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np
from jax import dtypes
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Var, jaxpr_as_fun, subjaxprs

from toymodels.numerics.sharing import trace

Compiled = TypeVar("Compiled")

MOST_REMEMBERED = 96  # programs; a training has three, or four with a probe
# Rules are new objects at each trace, and ignored: derivatives are taken before anything is
# compiled, and the rule of a vmap follows from the function.
_RULES = {
    "custom_jvp_call": {"jvp_jaxpr_fun"},
    "custom_vjp_call": {"fwd_jaxpr_thunk", "bwd"},
    "custom_vmap_call": {"rule"},
}


@dataclass(frozen=True)
class Traced:
    """A function traced for arguments of given shapes.

    Attributes:
        program: the jaxpr, from the leaves of the arguments to those of the result.
        closed_over: the arrays that the function closes over.
        shapes: the result, with shapes in place of arrays.
    """

    program: Jaxpr
    closed_over: list[Any]
    shapes: Any

    @classmethod
    def at(cls, function: Callable[..., Any], *args: Any) -> "Traced":
        """Trace a function; the arguments may be arrays or shapes, and nothing is computed."""
        closed, shapes = trace(function, *args)
        _detach(closed.jaxpr)
        return cls(closed.jaxpr, [_own(const) for const in closed.consts], shapes)

    @property
    def opened(self) -> Callable[..., list[Any]]:
        """The program as a function of (closed_over, *args), without embedded arrays.

        Arguments may be any pytrees with the same leaves as when traced; it returns the leaves
        of the result.
        """
        program = self.program

        def call(closed_over: list[Any], *args: Any) -> list[Any]:
            leaves = jax.tree.leaves(args)
            found: list[Any] = jaxpr_as_fun(ClosedJaxpr(program, closed_over))(*leaves)
            return found

        return call

    @property
    def signature(self) -> Hashable:
        """A hashable form of the program, without the values of arguments and closed-over arrays.

        Programs with equal signatures compute the same function.
        """
        return _signature(self.program)


def _own(value: Any) -> Any:
    """Copy a NumPy array, which its owner may modify.

    JAX caches its copy of a NumPy array by identity, and does not notice later modifications.
    """
    return value.copy() if isinstance(value, np.ndarray) else value


def _detach(jaxpr: Jaxpr) -> None:
    """Copy the literals of a program, in place."""
    atoms = (atom for line in jaxpr.eqns for atom in line.invars)
    for atom in (*atoms, *jaxpr.outvars):
        if isinstance(atom, Literal):
            atom.val = _own(atom.val)
    for inner in subjaxprs(jaxpr):
        _detach(inner)


_remembered: dict[Hashable, Any] = {}


def remembered(key: Hashable, build: Callable[[], Compiled]) -> Compiled:
    """Return the cached value of a key, or build it; the least recently used ones are dropped."""
    found: Compiled = _remembered.pop(key) if key in _remembered else build()
    _remembered[key] = found  # last in the dictionary's order
    for oldest in list(_remembered)[:-MOST_REMEMBERED]:
        del _remembered[oldest]
    return found


def _signature(jaxpr: Jaxpr) -> Hashable:
    """Return a jaxpr as nested tuples, its variables numbered in order of appearance."""
    numbers: dict[Var, int] = {}

    def bind(variables: Iterable[Any]) -> Hashable:
        bound = []
        for variable in variables:
            numbers[variable] = len(numbers)
            bound.append(variable.aval)
        return tuple(bound)

    def read(atoms: Iterable[Any]) -> Hashable:
        return tuple(
            (atom.aval, _content(atom.val)) if isinstance(atom, Literal) else numbers[atom]
            for atom in atoms
        )

    inputs = bind(jaxpr.constvars), bind(jaxpr.invars)
    lines = tuple(
        (line.primitive, read(line.invars), _params(line), bind(line.outvars))
        for line in jaxpr.eqns
    )
    return inputs, lines, read(jaxpr.outvars)


def _params(line: Any) -> Hashable:
    rules = _RULES.get(line.primitive.name, set())
    return tuple((name, _value(v)) for name, v in sorted(line.params.items()) if name not in rules)


def _value(value: Any) -> Hashable:
    """Return a hashable form of a parameter, equal only for equal parameters."""
    if isinstance(value, ClosedJaxpr):
        return _signature(value.jaxpr), tuple(map(_content, value.consts))
    if isinstance(value, Jaxpr):
        return _signature(value)
    if isinstance(value, dict):
        return tuple((name, _value(entry)) for name, entry in sorted(value.items()))
    if isinstance(value, list | tuple):
        return type(value), tuple(map(_value, value))
    if isinstance(value, np.ndarray | np.generic | jax.Array | float):
        return _content(value)
    try:
        hash(value)
    except TypeError:
        return object()  # equal to nothing, so that such a program is never reused
    return type(value), value  # with the type, as 1 == True == 1.0


def _content(array: Any) -> Hashable:
    if isinstance(array, jax.Array) and dtypes.issubdtype(array.dtype, dtypes.prng_key):
        return array.dtype, _content(jax.random.key_data(array))
    entries = np.asarray(array)
    digest = hashlib.sha256(entries.tobytes()).digest()
    return type(array), entries.dtype, entries.shape, digest
