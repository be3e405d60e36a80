"""Results as Datasets with named axes: building one, joining sizes, choosing among restarts."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
import xarray as xr
from flax import nnx
from jaxtyping import Array, Float

from toymodels.axes import SEED, Axis
from toymodels.training import Trajectory, parameters

Model = TypeVar("Model", bound=nnx.Module)

# sizes that an outer join pads with NaN, and `select_size` trims again
SIZE_DIMS = (
    *("feature", "hidden", "hidden_below", "layer", "datapoint", "data_seed"),
    *("attentional_feature", "head", "activation", "dictionary_feature"),
)


def to_dataset(
    run: Trajectory,
    order: Sequence[Axis],
    names: Sequence[str],
    loss: Float[Array, "*axes"],
    borders: Sequence[int],
    snapshots: Sequence[int],
) -> xr.Dataset:
    """Lay a trained ensemble out as one Dataset, its axes in the order of `names`.

    Args:
        run: the finished training, its arrays leading with the axes in `order`.
        order: the axes as the arrays have them.
        names: the axes' names as the result shall have them.
        loss: test loss of each member.
        borders: the steps of the loss records.
        snapshots: the steps of the snapshots.
    """
    axes = [axis.name for axis in order]
    data: dict[str, Any] = {"loss": (axes, np.asarray(loss))}
    data["loss_history"] = (["step", *axes], np.asarray(run.losses))
    described = _describe(run.state.model, len(axes))
    for i, (name, leaf, dims) in enumerate(described):
        data[name] = ([*axes, *dims], np.asarray(leaf))
        if snapshots:
            stack = np.stack([leaves[i] for leaves in run.snapshots])
            data[f"{name}_history"] = (["snapshot", *axes, *dims], stack)
    dataset = xr.Dataset(data, coords={axis.name: axis.labels for axis in order})
    dataset = dataset.assign_coords(step=list(borders))
    if snapshots:
        dataset = dataset.assign_coords(snapshot=list(snapshots))
    own = [dim for dim in dataset.dims if dim not in {*axes, "step", "snapshot"}]
    dataset = dataset.assign_coords({dim: np.arange(dataset.sizes[dim]) for dim in own})
    return dataset.transpose(*names, "step", "snapshot", ..., missing_dims="ignore")


def check_names(names: Sequence[str], model: Any) -> None:
    """Raise ValueError if an axis has a name that the Dataset of a model's training needs itself.

    The model is a single member's; shapes do in place of its arrays.
    """
    own = {"loss", "loss_history", "step", "snapshot"}
    for parameter, _, dims in _describe(model, 0):
        own |= {parameter, f"{parameter}_history", *dims}
    if taken := sorted(own.intersection(names)):
        raise ValueError(f"no axis may be called {', '.join(taken)}: the results need the name")


def _describe(model: Any, leading: int) -> list[tuple[str, Any, tuple[str, ...]]]:
    """Return name, array and dimension names of each trainable parameter, in leaf order."""
    known: Mapping[str, tuple[str, ...]] = getattr(type(model), "dims", {})
    described = []
    for path, variable in nnx.to_flat_state(parameters(model)[1]):
        name = "_".join(map(str, path))
        value = variable.get_value()  # which may be but a shape
        rank = value.ndim - leading
        dims = known.get(name, tuple(f"{name}_{i}" for i in range(rank)))
        described.append((name, value, dims))
    return described


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
    names = [name for name, _, _ in _describe(like, 0)]
    for name, (path, variable) in zip(names, nnx.to_flat_state(params), strict=True):
        value, own = jnp.asarray(dataset[name].values), variable.get_value().shape
        if value.shape[value.ndim - len(own) :] != own:
            raise ValueError(f"{name} is {list(value.shape)}, and should end in {list(own)}")
        found.append((path, variable.replace(value)))
    model: Model = nnx.merge(graph, nnx.from_flat_state(found), rest)
    return model


def best_of(dataset: xr.Dataset, over: str = SEED, by: str = "loss") -> xr.Dataset:
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
