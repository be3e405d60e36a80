"""Checks of the attributes and outputs of models that objectives use."""

from collections.abc import Callable
from typing import Any

from flax import nnx
from jaxtyping import Array, Float


def on_columns(
    model: Callable[[Any], Any], x: Float[Array, "features batch"]
) -> Float[Array, "features batch"]:
    """Return model(x), which must have the shape of x.

    Raises:
        TypeError: if the model cannot be called.
        ValueError: if it does not accept samples as columns, or its output has another shape: the
            difference from x could then broadcast, and training would use a wrong loss silently.
    """
    name, shape = type(model).__name__, list(x.shape)
    if not callable(model):
        raise TypeError(f"{name} cannot be called: write {name}.__call__(self, x)")
    try:
        y = model(x)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}(x) fails for x of shape {shape}, whose columns are the samples, as in "
            f"self.W @ x + self.b[:, None]: {str(error).partition(chr(10))[0]}"
        ) from error
    found = getattr(y, "shape", None)
    if found != x.shape:
        seen = "no shape" if found is None else f"shape {list(found)}"
        raise ValueError(
            f"{name}(x) has {seen} for x of shape {shape}: return a reconstruction of each "
            "column of x, in its column"
        )
    return y


def check_build(build: Any) -> None:
    """Raise TypeError unless `build` is a function of a key, and not a model."""
    if isinstance(build, nnx.Module) or not callable(build):
        kind = type(build).__name__
        raise TypeError(
            f"build must be a function of a key, such as lambda key: {kind}(..., key=key); "
            f"got a {kind} itself"
        )


def check_can(model: Any, objective: str, *needs: str, like: str) -> None:
    """Raise TypeError unless a model has the attributes that an objective needs.

    Args:
        model: the model that `build` returned.
        objective: the objective's name.
        needs: names of the attributes.
        like: the class that has all of them.
    """
    missing = [name for name in needs if not hasattr(model, name)]
    if missing:
        raise TypeError(
            f"{objective} needs {', '.join(missing)}, which {type(model).__name__} lacks: "
            f"inherit from toymodels.{like}, or define them as it does"
        )
