"""Conversion of a trained ensemble to a Dataset with named axes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from toymodels.engine.axes import Axis
from toymodels.engine.probe import Probe
from toymodels.engine.records import Record, Run
from toymodels.models.parameters import check_model, named_parameters


def to_dataset(
    run: Run,
    order: Sequence[Axis],
    records: Sequence[Record],
    measured: Mapping[str, tuple[Sequence[str], np.ndarray]],
    own_coords: Mapping[str, tuple[str, np.ndarray]],
) -> xr.Dataset:
    """Convert a trained ensemble to a Dataset.

    Args:
        run: the finished training; its arrays have leading dimensions `order`.
        order: the axes, in the order of the arrays' dimensions.
        records: the variables recorded during training.
        measured: measurements of the last state by name: a member's dimensions, and the array.
        own_coords: coordinates of the objective by name: a dimension, and the values; those of
            dimensions that the result lacks are left out.
    """
    axes = [axis.name for axis in order]
    data: dict[str, Any] = {
        name: ([*axes, *dims], array) for name, (dims, array) in measured.items()
    }
    coords: dict[str, Any] = {axis.name: axis.labels for axis in order}
    for name, leaf, own in named_parameters(run.state.model, len(axes)):
        data[name] = ([*axes, *own], np.asarray(leaf))
    for record in records:
        rows = record.until(run.rows, run.step)
        for name, variable in zip(record.dims, rows, strict=True):
            data[name] = ([record.dim, *axes, *record.dims[name]], variable)
        coords[record.dim] = [step for step in record.steps if step <= run.step]
    dataset = xr.Dataset(data, coords=coords)
    bare = [dim for dim in dataset.dims if dim not in coords]
    dataset = dataset.assign_coords({dim: np.arange(dataset.sizes[dim]) for dim in bare})
    there = {name: coord for name, coord in own_coords.items() if coord[0] in dataset.dims}
    return dataset.assign_coords(there)


def check_names(names: Sequence[str], model: Any, probe: Probe | None = None) -> None:
    """Raise if names of axes, parameters or their dimensions conflict in the result's Dataset.

    The model is a single member's; it may hold shapes in place of arrays.

    Raises:
        TypeError: if the model has no parameters, or weights that are not parameters.
        ValueError: if an axis, a parameter or a dimension has a reserved name, or the names of
            the parameters' dimensions do not fit their shapes.
    """
    check_model(model)
    own = {"loss", "loss_history", "step", "snapshot", "probed"}
    described = named_parameters(model)
    for parameter, _, dims in described:
        if reserved := sorted(own.intersection({parameter, *dims})):
            raise ValueError(
                f"{type(model).__name__} has a parameter or dimension called "
                f"{', '.join(reserved)}, which is a name of the results: rename it"
            )
    for measured, probed in (probe.dims if probe else {}).items():
        own |= {measured, *probed}
    for parameter, _, dims in described:
        own |= {parameter, f"{parameter}_history", *dims}
    if taken := sorted(own.intersection(names)):
        raise ValueError(f"no axis may have the name {', '.join(taken)}: the results use it")
