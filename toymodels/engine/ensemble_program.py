"""A function of one member, traced once and compiled as one program for all members."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from toymodels.engine.axes import (
    CPU_OPTIONS,
    SEED,
    Axis,
    Keys,
    MemberFunction,
    Spread,
    keep_busy,
    memory_of,
    spread,
)
from toymodels.engine.memory import widest_array, widest_in
from toymodels.engine.programs import Traced, remembered
from toymodels.numerics.products import true_float32
from toymodels.numerics.sharing import devices_sharing, is_shared

MANY = 10_007  # members of a trial trace: a prime, so that other sizes are not multiples of it


@dataclass(frozen=True)
class Grid:
    """The grid of an ensemble: its axes, shared data, devices and key.

    Attributes:
        order: the axes, outermost first.
        data: arguments that are the same at every point, by name.
        devices: where to compute.
        key: PRNG key.
    """

    order: tuple[Axis, ...]
    data: Mapping[str, Any]
    devices: tuple[jax.Device, ...]
    key: PRNGKeyArray

    @cached_property
    def values(self) -> dict[str, Any]:
        """The values of all axes and the data, by name, as JAX's arrays."""
        values = {axis.name: axis.values for axis in self.order}
        return jax.tree.map(jnp.asarray, values) | dict(self.data)

    @cached_property
    def keys(self) -> Keys:
        """The keys of all points."""
        return Keys.of(self.key, next((axis for axis in self.order if axis.name == SEED), None))

    @property
    def point(self) -> tuple[dict[str, Any], Keys]:
        """The values of the first point, and keys of one point's shape."""
        swept = {axis.name: self.values[axis.name] for axis in self.order}
        first = jax.tree.map(lambda leaf: leaf[0], swept)
        return first | dict(self.data), Keys(self.key, self.key)


@dataclass(frozen=True)
class EnsembleProgram:
    """A function of one member, called with the pytree of all members.

    Attributes:
        traced: the function, traced for one member.
        grid: the members.
        program: the compiled function of all members.
        shared: default of the argument that all members share.
    """

    traced: Traced
    grid: Grid
    program: Spread
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
        """Trace (values, keys, member, shared) -> pytree for one `member`, and map it."""
        values, keys = grid.point
        with devices_sharing(1 if keep_busy(grid.order, len(grid.devices)) else len(grid.devices)):
            with true_float32():  # some accelerators multiply in reduced precision by default
                traced = Traced.at(function, values, keys, member, shared)
            with_shared = traced.closed_over, jax.tree.leaves(shared)
            point = _leaves(values), keys, jax.tree.leaves(member), with_shared
            program = _program(grid, traced, point, options)
        return cls(traced, grid, program, shared)

    @cached_property
    def _placed(self) -> Any:
        """Values, keys and closed-over arrays, moved to the devices once, not at each call."""
        fixed = _leaves(self.grid.values), self.grid.keys, self.traced.closed_over
        return jax.device_put(fixed, self.program.everywhere)

    def __call__(self, member: Any = None, shared: Any = None) -> Any:
        """Evaluate the function for all members."""
        values, keys, closed_over = self._placed
        given = jax.tree.leaves(self.shared if shared is None else shared)
        members = [self._moved(leaf) for leaf in jax.tree.leaves(member)]
        found = self.program.call(values, keys, members, (closed_over, given))
        return jax.tree.unflatten(jax.tree.structure(self.traced.shapes), found)

    def _moved(self, leaf: Any) -> Any:
        """Move an array that another program left elsewhere; `device_put` alone takes longer."""
        there = self.program.members
        elsewhere = isinstance(leaf, jax.Array) and leaf.sharding != there
        return jax.device_put(leaf, there) if elsewhere else leaf


def _leaves(values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Flatten each value, so that the cache's keys hold no classes of the user."""
    return {name: jax.tree.leaves(value) for name, value in values.items()}


def _program(grid: Grid, traced: Traced, point: Any, options: Mapping[str, Any]) -> Spread:
    """Return the jitted program for all members, from leaves to leaves."""
    opened = traced.opened

    def member(values, keys, member, shared):
        closed_over, shared = shared
        return opened(closed_over, values, keys, member, shared)

    # without values, which the cache would keep alive
    bare = [Axis(a.name, np.arange(a.size), shared_batches=a.shared_batches) for a in grid.order]

    def build():
        each = _bytes_each(grid, traced, member, point)
        return spread(member, bare, grid.devices, each, options, is_shared(traced.program))

    shape = [(axis.name, axis.size, axis.own_batches) for axis in bare]
    given = jax.tree.structure(point), tuple(shape), grid.devices, memory_of(grid.devices)
    return remembered((traced.signature, given, tuple(options.items())), build)


def _bytes_each(grid: Grid, traced: Traced, function: MemberFunction, point: Any) -> list[int]:
    """Return the bytes per point along each axis; traced per axis only if not all members fit."""
    widest = widest_in(traced.program)
    if widest * math.prod(axis.size for axis in grid.order) <= memory_of(grid.devices):
        return [widest] * len(grid.order)
    return [_bytes_along(axis, function, point) for axis in grid.order]


def _bytes_along(axis: Axis, function: MemberFunction, point: Any) -> int:
    """Return the bytes per point of the widest array that has an axis along `axis`."""
    values, keys, member, shared = point

    def at_point(mine, common):
        (value, key, member), (values, keys, shared) = mine, common
        return function({**values, axis.name: value}, keys._replace(**key), member, shared)

    mine = (values[axis.name], keys.along(axis), member)
    many = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((MANY, *leaf.shape), leaf.dtype), mine)
    each = jax.vmap(at_point, in_axes=(0, None))
    return widest_array(each, many, (values, keys, shared), members=MANY)
