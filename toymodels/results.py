"""Results as Datasets with named axes: sizes gathered and selected, the best of restarts."""

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


def best_of(dataset: xr.Dataset, dim: str | Sequence[str] = "seed", by: str = "loss") -> xr.Dataset:
    """Select, at each point of the other axes, the restart with the lowest `by`.

    >>> import xarray as xr
    >>> from toymodels import best_of
    >>> loss = xr.DataArray([[3.0, 1.0], [2.0, 4.0]], dims=("sparsity", "seed"))
    >>> best_of(xr.Dataset({"loss": loss}).assign_coords(seed=[0, 1])).seed.values
    array([1, 0])

    `dim` is the restarts' axis, or several: those of `("dataset", "seed")` are compared together.

    Raises:
        ValueError: if `dim` is no axis of `by`.
    """
    axes = [dim] if isinstance(dim, str) else list(dim)
    for axis in axes:
        if axis not in dataset[by].dims:
            raise ValueError(f"{axis!r} is no axis of {by!r}, whose axes are {dataset[by].dims}")
    return dataset.isel(dataset[by].argmin(axes))


def gather(datasets: Iterable[xr.Dataset]) -> xr.DataTree:
    """Gather Datasets of different sizes into a tree, each under the names of its own settings.

    A Dataset's settings are its coordinates without dimensions, such as those that
    `dataset.assign_coords(n=20, model="linear")` gives it; `select` finds it by them.

    Raises:
        ValueError: if a Dataset has no settings, or two have the same.
    """
    named: dict[str, xr.Dataset] = {}
    for dataset in datasets:
        name = ",".join(f"{key}={value}" for key, value in settings_of(dataset).items())
        if not name:
            raise ValueError("a Dataset to gather needs settings: coordinates without dimensions")
        if name in named:
            raise ValueError(f"gathered Datasets must differ in their settings; got {name} twice")
        named[name] = dataset
    return xr.DataTree.from_dict(named)


def settings_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the coordinates without dimensions: what tells a gathered Dataset from others."""
    return {str(name): c.item() for name, c in dataset.coords.items() if c.ndim == 0}


def select_all(tree: xr.DataTree, **settings: Any) -> list[xr.Dataset]:
    """Return the gathered Datasets with these settings, in their order."""
    datasets = [node.to_dataset() for node in tree.leaves]
    wanted = settings.items()
    return [found for found in datasets if wanted <= settings_of(found).items()]


def select(tree: xr.DataTree, **settings: Any) -> xr.Dataset:
    """Return the one gathered Dataset with these settings.

    Raises:
        ValueError: if there is none, or more than one.
    """
    found = select_all(tree, **settings)
    if len(found) != 1:
        raise ValueError(f"{len(found)} Datasets have the settings {settings}: one is meant")
    return found[0]


def settings(tree: xr.DataTree, name: str) -> list[Any]:
    """Return the values that a setting takes among gathered Datasets, each once, in their order."""
    return list(dict.fromkeys(settings_of(dataset)[name] for dataset in select_all(tree)))
