"""Trainable parameters of a model: separated from the other leaves, and named."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import nnx


def parameters(model: Any) -> tuple[nnx.GraphDef, Any, Any]:
    """Split a model into its structure, its trainable `nnx.Param` leaves, and the rest.

    Raises:
        TypeError: if it has no `nnx.Param`, or an array outside of an `nnx.Variable`.
    """
    split: Any = nnx.split(model, nnx.Param, ...)
    kind = type(model).__name__
    if not nnx.to_flat_state(split[1]):
        raise TypeError(
            f"{kind} has no parameters to train: a model is a class {kind}(flax.nnx.Module) with "
            "weights such as self.W = nnx.Param(...)"
        )
    # nnx treats plain arrays as static attributes; JAX fails to compare them when they are traced
    for path, node in nnx.iter_graph(model):
        if isinstance(node, jax.Array | np.ndarray):
            raise TypeError(
                f"{kind}.{'.'.join(map(str, path))} is a plain array: write nnx.Param(...) if it "
                "is trained, and nnx.Variable(...) if it is constant"
            )
    return split


def check_trainable(model: Any) -> None:
    """Raise TypeError unless every parameter has one name, and entries that can change gradually.

    A parameter under two names would be trained as two.

    The model must be as its class built it, not passed through a JAX transformation.
    """
    names: dict[int, str] = {}
    variables, _ = jax.tree.flatten_with_path(model, is_leaf=lambda v: isinstance(v, nnx.Variable))
    for path, variable in variables:
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        first = names.setdefault(id(variable), name)
        if first != name:
            raise TypeError(
                f"{first} and {name} of {type(model).__name__} are the same parameter: keep one "
                "name, and use it wherever the weights are tied"
            )
    for name, value, _ in named_parameters(model):
        if not np.issubdtype(value.dtype, np.floating):
            raise TypeError(
                f"{type(model).__name__}.{name} has entries of type {value.dtype}, which cannot be "
                "trained: use floats, or nnx.Variable for a constant"
            )


def named_parameters(model: Any, leading: int = 0) -> list[tuple[str, Any, tuple[str, ...]]]:
    """Return name, array and dimension names of each trainable parameter, in leaf order.

    The name of a nested parameter is its path, joined by `_`. Its dimensions come from `dims` of
    the class, else they are the name with a number appended. The first `leading` axes of each
    array are batch and have no name.
    """
    known: Mapping[str, tuple[str, ...]] = getattr(type(model), "dims", {})
    described = []
    for path, variable in nnx.to_flat_state(parameters(model)[1]):
        name = "_".join(map(str, path))
        value = variable.get_value()  # an array, or a jax.ShapeDtypeStruct
        rank = value.ndim - leading
        dims = known.get(name, tuple(f"{name}_{i}" for i in range(rank)))
        described.append((name, value, tuple(dims)))
    return described


def check_model(model: Any) -> None:
    """Raise unless a model, or its shapes, can be trained and stored under its parameter names.

    Raises:
        TypeError: as `parameters` does.
        ValueError: if two parameters have the same name, or `dims` does not match their shapes.
    """
    kind = type(model).__name__
    sizes: dict[str, tuple[str, int]] = {}
    described = named_parameters(model)
    names = [name for name, _, _ in described]
    for name, value, dims in described:
        if names.count(name) > 1:
            raise ValueError(f"two parameters of {kind} have the name {name}: rename one")
        if len(dims) != value.ndim or len(set(dims)) != len(dims):
            raise ValueError(
                f"{kind}.dims names the dimensions of {name} {dims}: its shape "
                f"{list(value.shape)} needs {value.ndim} different names"
            )
        for dim, size in zip(dims, value.shape, strict=True):
            other, known = sizes.setdefault(dim, (name, size))
            if size != known:
                raise ValueError(
                    f"{kind}.dims uses the name {dim} for a dimension of size {known} in {other} "
                    f"and of size {size} in {name}: use two names"
                )
