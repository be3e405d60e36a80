"""A function of one member, traced once, as one compiled program for all members."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from toymodels.engine.axes import (
    CPU_OPTIONS,
    SEED,
    Axis,
    Keys,
    MemberFunction,
    memory_of,
    spread,
)
from toymodels.engine.memory import widest_array, widest_in
from toymodels.engine.programs import Traced, remembered
from toymodels.numerics.products import true_float32

MANY = 10_007  # members of a trial trace: a prime that no other size is a multiple of


@dataclass(frozen=True)
class Grid:
    """Axes, outermost first, what all their points are given, and where they are computed.

    Attributes:
        order: the axes.
        data: what every point is given alike, by name.
        devices: where to compute.
        key: randomness of everything.
    """

    order: tuple[Axis, ...]
    data: Mapping[str, Any]
    devices: tuple[jax.Device, ...]
    key: PRNGKeyArray

    @property
    def values(self) -> dict[str, Any]:
        """All that the points are given, by name."""
        return {axis.name: axis.values for axis in self.order} | dict(self.data)

    @cached_property
    def keys(self) -> Keys:
        """All points' keys."""
        return Keys.of(self.key, next((axis for axis in self.order if axis.name == SEED), None))

    @property
    def point(self) -> tuple[dict[str, Any], Keys]:
        """What the first point is given, and keys for it."""
        values = {axis.name: axis.point(0) for axis in self.order}
        return values | dict(self.data), Keys(self.key, self.key)


@dataclass(frozen=True)
class EnsembleProgram:
    """A function of one member, to be called with the pytree of all members.

    Attributes:
        traced: the function as it was traced for one member.
        grid: the members.
        program: the compiled function of all members.
        shared: what all members are given alike at each call, if the call does not say otherwise.
    """

    traced: Traced
    grid: Grid
    program: Any
    shared: Any

    @classmethod
    def of(
        cls,
        grid: Grid,
        function: MemberFunction,
        member: Any = None,
        shared: Any = None,
        options: Mapping[str, Any] = CPU_OPTIONS,
    ) -> "EnsembleProgram":
        """Trace (values, keys, member, shared) -> pytree, given one `member`, and spread it."""
        with true_float32():  # some accelerators shorten the factors of products by default
            traced = Traced.at(function, *grid.point, member, shared)
        values, keys = grid.point
        point = _leaves(values), keys, jax.tree.leaves(member), _with(traced, shared)
        program = _program(grid, traced, point, options)
        return cls(traced, grid, program, shared)

    def __call__(self, member: Any = None, shared: Any = None) -> Any:
        """Compute the function for all members."""
        leaves, shared = jax.tree.leaves(member), self.shared if shared is None else shared
        values, keys = _leaves(self.grid.values), self.grid.keys
        found = self.program(values, keys, leaves, _with(self.traced, shared))
        return jax.tree.unflatten(jax.tree.structure(self.traced.shapes), found)


def _leaves(values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Flatten each value, as what a program is remembered by must not hold a user's classes."""
    return {name: jax.tree.leaves(value) for name, value in values.items()}


def _with(traced: Traced, shared: Any) -> tuple[list[Any], list[Any]]:
    return traced.closed_over, jax.tree.leaves(shared)


def _program(grid: Grid, traced: Traced, point: Any, options: Mapping[str, Any]) -> Any:
    """Return the program for all members, from leaves to leaves, compiled when it is called."""
    opened = traced.opened

    def member(values, keys, member, shared):
        closed_over, shared = shared
        return opened(closed_over, values, keys, member, shared)

    # what is remembered keeps no values alive
    bare = [Axis(a.name, np.arange(a.size), shared_batches=a.shared_batches) for a in grid.order]

    def build():
        each = _bytes_each(grid, traced, member, point)
        return spread(member, bare, grid.devices, each, options)

    shape = [(axis.name, axis.size, axis.own_batches) for axis in bare]
    given = jax.tree.structure(point), tuple(shape), grid.devices, memory_of(grid.devices)
    return remembered((traced.signature, given, tuple(options.items())), build)


def _bytes_each(grid: Grid, traced: Traced, function: MemberFunction, point: Any) -> list[int]:
    """Return what one point of each axis needs, looked into where not everything fits anyway."""
    widest = widest_in(traced.program)
    if widest * math.prod(axis.size for axis in grid.order) <= memory_of(grid.devices):
        return [widest] * len(grid.order)
    return [_bytes_along(axis, function, point) for axis in grid.order]


def _bytes_along(axis: Axis, function: MemberFunction, point: Any) -> int:
    """Return one point's share of the widest array that has an axis along `axis`."""
    values, keys, member, shared = point

    def at_point(mine, common):
        (value, key, member), (values, keys, shared) = mine, common
        return function({**values, axis.name: value}, keys._replace(**key), member, shared)

    mine = (values[axis.name], keys.along(axis), member)
    many = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((MANY, *leaf.shape), leaf.dtype), mine)
    each = jax.vmap(at_point, in_axes=(0, None))
    return widest_array(each, many, (values, keys, shared), members=MANY)
