"""A trained ensemble laid out as one Dataset with named axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from toymodels.engine.axes import Axis
from toymodels.engine.probe import Probe
from toymodels.engine.training import Trajectory
from toymodels.models.parameters import check_model, named_parameters


def to_dataset(
    run: Trajectory,
    order: Sequence[Axis],
    names: Sequence[str],
    loss: Float[Array | np.ndarray, "*axes"],
    borders: Sequence[int],
    snapshots: Sequence[int] = (),
    probe: Probe | None = None,
) -> xr.Dataset:
    """Lay a trained ensemble out as one Dataset, its axes in the order of `names`.

    Args:
        run: the finished training, its arrays leading with the axes in `order`.
        order: the axes as the arrays have them.
        names: the axes' names as the result shall have them.
        loss: test loss of each member.
        borders: the steps of the loss records.
        snapshots: the steps of the snapshots, as asked for.
        probe: what else was measured.
    """
    axes = [axis.name for axis in order]
    data: dict[str, Any] = {"loss": (axes, np.asarray(loss))}
    data["loss_history"] = (["step", *axes], np.asarray(run.losses))
    described = named_parameters(run.state.model, len(axes))
    for i, (name, leaf, dims) in enumerate(described):
        data[name] = ([*axes, *dims], np.asarray(leaf))
        if snapshots:
            stack = np.stack([leaves[i] for leaves in run.kept["snapshots"]])
            data[f"{name}_history"] = (["snapshot", *axes, *dims], stack)
    for i, (name, probed) in enumerate(probe.dims.items() if probe else ()):
        rows = [row[i] for row in run.kept["probed"]]
        if probe and probe.steps:
            data[name] = (["probed", *axes, *probed], np.stack(rows))
        else:
            data[name] = ([*axes, *probed], rows[-1])
    steps = {"step": borders, "snapshot": snapshots, "probed": probe.steps if probe else ()}
    dataset = xr.Dataset(data, coords={axis.name: axis.labels for axis in order})
    dataset = dataset.assign_coords({name: sorted(set(at)) for name, at in steps.items() if at})
    own = [dim for dim in dataset.dims if dim not in {*axes, *steps}]
    dataset = dataset.assign_coords({dim: np.arange(dataset.sizes[dim]) for dim in own})
    return dataset.transpose(*names, *steps, ..., missing_dims="ignore")


def check_names(names: Sequence[str], model: Any, probe: Probe | None = None) -> None:
    """Raise if names of the axes or the model cannot stand in the Dataset of a training.

    The model is a single member's; shapes do in place of its arrays.

    Raises:
        TypeError: if the model has no parameters, or weights that are none.
        ValueError: if an axis has a name that the Dataset needs itself, or a parameter has, or
            the names of the parameters' dimensions do not fit.
    """
    check_model(model)
    own = {"loss", "loss_history", "step", "snapshot", "probed"}
    described = named_parameters(model)
    for parameter, _, dims in described:
        if reserved := sorted(own.intersection({parameter, *dims})):
            raise ValueError(
                f"{type(model).__name__} has a parameter or dimension called "
                f"{', '.join(reserved)}, a name that the results need: rename it"
            )
    for measured, probed in (probe.dims if probe else {}).items():
        own |= {measured, *probed}
    for parameter, _, dims in described:
        own |= {parameter, f"{parameter}_history", *dims}
    if taken := sorted(own.intersection(names)):
        raise ValueError(f"no axis may be called {', '.join(taken)}: the results need the name")
