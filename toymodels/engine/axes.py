"""Named axes of an ensemble, and the mapping of one member's function over all of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import (
    AxisType,
    NamedSharding,
    PartitionSpec,
    Sharding,
    SingleDeviceSharding,
)
from jaxtyping import Array, Key, PRNGKeyArray

from toymodels.numerics.blocks import largest_divisor
from toymodels.numerics.checks import check_count
from toymodels.numerics.memory import l2_bytes
from toymodels.numerics.sharing import DEVICES

SEED = "seed"
MOST_SEEDS = 2**24  # far above any ensemble trained so far
# Bytes of the widest array of the members that are computed in one batch. On a CPU it should
# fit in the caches; on an accelerator it only has to fit in memory several times. (Blocks of
# samples have the same size everywhere, as a block's size determines what is drawn.)
CPU_BYTES, ACCELERATOR_BYTES = 2 * l2_bytes(), 2**30
# By default XLA uses half of the AVX-512 width; without AVX-512 the option has no effect
CPU_OPTIONS = MappingProxyType({"xla_cpu_prefer_vector_width": 512})
# for programs that run once and briefly, so that compilation would dominate
CPU_OPTIONS_ONCE = MappingProxyType({"xla_backend_optimization_level": 1})


@dataclass(frozen=True, eq=False)
class Axis:
    """A swept quantity: a name, and a label and a value for each point.

    >>> from toymodels import Axis
    >>> Axis("sparsity", [0.0, 0.9, 0.99]).size
    3
    >>> Axis.seeds(8).labels
    array([0, 1, 2, 3, 4, 5, 6, 7], dtype=int32)

    A value may be any pytree, such as a dataset; its label is then the coordinate:

    >>> import numpy as np
    >>> decays = Axis("importance", ["flat", "falling"], np.array([[1.0, 1.0], [1.0, 0.5]]))
    >>> decays.point(1)
    array([1. , 0.5])

    Attributes:
        name: keyword argument of the problem, and name of the coordinate.
        labels: the coordinate [size]: numbers, or strings if values are given.
        values: a pytree whose leaves have leading size `size`; the labels by default. They keep
            their precision here, and have JAX's where they are computed with.
        shared_batches: for the seed axis only: seeds differ in their initial weights and share
            their batches.

    Raises:
        ValueError: if the name is not an identifier, there is no label, labels repeat, labels
            without values are not numbers, or a leaf of values has another leading size.
    """

    name: str
    labels: Any
    values: Any = None
    _: KW_ONLY
    shared_batches: bool = False

    def __post_init__(self) -> None:
        name, values = self.name, self.values
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"the name of an axis must be a Python identifier; got {name!r}")
        row = np.asarray(self.labels)
        if row.ndim != 1 or row.size == 0:
            raise ValueError(f"axis {name!r} needs a one-dimensional list of labels, not empty")
        ordered = np.sort(row)  # np.unique takes seconds for millions of seeds
        if (ordered[1:] == ordered[:-1]).any():
            raise ValueError(f"axis {name!r} has repeated labels: {row.tolist()}")
        if values is None and row.dtype.kind not in "biuf":
            raise ValueError(f"axis {name!r} has labels that are not numbers: give it values too")
        values = row if values is None else values
        if any(np.shape(leaf)[:1] != row.shape for leaf in jax.tree.leaves(values)):
            raise ValueError(
                f"every array in the values of axis {name!r} needs size {row.size} first"
            )
        object.__setattr__(self, "labels", row)
        object.__setattr__(self, "values", values)

    @classmethod
    def seeds(cls, seeds: int | Sequence[int], *, shared_batches: bool = False) -> "Axis":
        """Build the restart axis: the given number of seeds from 0 on, or the given seeds.

        Raises:
            ValueError: if a seed is not a non-negative 32-bit integer, seeds repeat, or there are
                none or more than `MOST_SEEDS`.
        """
        if not isinstance(seeds, Iterable):
            check_count("the number of seeds", seeds, 1, MOST_SEEDS)
            return cls(SEED, np.arange(seeds, dtype=np.int32), shared_batches=shared_batches)
        for seed in seeds:
            check_count("a seed", seed, 0)
        return cls(SEED, np.asarray(seeds, dtype=np.int32), shared_batches=shared_batches)

    @property
    def size(self) -> int:
        """Number of points."""
        return len(self.labels)

    @property
    def own_batches(self) -> bool:
        """Whether each point draws its own batches: a seed axis without `shared_batches`."""
        return self.name == SEED and not self.shared_batches

    def point(self, i: int) -> Any:
        """Return the i-th value; a label as Python's number, as a user would write it."""
        if self.values is self.labels:
            return self.labels[i].item()
        return jax.tree.map(lambda leaf: leaf[i], self.values)


