"""Results as Datasets with named axes: selection of restarts, evaluation, gathering of sizes."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray as xr

Model = TypeVar("Model")
Data = TypeVar("Data", xr.Dataset, xr.DataArray)


def to_model(dataset: xr.Dataset, like: Model) -> Model:
    """Build the model with the parameters in a Dataset.

    The ensemble's axes become leading dimensions of the model's arrays, for `jax.vmap`.

    Args:
        dataset: the parameters by name.
        like: a model of the same class and size.

    Raises:
        KeyError: if a parameter is not in the Dataset.
        ValueError: if a parameter has other dimensions or another size than in `like`.
    """
    import jax.numpy as jnp  # imported here, as only models need them
    from flax import nnx

    from toymodels.models.parameters import named_parameters, parameters

    graph, params, rest = parameters(like)
    found = []
    named = named_parameters(like)
    for (name, _, dims), (path, variable) in zip(named, nnx.to_flat_state(params), strict=True):
        if not set(dims) <= set(dataset[name].dims):
            raise ValueError(
                f"{name} has the dimensions {dataset[name].dims}, and the model {dims}"
            )
        value = jnp.asarray(dataset[name].transpose(..., *dims).values)
        own = variable.get_value().shape
        if value.shape[value.ndim - len(own) :] != own:
            raise ValueError(
                f"{name} has the shape {list(value.shape)}, and the model has {list(own)}: it must "
                "be of the same size"
            )
        found.append((path, variable.replace(value)))
    model: Model = nnx.merge(graph, nnx.from_flat_state(found), rest)
    return model


def evaluate(models: xr.Dataset, objective: Any, *, key: Any) -> xr.DataArray:
    """Compute the test loss of every model in a Dataset with the same objective.

    >>> import jax, optax
    >>> from toymodels import Axis, Reconstruction, ReluOutput, SparseFeatures, evaluate, train
    >>> def problem(sparsity):
    ...     features = SparseFeatures(5, sparsity=sparsity)
    ...     objective = Reconstruction(features, lambda key: ReluOutput(5, 2, key=key), 64)
    ...     return objective, optax.adam(0.01)
    >>> axes = [Axis("sparsity", [0.0, 0.9]), Axis.seeds(4)]
    >>> models = train(problem, axes, steps=20, key=jax.random.key(0))
    >>> denser, _ = problem(sparsity=0.5)
    >>> dict(evaluate(models, denser, key=jax.random.key(1)).sizes)
    {'sparsity': 2, 'seed': 4}

    Objectives that differ only in their values, such as a sparsity, share one compiled program.

    Args:
        models: a result of `train`, or a selection from one.
        objective: the objective; its `init` builds a model of the same class and size.
        key: PRNG key of the test set, which all models share.

    Returns:
        `loss`, with the ensemble's axes and their coordinates.

    Raises:
        KeyError, ValueError: as `to_model`.
    """
    import jax
    from flax import nnx

    from toymodels.engine.programs import Traced, remembered
    from toymodels.models.parameters import named_parameters, parameters
    from toymodels.numerics.products import true_float32

    like = objective.init(key)
    names = [name for name, _, _ in named_parameters(like)]
    own = {dim for _, _, dims in named_parameters(like) for dim in dims}
    axes = [dim for dim in models[names[0]].dims if dim not in own]
    ensemble = to_model(models[names].transpose(*axes, ...), like)
    graph, params, rest = parameters(ensemble)
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[len(axes) :]), params)
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), flat)

    def loss(member, key):
        return objective.test_loss(nnx.merge(graph, member, rest), key)

    with true_float32():
        traced = Traced.at(loss, one, key)
    losses = remembered((evaluate, traced.signature), lambda: _one_by_one(traced.opened))
    [found] = losses(traced.closed_over, jax.tree.leaves(flat), key)
    found = found.reshape([models.sizes[axis] for axis in axes])
    coords = {name: c for name, c in models.coords.items() if set(c.dims) <= set(axes)}
    return xr.DataArray(jax.device_get(found), coords, axes, "loss")


def _one_by_one(function: Any) -> Any:
    """Compile (closed_over, member, key) for all members, in turn, as a test set can be large."""
    import jax

    @jax.jit
    def for_all(closed_over, members, key):
        return jax.lax.map(lambda member: function(closed_over, member, key), members)

    return for_all


def best_of(dataset: xr.Dataset, dim: str | Sequence[str] = "seed", by: str = "loss") -> xr.Dataset:
    """Select, at each point of the other axes, the restart with the lowest `by`.

    >>> import xarray as xr
    >>> from toymodels import best_of
    >>> loss = xr.DataArray([[3.0, 1.0], [2.0, 4.0]], dims=("sparsity", "seed"))
    >>> best_of(xr.Dataset({"loss": loss}).assign_coords(seed=[0, 1])).seed.values
    array([1, 0])

    `dim` is the axis of restarts, or several axes to minimise over jointly, as in
    `("dataset", "seed")`. A restart that diverged, whose `by` is NaN, is selected only where all
    did.

    Raises:
        ValueError: if `dim` is not an axis of `by`.
    """
    axes = [dim] if isinstance(dim, str) else list(dim)
    for axis in axes:
        if axis not in dataset[by].dims:
            raise ValueError(
                f"{axis!r} is not an axis of {by!r}, whose axes are {dataset[by].dims}"
            )
    return dataset.isel(dataset[by].fillna(np.inf).argmin(axes))


def at(data: Data, **labels: float) -> Data:
    """Select the points of a sweep with these labels; each dimension gets size 1, or 0 if absent.

    >>> import xarray as xr
    >>> from toymodels import at
    >>> loss = xr.DataArray([3.0, 1.0], {"sparsity": [0.0, 0.9]}, ("sparsity",))
    >>> at(loss, sparsity=0.9).values, at(loss, sparsity=0.5).size
    (array([1.]), 0)

    Args:
        data: a Dataset or DataArray.
        labels: labels by coordinate name, compared with relative tolerance 1e-6.
    """
    for name, label in labels.items():
        data = data.isel({name: np.flatnonzero(np.isclose(data[name], label, rtol=1e-6))})
    return data


def gather(datasets: Iterable[xr.Dataset]) -> xr.DataTree:
    """Gather Datasets of different sizes into a DataTree, named by their settings.

    A Dataset's settings are its scalar coordinates, such as those set by
    `dataset.assign_coords(n=20, model="linear")`; `select` finds Datasets by them.

    Raises:
        ValueError: if a Dataset has no settings, or two have the same.
    """
    named: dict[str, xr.Dataset] = {}
    for dataset in datasets:
        name = ",".join(f"{key}={value}" for key, value in settings_of(dataset).items())
        if not name:
            raise ValueError("a Dataset to gather needs settings, such as assign_coords(n=20)")
        if name in named:
            raise ValueError(f"two Datasets to gather have the same settings: {name}")
        named[name] = dataset
    return xr.DataTree.from_dict(named)


def split(tree: xr.DataTree, axis: str) -> xr.DataTree:
    """Gather each point of an axis as a Dataset of its own, with the label as a setting.

    >>> import xarray as xr
    >>> from toymodels import gather, select, split
    >>> loss = xr.DataArray([3.0, 1.0], {"sparsity": [0.0, 0.9]}, ("sparsity",))
    >>> models = gather([xr.Dataset({"loss": loss}).assign_coords(n=5)])
    >>> select(split(models, "sparsity"), n=5, sparsity=0.9).loss.item()
    1.0

    Datasets without the axis are left as they are.

    Raises:
        ValueError: as `gather`.
    """
    return gather(
        point
        for dataset in select_all(tree)
        for point in (
            [dataset.sel({axis: label}) for label in dataset[axis]]
            if axis in dataset.dims
            else [dataset]
        )
    )


def along(tree: xr.DataTree, name: str, like: xr.Dataset) -> dict[Any, xr.Dataset]:
    """Return the gathered Datasets that differ from `like` in one setting only, by its value.

    Args:
        tree: the gathered Datasets.
        name: the setting.
        like: one of them, or a Dataset with the same settings.

    Returns:
        The Datasets in ascending order of the setting, `like` among them.
    """
    same = {key: value for key, value in settings_of(like).items() if key != name}
    found = {settings_of(one)[name]: one for one in select_all(tree, **same)}
    return dict(sorted(found.items()))


def settings_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the scalar coordinates, which identify a gathered Dataset."""
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
        raise ValueError(f"select needs settings of one Dataset: {len(found)} have {settings}")
    return found[0]


def settings(tree: xr.DataTree, name: str) -> list[Any]:
    """Return the distinct values of a setting among gathered Datasets, in their order."""
    return list(dict.fromkeys(settings_of(dataset)[name] for dataset in select_all(tree)))
