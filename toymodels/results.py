"""Results as Datasets with named axes: building one, joining sizes, choosing among restarts."""

from collections.abc import Sequence
from typing import Any, TypeVar

import jax.numpy as jnp
import xarray as xr
from flax import nnx

from toymodels.models.parameters import named_parameters, parameters

Model = TypeVar("Model", bound=nnx.Module)

# sizes that an outer join pads with NaN, and `select_size` trims again
SIZE_DIMS = (
    *("feature", "hidden", "hidden_below", "layer", "datapoint", "data_seed"),
    *("attentional_feature", "head", "activation", "dictionary_feature"),
)


def to_model(dataset: xr.Dataset, like: Model) -> Model:
    """Build the model whose parameters a Dataset holds; `like` is any model of its kind and size.

    What stands before a parameter's own dimensions in the Dataset leads in the model as well: one
    for each axis, to be worked off by `jax.vmap`.

    Raises:
        KeyError: if a parameter is not in the Dataset.
        ValueError: if one has another size than in `like`.
    """
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


def best_of(dataset: xr.Dataset, over: str = "seed", by: str = "loss") -> xr.Dataset:
    """Select, at each point of the other axes, the restart with the lowest `by`.

    Raises:
        ValueError: if `over` is no axis of `by`.
    """
    if over not in dataset[by].dims:
        raise ValueError(f"{over!r} is no axis of {by!r}, whose axes are {dataset[by].dims}")
    return dataset.isel({over: dataset[by].argmin(over)})


def join_sizes(members: Sequence[xr.Dataset], axis: str, labels: Sequence[Any]) -> xr.Dataset:
    """Join Datasets of different sizes along a new axis, the smaller ones padded with NaN."""
    return xr.concat(members, dim=xr.DataArray(list(labels), dims=axis, name=axis), join="outer")


def select_size(dataset: xr.Dataset, **at: Any) -> xr.Dataset:
    """Select one member of a joined Dataset and trim the padding off."""
    member = dataset.sel(at)
    for dim in SIZE_DIMS:
        if dim in member.dims:
            member = member.dropna(dim, how="all")
    return member
