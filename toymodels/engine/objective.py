"""The protocol of an objective, the only interface that the training loop uses.

An objective has `init(key) -> model`, `loss(model, key) -> scalar` (the estimate of one training
step) and `test_loss(model, key) -> scalar`; it may have
`refresh(model, optimizer_state, key, step)`, a pure function called after given steps.
"""

from typing import Any, Protocol, runtime_checkable

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
