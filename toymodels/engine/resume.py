"""The state, beside the weights, that training continues from, as variables of a Dataset.

Their names contain a dot, unlike those of parameters: `optimizer.0.mu.W` is Adam's mean gradient
of W, with the dimensions of W, and `fixed.mask` a variable that is not trained.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from flax import nnx
from jax import dtypes

from toymodels.engine.axes import SEED, Axis
from toymodels.engine.records import Run
from toymodels.engine.steps import State
from toymodels.models.parameters import named_parameters, parameters

STEPS = "steps"  # the attribute with the number of steps taken


def with_state(dataset: xr.Dataset, run: Run, axes: Sequence[Axis]) -> xr.Dataset:
    """Add the run's state to a result; the run's arrays have leading dimensions `axes`."""
    leading = [axis.name for axis in axes]
    found = {
        name: ([*leading, *dims], _plain(leaf))
        for name, leaf, dims in _described(run.state, len(axes))
    }
    dataset = dataset.assign({name: xr.Variable(*variable) for name, variable in found.items()})
    names = [name for name in dataset["loss"].dims if name in leading]
    return dataset.transpose(*names, ...).assign_attrs({STEPS: run.step})


def without_state(dataset: xr.Dataset) -> xr.Dataset:
    """Return a result without the variables and attributes of a single training.

    Left are those that the Datasets of several trainings can be merged with: what only resuming
    needs is dropped, and the names of diverged members, whose losses are NaN.
    """
    state = [name for name in dataset.data_vars if "." in str(name)]
    kept = {name: v for name, v in dataset.attrs.items() if name not in (STEPS, "diverged")}
    return dataset.drop_vars(state).drop_attrs(deep=False).assign_attrs(kept)


def steps_of(start: xr.Dataset) -> int:
    """Return the number of steps that a result was trained for.

    Raises:
        ValueError: if it lacks the attribute.
    """
    if STEPS not in start.attrs:
        raise ValueError(
            "start must be a result of toymodels.train, with its attribute steps; the data of a "
            "figure, and what is computed from a result, lack the optimizer's state"
        )
    return int(start.attrs[STEPS])


def state_of(start: xr.Dataset, example: State, axes: Sequence[Axis]) -> State:
    """Return the state of a result; its arrays have leading dimensions `axes`.

    Args:
        start: the result.
        example: shapes of one member's state.
        axes: the axes of the new training, outermost first.

    Raises:
        ValueError: if the result has other axes, models or optimizers than the training.
    """
    _check_axes(start, axes)
    graph, params, rest = parameters(example.model)
    weights = [(name, leaf) for name, leaf, _ in named_parameters(example.model)]
    others = [(name, leaf) for name, leaf, _ in _described(example, 0)]

    def read(entries: list[tuple[str, Any]]) -> list[Any]:
        return [_read(start, name, leaf, axes) for name, leaf in entries]

    fixed = len(jax.tree.leaves(rest))
    model = nnx.merge(
        graph,
        jax.tree.unflatten(jax.tree.structure(params), read(weights)),
        jax.tree.unflatten(jax.tree.structure(rest), read(others[:fixed])),
    )
    memory = jax.tree.structure(example.optimizer_state)
    return State(model, jax.tree.unflatten(memory, read(others[fixed:])))


def _check_axes(start: xr.Dataset, axes: Sequence[Axis]) -> None:
    has, needs = set(map(str, start["loss"].dims)), {axis.name for axis in axes}
    if has != needs or (SEED in start.coords and SEED not in has):
        raise ValueError(
            f"start has the axes {sorted(has)}, and the training has {sorted(needs)}{_hint(start)}"
        )
    for axis in axes:
        if not np.array_equal(start[axis.name].values, axis.labels):
            raise ValueError(
                f"start was trained at {axis.name} = {start[axis.name].values.tolist()}, and the "
                f"training has {axis.labels.tolist()}: to change the values, change the labels by "
                f"start.assign_coords({axis.name}=...)"
            )


def _hint(start: xr.Dataset) -> str:
    if SEED not in start.coords or start[SEED].ndim:
        return ""
    seed = int(start[SEED])
    return (
        f"; a single restart continues its own random stream as isel({SEED}=[i]) with the axis "
        f"Axis.seeds([{seed}])"
    )


def _described(state: State, leading: int) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Yield name, array and dimension names of everything but parameters, in leaf order."""
    model = state.model
    known = {name: (leaf.shape, dims) for name, leaf, dims in named_parameters(model, leading)}
    parts = {"fixed": parameters(model)[2], "optimizer": state.optimizer_state}
    for part, tree in parts.items():
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
            words = [part, *map(_word, path)]
            name = ".".join(word for word in words if word not in ("value", "raw_value"))
            yield name, leaf, _dims(name, leaf, known, leading)


def _dims(
    name: str, leaf: Any, known: Mapping[str, tuple[Any, tuple[str, ...]]], leading: int
) -> tuple[str, ...]:
    """Return the dimension names of the parameter with this name and shape, or new names."""
    shape, dims = known.get(name.rpartition(".")[2], (None, ()))
    if shape == leaf.shape:
        return dims
    return tuple(f"{name}_{i}" for i in range(leaf.ndim + _is_key(leaf) - leading))


def _word(entry: Any) -> str:
    """Return an entry of a pytree path as a string: a key, an attribute's name or an index."""
    return str(next(getattr(entry, a) for a in ("key", "name", "idx") if hasattr(entry, a)))


def _is_key(leaf: Any) -> bool:
    return dtypes.issubdtype(leaf.dtype, dtypes.prng_key)


def _plain(leaf: Any) -> np.ndarray:
    """Return a NumPy array; of a PRNG key, its data."""
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _read(start: xr.Dataset, name: str, leaf: Any, axes: Sequence[Axis]) -> Any:
    if name not in start:
        raise ValueError(
            f"start has no {name!r}: its models and optimizers must have the same structure as "
            "those of the training"
        )
    value = start[name].transpose(*(axis.name for axis in axes), ...).values
    if _is_key(leaf):
        return jax.random.wrap_key_data(jnp.asarray(value))
    shape = (*(axis.size for axis in axes), *leaf.shape)
    if value.shape != shape:
        raise ValueError(
            f"start has {name} of shape {list(value.shape)}, and the training of {list(shape)}"
        )
    return jnp.asarray(value, leaf.dtype)