class Keys(NamedTuple):
    """PRNG keys of a member's initial weights and of its batches."""

    init: Key[Array, "*seed"]
    batches: Key[Array, "*seed"]

    @classmethod
    def of(cls, key: PRNGKeyArray, seeds: Axis | None) -> "Keys":
        """Derive the keys, one per seed if there is a seed axis."""
        both = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(2))
        if seeds is None:
            return cls(*both)
        fold = jax.vmap(jax.random.fold_in, in_axes=(None, 0))
        own = fold(both[1], seeds.values) if seeds.own_batches else both[1]
        return cls(fold(both[0], seeds.values), own)

    def along(self, axis: Axis) -> dict[str, Key[Array, "*seed"]]:
        """Return the keys that have a leading axis along `axis`."""
        batched = {"init": self.init} if axis.name == SEED else {}
        return batched | ({"batches": self.batches} if axis.own_batches else {})


# function of one member: (values by axis name, keys, member pytree, shared pytree) -> pytree
MemberFunction = Callable[[dict[str, Any], Keys, Any, Any], Any]


class Spread(NamedTuple):
    """A jitted function of all members, and where its arguments belong."""

    call: Callable[[dict[str, Any], Keys, Any, Any], Any]
    everywhere: Sharding  # of arguments without axes
    members: Sharding


