"""Functions of NumPy and JAX arrays that take an xarray.DataArray as well, and return one."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from toymodels.numerics.names import names_of

F = TypeVar("F", bound=Callable[..., Any])
Roles = list[str]


def named(signature: str) -> Callable[[F], F]:
    """Let a function of arrays take DataArrays, by the names of their axes, and return them.

    The signature is NumPy's, of the last axes of each array, "(hidden,feature)->(feature)"; other
    axes are batch, and what functions of several arrays do with them is xarray's broadcasting. The
    parts of a signature are roles: what an axis may be called for each stands in `names.NAMES`, and
    in the result it has its own name and coordinate. A role NAME_other is a second axis like NAME;
    one that no array has is a new axis. Arrays without names are passed on as they are, so that
    jax.jit, jax.grad and jax.vmap see nothing of this.

    Raises:
        ValueError: if the axis of a role has none of its names, or coordinates disagree.
    """
    inputs, outputs = (_roles(side) for side in signature.split("->"))

    def decorate(function: F) -> F:
        parameters = inspect.signature(function)
        arrays = list(parameters.parameters)[: len(inputs)]

        @wraps(function)
        def measure(*args: Any, **kwargs: Any) -> Any:
            if not any(isinstance(value, xr.DataArray) for value in (*args, *kwargs.values())):
                return function(*args, **kwargs)
            options = parameters.bind(*args, **kwargs).arguments
            given = {
                name: (options.pop(name), roles)
                for name, roles in zip(arrays, inputs, strict=True)
                if options.get(name) is not None
            }
            return _by_names(function, given, outputs, options)

        return measure  # type: ignore[return-value]

    return decorate


def _roles(side: str) -> list[Roles]:
    """Read "(hidden,feature),(feature)" as [["hidden", "feature"], ["feature"]]."""
    groups = side.strip("()").split("),(")
    return [[role for role in group.split(",") if role] for group in groups]


def _by_names(
    function: Callable[..., Any],
    given: Mapping[str, tuple[Any, Roles]],
    outputs: list[Roles],
    options: Mapping[str, Any],
) -> Any:
    called: dict[str, str] = {}  # what the axis of a role is called
    arrays = []
    for name, (array, roles) in given.items():
        if not isinstance(array, xr.DataArray):
            array = _without_batch(name, array, roles)
        else:
            names = names_of(array, roles)
            called = dict(zip(roles, names, strict=True)) | called
            array = array.rename({own: f"_{role}" for own, role in zip(names, roles, strict=True)})
        arrays.append(array)
    kinds: list[type] = []

    def call(*values: Any) -> Any:
        found = function(**dict(zip(given, values, strict=True)), **options)
        kinds.append(type(found))
        return tuple(map(np.asarray, found)) if len(outputs) > 1 else np.asarray(found)

    found = xr.apply_ufunc(
        call,
        *arrays,
        input_core_dims=[[f"_{role}" for role in roles] for _, roles in given.values()],
        output_core_dims=[[f"_{role}" for role in roles] for roles in outputs],
        keep_attrs=False,
    )
    if len(outputs) == 1:
        return _renamed(found, outputs[0], called).rename(function.__name__)
    each = (_renamed(part, roles, called) for part, roles in zip(found, outputs, strict=True))
    return kinds[0](*each)  # a NamedTuple


def _without_batch(name: str, array: Any, roles: Roles) -> np.ndarray:
    values = np.asarray(array)
    if values.ndim != len(roles):
        raise ValueError(
            f"{name} has no names, and so must have the axes {roles} only beside arrays that have "
            f"names; got shape {list(values.shape)}"
        )
    return values


def _renamed(found: xr.DataArray, roles: Roles, called: Mapping[str, str]) -> xr.DataArray:
    """Give the axes the names of those that they come from, and coordinates to the second ones."""
    for role in roles:
        first = role.removesuffix("_other")
        own = called.get(first, first)
        name = own + role.removeprefix(first)
        found = found.rename({f"_{role}": name})
        if name != own and own in found.coords:
            found = found.assign_coords({name: found.coords[own].values})
    return found
