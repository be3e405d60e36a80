"""Results as Datasets with named axes: sizes gathered and found again, the best of restarts."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import xarray as xr

Model = TypeVar("Model")


def to_model(dataset: xr.Dataset, like: Model) -> Model:
    """Build the model whose parameters a Dataset holds; `like` is any model of its kind and size.

    What stands before a parameter's own dimensions in the Dataset leads in the model as well: one
    for each axis, to be worked off by `jax.vmap`.

    Raises:
        KeyError: if a parameter is not in the Dataset.
        ValueError: if one has another size than in `like`.
    """
    import jax.numpy as jnp  # only models need these
    from flax import nnx

    from toymodels.models.parameters import named_parameters, parameters

    graph, params, rest = parameters(like)
    found = []
    names = [name for name, _, _ in named_parameters(like)]
    for name, (path, variable) in zip(names, nnx.to_flat_state(params), strict=True):
        value, own = jnp.asarray(dataset[name].values), variable.get_value().shape
        if value.shape[value.ndim - len(own) :] != own:
            raise ValueError(f"{name} is {list(value.shape)}, and should end in {list(own)}")
        found.append((path, variable.replace(value)))
    model: Model = nnx.merge(graph, nnx.from_flat_state(found), rest)
    return model


def best_of(
    dataset: xr.Dataset, over: str | Sequence[str] = "seed", by: str = "loss"
) -> xr.Dataset:
    """Select, at each point of the other axes, the restart with the lowest `by`.

    >>> import xarray as xr
    >>> from toymodels import best_of
    >>> loss = xr.DataArray([[3.0, 1.0], [2.0, 4.0]], dims=("sparsity", "seed"))
    >>> best_of(xr.Dataset({"loss": loss}).assign_coords(seed=[0, 1])).seed.values
    array([1, 0])

    `over` is the restarts' axis, or several: those of `("dataset", "seed")` are compared together.

    Raises:
        ValueError: if `over` is no axis of `by`.
    """
    axes = [over] if isinstance(over, str) else list(over)
    for axis in axes:
        if axis not in dataset[by].dims:
            raise ValueError(f"{axis!r} is no axis of {by!r}, whose axes are {dataset[by].dims}")
    return dataset.isel(dataset[by].argmin(axes))


def gather(members: Iterable[xr.Dataset]) -> xr.DataTree:
    """Gather Datasets of different sizes into a tree, each under the names of its own settings.

    A member's settings are its coordinates without dimensions, such as those that
    `dataset.assign_coords(n=20, model="linear")` gives it; `member` finds it by them.

    Raises:
        ValueError: if a member has no settings, or two have the same.
    """
    named: dict[str, xr.Dataset] = {}
    for dataset in members:
        name = ",".join(f"{key}={value}" for key, value in settings(dataset).items())
        if not name:
            raise ValueError("a member of a result needs settings: coordinates without dimensions")
        if name in named:
            raise ValueError(f"members of one result differ in their settings; got {name} twice")
        named[name] = dataset
    return xr.DataTree.from_dict(named)


def settings(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the coordinates without dimensions: what tells a member of a result from others."""
    return {str(name): c.item() for name, c in dataset.coords.items() if c.ndim == 0}


def members(tree: xr.DataTree, **at: Any) -> list[xr.Dataset]:
    """Return the members of a gathered result with these settings, in their order."""
    datasets = [node.to_dataset() for node in tree.leaves]
    return [one for one in datasets if all(settings(one).get(k) == v for k, v in at.items())]


def member(tree: xr.DataTree, **at: Any) -> xr.Dataset:
    """Return the one member of a gathered result with these settings.

    Raises:
        ValueError: if there is none, or more than one.
    """
    found = members(tree, **at)
    if len(found) != 1:
        raise ValueError(f"{len(found)} members have the settings {at}: one is meant")
    return found[0]


def values_of(tree: xr.DataTree, setting: str) -> list[Any]:
    """Return the values that a setting takes among the members, each once, in their order."""
    return list(dict.fromkeys(settings(one)[setting] for one in members(tree)))
