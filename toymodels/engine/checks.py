"""Checks of the arguments of a training before anything is traced; errors name the fix."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
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
        raise ValueError(f"every axis, and all data, needs a name of its own; got {names}")


def check_steps(name: str, asked: Sequence[int], first: int, last: int) -> None:
    """Raise ValueError unless all steps are integers in [first, last]."""
    if not all(isinstance(step, int | np.integer) and first <= step <= last for step in asked):
        raise ValueError(f"{name} must lie in [{first}, {last}]; got {list(asked)}")


def check_problem(problem: Problem, axes: Sequence[Axis], data: Mapping[str, Any]) -> Objective:
    """Build the problem at every point of each axis, with concrete values, to check them.

    Returns:
        The objective at the first point of every axis.

    Raises:
        ValueError: if a value is outside its range, the problem does not accept the names of the
            axes and data, or does not return an objective and an optimizer.
    """
    swept = [axis for axis in axes if axis.name != SEED]
    first = {axis.name: axis.point(0) for axis in swept} | dict(data)
    _check_names(problem, list(first))
    objective = _objective_of(problem(**first))
    for axis in swept:
        for i in range(1, axis.size):
            problem(**{**first, axis.name: axis.point(i)})
    return objective


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
        raise ValueError(
            f"the problem is traced once for all values of {', '.join(values)}, which have no "
            "numbers then: write jnp.where for `if`, jnp for np, and leave out float() and int()"
        ) from error


def checked_loss(objective: Objective, model: Any, key: PRNGKeyArray) -> Float[Array, ""]:
    """Return an objective's loss.

    Raises:
        ValueError: if it is not a scalar. Errors of the loss itself get a note on their origin.
    """
    try:
        loss = objective.loss(model, key)
    except (TypeError, ValueError) as error:
        whose = f"{_said(objective)}.loss of {_said(model)}"
        error.add_note(f"This is from {whose}. In toymodels samples are the columns of x.")
        raise
    if np.shape(loss):
        raise ValueError(
            f"{_said(objective)}.loss must return one number; it returns shape {np.shape(loss)}: "
            "sum over features and take the mean over samples"
        )
    return loss


def _check_names(problem: Problem, names: list[str]) -> None:
    signature = inspect.signature(problem)
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        raise ValueError(
            f"{getattr(problem, '__name__', 'the problem')}{signature} must take the names of all "
            f"axes but {SEED}, and of all data: there are {', '.join(names) or 'none'} ({error})"
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
            raise ValueError(f"{_said(built[0])} is no objective: it needs {name}({arguments})")
    return built[0]


def _said(built: Any) -> str:
    if isinstance(built, tuple):
        return f"({', '.join(type(one).__name__ for one in built)})"
    return "None" if built is None else f"{type(built).__name__}"