def execution_order(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Order the axes outermost first: a seed axis with its own batches, then the rest as given.

    Points of the outermost axis share the least work, and such seeds share no random numbers.
    """
    return tuple(sorted(axes, key=lambda axis: not axis.own_batches))


def spread(
    function: MemberFunction,
    axes: Sequence[Axis],
    devices: Sequence[jax.Device],
    bytes_each: Sequence[int],
    options: Mapping[str, Any] = CPU_OPTIONS,
    sums_shared: bool = False,
) -> Spread:
    """Map one member's function over the grid of `axes`, outermost first, and jit it.

    Along each axis only its own values are batched, so that work that does not depend on it,
    such as random numbers shared by all sparsities, is done once. One axis is sharded over the
    devices, unless these share out the sums of each member. Members that do not fit in memory
    together are computed in sequential batches.

    Args:
        function: the function of one member.
        axes: the grid's axes, outermost first.
        devices: where to compute.
        bytes_each: for each axis, the bytes per point of the widest array along it.
        options: XLA's compiler options, used on a CPU only.
        sums_shared: whether the function has sums that the devices share out, see
            `numerics.sharing`.
    """
    compiler = dict(options) if devices[0].platform == "cpu" else None
    split = None if sums_shared else _axis_to_share_out(axes, len(devices))
    local = [axis.size for axis in axes]
    if split is not None:
        local[split] = -(-local[split] // len(devices))
    for axis, size, batch in reversed(
        list(zip(axes, local, _batch_sizes(local, devices, bytes_each), strict=True))
    ):
        function = _along(function, axis, size, batch)
    if split is not None:
        return _shared_out(function, axes, split, devices, compiler)
    if sums_shared:
        return _on_each(function, devices, compiler)
    here = SingleDeviceSharding(devices[0])
    jitted = jax.jit(function, in_shardings=here, out_shardings=here, compiler_options=compiler)
    return Spread(jitted, here, here)


def _along(function: MemberFunction, axis: Axis, size: int, batch: int) -> MemberFunction:
    def all_points(values, keys, member, shared):
        def point(batched):
            value, key, member = batched
            return function({**values, **value}, keys._replace(**key), member, shared)

        batched = ({axis.name: values[axis.name]}, keys.along(axis), member)
        if size == 1:  # an axis of one point would double the time of small steps
            alone = point(jax.tree.map(lambda leaf: leaf[0], batched))
            return jax.tree.map(lambda leaf: jnp.expand_dims(leaf, 0), alone)
        each = jax.vmap(point) if batch >= size else partial(lax.map, point, batch_size=batch)
        return each(batched)

    return all_points


def memory_of(devices: Sequence[jax.Device]) -> int:
    """Return the bytes allowed for the widest array of members computed in one batch."""
    return CPU_BYTES if devices[0].platform == "cpu" else ACCELERATOR_BYTES


def _batch_sizes(sizes: Sequence[int], devices, bytes_each: Sequence[int]) -> list[int]:
    """Return the batch size along each axis, filling the inner axes first."""
    memory = memory_of(devices)
    batches: list[int] = []
    for size, each in zip(reversed(sizes), reversed(bytes_each), strict=True):
        room = max(1, memory // max(1, each))
        even = largest_divisor(size, room)  # a remainder would need a second program
        batches.insert(0, even if 2 * even > min(room, size) else min(room, size))
        memory = memory // size if batches[0] == size else 0
    return batches


def keep_busy(axes: Sequence[Axis], devices: int) -> bool:
    """Return whether two devices or more have members to train that share no batches.

    Restarts that share their batches share the work on them, which each device would repeat.
    """
    apart = [axis for axis in axes if axis.name != SEED or axis.own_batches]
    return _axis_to_share_out(apart, devices) is not None


def _axis_to_share_out(axes: Sequence[Axis], devices: int) -> int | None:
    """Return the index of the axis that keeps the most devices busy; None if none keeps two."""
    busy = [axis.size / -(-axis.size // devices) for axis in axes]
    best = max(range(len(axes)), key=lambda i: busy[i], default=None)
    return best if best is not None and busy[best] > 1 else None


def _on_each(function: MemberFunction, devices, compiler: dict[str, Any] | None) -> Spread:
    """Compute all members on each device; only the sums that devices share out differ."""
    mesh, whole = _mesh(devices), PartitionSpec()
    everywhere = NamedSharding(mesh, whole)
    on_each = jax.shard_map(
        function, mesh=mesh, in_specs=(whole,) * 4, out_specs=whole, check_vma=False
    )
    jitted = jax.jit(
        on_each, in_shardings=everywhere, out_shardings=everywhere, compiler_options=compiler
    )
    return Spread(jitted, everywhere, everywhere)


def _mesh(devices: Sequence[jax.Device]) -> jax.sharding.Mesh:
    return jax.make_mesh((len(devices),), (DEVICES,), (AxisType.Auto,), devices=list(devices))


def _shared_out(
    function: MemberFunction, axes, split: int, devices, compiler: dict[str, Any] | None
) -> Spread:
    axis, mesh = axes[split], _mesh(devices)
    first, nested = PartitionSpec(DEVICES), PartitionSpec(*[None] * split, DEVICES)
    # explicit, as a state with another sharding would otherwise compile a second program
    everywhere = NamedSharding(mesh, PartitionSpec())
    everyones = NamedSharding(mesh, nested) if axis.size % len(devices) == 0 else everywhere

    def padded(leaf, position: int):
        missing = -axis.size % len(devices)
        last = lax.slice_in_dim(leaf, axis.size - 1, axis.size, axis=position)
        return jnp.concatenate([leaf, *[last] * missing], axis=position)

    def all_members(values, keys, member, shared):
        specs_of_keys = [first if k in keys.along(axis) else PartitionSpec() for k in keys._fields]
        keys_spec: Any = Keys(*specs_of_keys)  # type: ignore[arg-type]  # a spec for each key
        values = {**values, axis.name: jax.tree.map(lambda v: padded(v, 0), values[axis.name])}
        values_spec = {n: first if n == axis.name else PartitionSpec() for n in values}
        keys = keys._replace(**{k: padded(v, 0) for k, v in keys.along(axis).items()})
        member = jax.tree.map(lambda leaf: padded(leaf, split), member)
        specs = (values_spec, keys_spec, nested, PartitionSpec())
        on_each = jax.shard_map(
            function, mesh=mesh, in_specs=specs, out_specs=nested, check_vma=False
        )
        whole = on_each(values, keys, member, shared)
        return jax.tree.map(lambda leaf: lax.slice_in_dim(leaf, 0, axis.size, axis=split), whole)

    jitted = jax.jit(
        all_members,
        in_shardings=(everywhere, everywhere, everyones, everywhere),
        out_shardings=everyones,
        compiler_options=compiler,
    )
    return Spread(jitted, everywhere, everyones)
