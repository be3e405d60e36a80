"""The protocol of an objective: all that the training loop knows of a problem.

An objective has `init(key) -> model`, `loss(model, key) -> scalar` (one training step's
estimate) and `test_loss(model, key) -> scalar`; it may have
`refresh(model, optimizer_state, key, step)`, a pure hook after the steps that are asked for.
"""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Array, Float, Int, PRNGKeyArray


@runtime_checkable
class Objective(Protocol):
    """What the training loop knows of a problem."""

    def init(self, key: PRNGKeyArray) -> Any:
        """Build the model at its starting point."""
        ...

    def loss(self, model: Any, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate the loss on the batch that `key` stands for."""
        ...

    def test_loss(self, model: Any, key: PRNGKeyArray) -> Float[Array, ""]:
        """Measure the loss on a large test set, the same for the same key."""
        ...


@runtime_checkable
class Refreshing(Objective, Protocol):
    """An objective that can step in between two steps, such as to resample dead units."""

    def refresh(
        self, model: Any, optimizer_state: Any, key: PRNGKeyArray, step: Int[Array, ""]
    ) -> tuple[Any, Any]:
        """Return model and optimizer state as they shall go on after `step` steps."""
        ...
