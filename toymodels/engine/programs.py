"""Programs as what they compute, and compiled once in a process.

A problem is traced anew each time, for one member of its ensemble, which takes hundredths of a
second and sees everything as it is now: globals, closures, defaults, attributes, edited code. What
takes seconds is to compile, and that is remembered: by what was traced, never by who asked. So a
program cannot be stale, and two problems that compute the same share one.

What JAX itself remembers is the exception: a function under the user's own `jax.jit` is not traced
again when a global that it reads has changed.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np
from jax import dtypes
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Var, jaxpr_as_fun, subjaxprs

Compiled = TypeVar("Compiled")

MOST_REMEMBERED = 96  # programs; a training has three, and one more with a probe
# Derivatives have been taken before anything is compiled: their rules, new objects at each
# trace, have no say in it any more.
_DERIVATIVE_RULES = {
    "custom_jvp_call": {"jvp_jaxpr_fun"},
    "custom_vjp_call": {"fwd_jaxpr_thunk", "bwd"},
}


@dataclass(frozen=True)
class Traced:
    """A function as it was traced at arguments of some shapes.

    Attributes:
        program: what it computes, from its arguments' leaves to its result's.
        closed_over: the arrays that it was found to need besides its arguments.
        shapes: what it returns, with shapes in the place of arrays.
    """

    program: Jaxpr
    closed_over: list[Any]
    shapes: Any

    @classmethod
    def at(cls, function: Callable[..., Any], *args: Any) -> "Traced":
        """Trace a function; the arguments may be arrays or shapes, and nothing is computed."""
        # a new function each time, as JAX would find an old one's program without looking at it
        trace = jax.make_jaxpr(lambda *args: function(*args), return_shape=True)
        closed, shapes = trace(*args)
        _detach(closed.jaxpr)
        return cls(closed.jaxpr, [_own(const) for const in closed.consts], shapes)

    @property
    def opened(self) -> Callable[..., list[Any]]:
        """The program as a function of (closed_over, *args): nothing is built into it.

        Its arguments may be any pytrees with the leaves of those that it was traced at, and it
        returns the leaves of its result.
        """
        program = self.program

        def call(closed_over: list[Any], *args: Any) -> list[Any]:
            leaves = jax.tree.leaves(args)
            found: list[Any] = jaxpr_as_fun(ClosedJaxpr(program, closed_over))(*leaves)
            return found

        return call

    @property
    def signature(self) -> Hashable:
        """What it computes, but for the values that it is given and those that it closes over.

        Two programs whose signatures are equal are the same.
        """
        return _signature(self.program)


def _own(value: Any) -> Any:
    """Copy what somebody else might write into.

    As long as JAX's own copy of a NumPy array lives, it stands for that array, whatever has been
    written into it since.
    """
    return value.copy() if isinstance(value, np.ndarray) else value


def _detach(jaxpr: Jaxpr) -> None:
    """Let a program own the numbers that stand in it."""
    atoms = (atom for line in jaxpr.eqns for atom in line.invars)
    for atom in (*atoms, *jaxpr.outvars):
        if isinstance(atom, Literal):
            atom.val = _own(atom.val)
    for inner in subjaxprs(jaxpr):
        _detach(inner)


_remembered: dict[Hashable, Any] = {}


def remembered(key: Hashable, build: Callable[[], Compiled]) -> Compiled:
    """Return what was built for this key, if not too many others were asked for since."""
    found: Compiled = _remembered.pop(key) if key in _remembered else build()
    _remembered[key] = found  # last in the dictionary's order
    for oldest in list(_remembered)[:-MOST_REMEMBERED]:
        del _remembered[oldest]
    return found


def _signature(jaxpr: Jaxpr) -> Hashable:
    """Write a program down, with its variables numbered in the order of their appearance."""
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
    rules = _DERIVATIVE_RULES.get(line.primitive.name, set())
    return tuple((name, _value(v)) for name, v in sorted(line.params.items()) if name not in rules)


def _value(value: Any) -> Hashable:
    """Write a parameter down so that nothing else is equal to it."""
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
        return object()  # equal to nothing: such a program is compiled each time
    return type(value), value  # 1 is True, and 1.0


def _content(array: Any) -> Hashable:
    if isinstance(array, jax.Array) and dtypes.issubdtype(array.dtype, dtypes.prng_key):
        return array.dtype, _content(jax.random.key_data(array))
    entries = np.asarray(array)
    digest = hashlib.sha256(entries.tobytes()).digest()
    return type(array), entries.dtype, entries.shape, digest
