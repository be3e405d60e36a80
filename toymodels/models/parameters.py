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
            f"{kind} has nothing to train: a model is a class {kind}(flax.nnx.Module) whose "
            "weights are parameters, self.W = nnx.Param(...)"
        )
    # nnx treats plain arrays as static attributes; JAX fails to compare them when they are traced
    for path, node in nnx.iter_graph(model):
        if isinstance(node, jax.Array | np.ndarray):
            raise TypeError(
                f"{kind}.{'.'.join(map(str, path))} is a plain array, which is not trained: make "
                "it nnx.Param(...), or nnx.Variable(...) if it shall stay as it is"
            )
    return split


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
            raise ValueError(f"two parameters of {kind} are called {name}: rename one")
        if len(dims) != value.ndim or len(set(dims)) != len(dims):
            raise ValueError(
                f"{kind}.dims calls the dimensions of {name} {dims}: it needs {value.ndim} "
                f"different names, for the shape {list(value.shape)}"
            )
        for dim, size in zip(dims, value.shape, strict=True):
            other, known = sizes.setdefault(dim, (name, size))
            if size != known:
                raise ValueError(
                    f"{kind}.dims calls a dimension {dim} that is {known} in {other} and "
                    f"{size} in {name}: use two names"
                )
