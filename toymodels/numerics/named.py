"""Functions of NumPy and JAX arrays that also accept an xarray.DataArray, and return one."""

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
    """Decorate a function of arrays to accept DataArrays, by dimension names, and return them.

    The signature is a NumPy gufunc signature of the last axes of each array, such as
    "(hidden,feature)->(feature)"; other axes are batch axes, broadcast as by xarray. Its entries
    are roles: `names.NAMES` lists the dimension names that each role accepts. The result keeps
    the input's names and coordinates. A role NAME_other is a second axis like NAME; a role that
    no input has is a new axis. Calls without DataArrays are passed through unchanged, so that
    jax.jit, jax.grad and jax.vmap work.

    Raises:
        ValueError: if no dimension has one of a role's names, or coordinates disagree.
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
    """Parse "(hidden,feature),(feature)" to [["hidden", "feature"], ["feature"]]."""
    groups = side.strip("()").split("),(")
    return [[role for role in group.split(",") if role] for group in groups]


def _by_names(
    function: Callable[..., Any],
    given: Mapping[str, tuple[Any, Roles]],
    outputs: list[Roles],
    options: Mapping[str, Any],
) -> Any:
    called: dict[str, str] = {}  # dimension name by role
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
            f"{name} has no dimension names, so that beside arrays with names it must have the "
            f"axes {roles} only; got shape {list(values.shape)}"
        )
    return values


def _renamed(found: xr.DataArray, roles: Roles, called: Mapping[str, str]) -> xr.DataArray:
    """Restore the input's dimension names, and give second axes the coordinates of the first."""
    for role in roles:
        first = role.removesuffix("_other")
        own = called.get(first, first)
        name = own + role.removeprefix(first)
        found = found.rename({f"_{role}": name})
        if name != own and own in found.coords:
            found = found.assign_coords({name: found.coords[own].values})
    return found
