"""A model's trainable parameters: told apart from the rest, and under their names."""

from collections.abc import Mapping
from typing import Any

from flax import nnx


def parameters(model: Any) -> tuple[nnx.GraphDef, Any, Any]:
    """Split a model into its structure, its trainable `nnx.Param` leaves, and the rest."""
    split: Any = nnx.split(model, nnx.Param, ...)
    return split


def named_parameters(model: Any, leading: int = 0) -> list[tuple[str, Any, tuple[str, ...]]]:
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
