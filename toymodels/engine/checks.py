"""What a training is asked for, looked at before anything is traced: errors that name the fix."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from toymodels.engine.axes import SEED, Axis
from toymodels.engine.objective import Objective
from toymodels.models.parameters import parameters

Problem = Callable[..., tuple[Objective, optax.GradientTransformation]]
METHODS = {"init": "key", "loss": "model, key", "test_loss": "model, key"}


def check_key(key: Any) -> PRNGKeyArray:
    """Return a key as JAX types it, or raise ValueError if it is none, or several."""
    array = key if isinstance(key, jax.Array | np.ndarray) else np.asarray(key)
    if array.dtype == np.uint32 and array.shape == (2,):  # of jax.random.PRNGKey
        return jax.random.wrap_key_data(jnp.asarray(array))
    if not jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        raise ValueError(f"key must be a PRNG key, such as jax.random.key(0); got {key!r}")
    if array.shape:
        raise ValueError(f"key must be one PRNG key; got {array.size} of them: take one, key[0]")
    return key


def check_axes(axes: Any, data: Mapping[str, Any]) -> None:
    """Raise ValueError unless these are axes, and they and the data have names of their own."""
    if isinstance(axes, Axis):
        raise ValueError(f"axes must be a list: [axis] in the place of the axis {axes.name!r}")
    if not isinstance(data, Mapping):
        raise ValueError(f"data must be a dict, arrays by the names of the problem's; got {data!r}")
    for axis in axes:
        if not isinstance(axis, Axis):
            raise ValueError(f"axes must be a list of Axis, such as Axis.seeds(8); got {axis!r}")
    names = [*(axis.name for axis in axes), *data]
    if len(set(names)) != len(names):
        raise ValueError(f"every axis, and all data, needs a name of its own; got {names}")
    if SEED in data:
        raise ValueError(f"data cannot be called {SEED}: that is the restart axis")


def check_kind(name: str, value: Any, kind: type, hint: str) -> None:
    """Raise ValueError if something is given, and of another kind."""
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{name} must be {hint}; got {_said(value)}")


def check_steps(name: str, asked: Sequence[int], first: int, last: int) -> None:
    """Raise ValueError unless all are whole numbers in [first, last]."""
    if not isinstance(asked, Iterable):
        raise ValueError(f"{name} must be a list of steps, such as [{asked}]; got {asked!r}")
    for step in asked:
        if isinstance(step, bool) or not isinstance(step, int | np.integer):
            raise ValueError(f"{name} must be whole numbers of steps; got {step!r}")
    if any(not first <= step <= last for step in asked):
        raise ValueError(f"{name} must lie in [{first}, {last}]; got {list(asked)}")


def check_problem(problem: Problem, axes: Sequence[Axis], data: Mapping[str, Any]) -> Objective:
    """Build the problem once at each point of each axis, where values can still be looked at.

    Returns the objective at the first point of all.

    Raises:
        ValueError: if a value is outside its range, the problem does not take the names of the
            axes and data, or does not return an objective and an optimizer.
    """
    if not callable(problem):
        raise ValueError(
            "the problem must be a function of the axes' values that returns (objective, "
            f"optimizer), such as lambda: (objective, optimizer); got {_said(problem)}"
        )
    swept = [axis for axis in axes if axis.name != SEED]
    first = {axis.name: axis.point(0) for axis in swept} | dict(data)
    _check_names(problem, list(first))
    objective = _objective_of(problem(**first))
    for axis in swept:
        for i in range(1, axis.size):
            problem(**{**first, axis.name: axis.point(i)})
    return objective


def check_model(model: Any, objective: Objective) -> None:
    """Raise unless an objective's `init` returned a model with something to train.

    Raises:
        ValueError: if it returned None.
        TypeError: as `parameters` does.
    """
    if model is None:
        raise ValueError(f"{_said(objective)}.init returned None: it must return a model")
    parameters(model)


def built(
    problem: Problem, values: Mapping[str, Any]
) -> tuple[Objective, optax.GradientTransformation]:
    """Return what a problem makes of values that JAX traces.

    Raises:
        ValueError: if it does with them what only numbers can.
    """
    try:
        return problem(**values)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
        raise ValueError(
            f"the problem is traced once for all values of {', '.join(values)}, which have no "
            "numbers then: write jnp.where for `if`, jnp for np, and leave out float() and int()"
        ) from error


def checked_update(
    optimizer: optax.GradientTransformation, gradient: Any, memory: Any, params: Any
) -> tuple[Any, Any]:
    """Return an optimizer's updates and memory; what it raises itself is told whose it is."""
    try:
        return optimizer.update(gradient, memory, params)
    except (TypeError, ValueError) as error:
        error.add_note("This is from the problem's optimizer, whose settings must be numbers.")
        raise


def checked_loss(objective: Objective, model: Any, key: PRNGKeyArray) -> Float[Array, ""]:
    """Return an objective's loss.

    Raises:
        ValueError: if it is not one number. What the loss raises itself is told whose it is.
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
    try:
        signature = inspect.signature(problem)
    except (TypeError, ValueError):  # not every callable has one
        return
    called = getattr(problem, "__name__", "the problem")
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        takes = ", ".join(signature.parameters) or "nothing"
        raise ValueError(
            f"{called}{signature} must take the names of all axes but {SEED}, and of all data: "
            f"it takes {takes}, and there are {', '.join(names) or 'none'} ({error})"
        ) from None


def _objective_of(built: Any) -> Objective:
    if not isinstance(built, tuple) or len(built) != 2:
        raise ValueError(
            "the problem must return (objective, optimizer), such as "
            f"(objective, optax.adam(1e-3)); it returns {_said(built)}"
        )
    objective, optimizer = built
    for name, arguments in METHODS.items():
        if not callable(getattr(objective, name, None)):
            raise ValueError(f"{_said(objective)} is no objective: it needs {name}({arguments})")
    if not isinstance(optimizer, optax.GradientTransformation):
        raise ValueError(
            "the problem's optimizer must be Optax's, such as optax.adam(1e-3); "
            f"it is {_said(optimizer)}"
        )
    return objective


def _said(built: Any) -> str:
    if isinstance(built, tuple):
        return f"({', '.join(type(one).__name__ for one in built)})"
    return "None" if built is None else f"{type(built).__name__}"
