"""Checks of the arguments of a training before anything is traced; errors name the fix."""

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.errors import TraceContextError
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.engine.axes import SEED, Axis
from toymodels.engine.objective import Objective

Problem = Callable[..., tuple[Objective, optax.GradientTransformation]]
METHODS = {"init": "key", "loss": "model, key", "test_loss": "model, key"}


def check_key(key: Any) -> PRNGKeyArray:
    """Return a typed PRNG key; raise ValueError if `key` is not a PRNG key."""
    array = key if isinstance(key, jax.Array | np.ndarray) else np.asarray(key)
    if array.dtype == np.uint32 and array.shape == (2,):  # a legacy jax.random.PRNGKey
        return jax.random.wrap_key_data(jnp.asarray(array))
    if array.shape or not jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        raise ValueError(f"key must be a PRNG key, such as jax.random.key(0); got {key!r}")
    return key


def check_axes(axes: Any, data: Mapping[str, Any]) -> None:
    """Raise ValueError unless `axes` are Axis objects and no name of axes and data repeats."""
    if isinstance(axes, Axis) or not all(isinstance(axis, Axis) for axis in axes):
        raise ValueError(f"axes must be a list of Axis, such as [Axis.seeds(8)]; got {axes!r}")
    names = [*(axis.name for axis in axes), *data]
    if len(set(names)) != len(names):
        raise ValueError(f"two axes or data have the same name: {', '.join(names)}")


def check_steps(name: str, asked: Sequence[int], first: int, last: int) -> None:
    """Raise ValueError unless all steps are integers in [first, last]."""
    if not all(isinstance(step, int | np.integer) and first <= step <= last for step in asked):
        raise ValueError(f"{name} must be steps from {first} to {last}; got {list(asked)}")


def check_problem(problem: Problem, axes: Sequence[Axis], data: Mapping[str, Any]) -> Objective:
    """Build the problem at the first point of every axis, with concrete values, to check it.

    Returns:
        The objective.

    Raises:
        ValueError: if a value is outside its range, the problem does not accept the names of the
            axes and data, or does not return an objective and an optimizer.
    """
    first = _first_point(axes, data)
    _check_names(problem, list(first))
    return _objective_of(problem(**first))


def check_points(problem: Problem, axes: Sequence[Axis], data: Mapping[str, Any]) -> None:
    """Build the problem at the other points of each axis, with concrete values, to check them.

    Raises:
        ValueError: if a value is outside its range.
    """
    first = _first_point(axes, data)
    for axis in axes:
        for i in range(1, axis.size if axis.name != SEED else 1):
            problem(**{**first, axis.name: axis.point(i)})


def _first_point(axes: Sequence[Axis], data: Mapping[str, Any]) -> dict[str, Any]:
    return {axis.name: axis.point(0) for axis in axes if axis.name != SEED} | dict(data)


def built(
    problem: Problem, values: Mapping[str, Any]
) -> tuple[Objective, optax.GradientTransformation]:
    """Return `problem(**values)` for traced values.

    Raises:
        ValueError: if the problem needs concrete values.
    """
    try:
        return problem(**values)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
        raise ValueError(_not_traceable(error, list(values))) from error


def _not_traceable(error: Exception, names: Sequence[str]) -> str:
    """Return a sentence on the line that needs a number where the problem has a traced value."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_source(frame)]
    library = next((name for name in ("optax", "flax") if f"/{name}/" in own[-1].filename), None)
    if library:
        return (
            f"{library}'s {own[-1].name} needs numbers, and the values of {', '.join(names)} are "
            "traced, as one program computes all of them: train once for each value, and put the "
            "results together by toymodels.gather"
        )
    return (
        f"the problem is traced once for all values of {', '.join(names)}, and line "
        f"{own[-1].lineno} of {own[-1].filename} needs a number: write jnp.where for `if`, jnp "
        "for np, and leave out float() and int()"
    )


def _is_source(frame: traceback.FrameSummary) -> bool:
    hidden = ("jax", "jaxlib", "numpy", "jaxtyping", "beartype")
    generated = frame.filename.startswith("<")
    return not generated and not any(f"/{name}/" in frame.filename for name in hidden)


def checked_loss(
    objective: Objective, model: Any, key: PRNGKeyArray, method: str = "loss"
) -> Float[Array, ""]:
    """Return an objective's loss, or its test loss.

    Raises:
        ValueError: if it is not a scalar. Errors of the loss itself get a note on their origin.
    """
    try:
        loss = getattr(objective, method)(model, key)
    except TraceContextError as error:
        raise ValueError(
            f"{_said(model)} changes a variable when it is called, and "
            f"{_said(objective)}.{method} calls it several times, on blocks of samples: leave out "
            "layers with a state, such as nnx.Dropout and nnx.BatchNorm, or write an objective "
            f"that calls it once ({error})"
        ) from error
    except (TypeError, ValueError) as error:
        whose = f"{_said(objective)}.{method} of {_said(model)}"
        error.add_note(f"This is from {whose}. In toymodels samples are the columns of x.")
        raise
    if np.shape(loss):
        raise ValueError(
            f"{_said(objective)}.{method} must return one number; got shape {np.shape(loss)}: "
            "sum over features and take the mean over samples"
        )
    return loss


def _check_names(problem: Problem, names: list[str]) -> None:
    signature = inspect.signature(problem)
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        raise ValueError(
            f"{getattr(problem, '__name__', 'the problem')}{signature} must have an argument for "
            f"each axis except {SEED} and for each data: {', '.join(names) or 'none'} ({error})"
        ) from None


def _objective_of(built: Any) -> Objective:
    pair = isinstance(built, tuple) and len(built) == 2
    if not pair or not isinstance(built[1], optax.GradientTransformation):
        raise ValueError(
            "the problem must return (objective, optimizer), such as "
            f"(objective, optax.adam(1e-3)); it returns {_said(built)}"
        )
    for name, arguments in METHODS.items():
        if not callable(getattr(built[0], name, None)):
            raise ValueError(f"{_said(built[0])} is not an objective: it lacks {name}({arguments})")
    return built[0]


def _said(built: Any) -> str:
    if isinstance(built, tuple):
        return f"({', '.join(type(one).__name__ for one in built)})"
    return "None" if built is None else f"{type(built).__name__}"
