"""The protocol of an objective, the only interface that the training loop uses.

An objective has `init(key) -> model`, `loss(model, key) -> scalar` (the estimate of one training
step) and `test_loss(model, key) -> scalar`. It may have

- `refresh(model, optimizer_state, key, step)`, a pure function called after given steps,
- `at_step(step)`, the objective at a step, for settings that follow a schedule,
- `coords`, coordinates of the result by name: (dimension, values).
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray


@runtime_checkable
class Objective(Protocol):
    """Initialisation, training loss and test loss of a model."""

    def init(self, key: PRNGKeyArray) -> Any:
        """Build a model with its initial weights."""
        ...

    def loss(self, model: Any, key: PRNGKeyArray) -> Float[Array, ""]:
        """Return the loss on the batch drawn with `key`."""
        ...

    def test_loss(self, model: Any, key: PRNGKeyArray) -> Float[Array, ""]:
        """Return the loss on a large test set, determined by `key`."""
        ...


@runtime_checkable
class Refreshing(Objective, Protocol):
    """An objective that can change the state between steps, such as to resample dead units."""

    def refresh(
        self, model: Any, optimizer_state: Any, key: PRNGKeyArray, step: Int[Array, ""]
    ) -> tuple[Any, Any]:
        """Return the new model and optimizer state after `step` steps."""
        ...


@runtime_checkable
class Scheduled(Objective, Protocol):
    """An objective with a setting that changes during training, such as a penalty's weight."""

    def at_step(self, step: Int[Array, ""]) -> Objective:
        """Return the objective at a step."""
        ...


def at_step(objective: Objective, step: Int[Array, ""]) -> Objective:
    """Return the objective at a step: itself, unless it is `Scheduled`."""
    return objective.at_step(step) if isinstance(objective, Scheduled) else objective


def coords_of(objective: Objective) -> Mapping[str, tuple[str, np.ndarray]]:
    """Return the coordinates that an objective adds to the result, by name."""
    coords: Mapping[str, tuple[str, np.ndarray]] = getattr(objective, "coords", {})
    return coords
