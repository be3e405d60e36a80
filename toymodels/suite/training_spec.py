"""Settings that most trainings share, and their optimiser."""

from typing import Any, Literal

import optax

from toymodels.suite.spec import Count, NonNegative, Positive, Spec


class TrainingSpec(Spec):
    """Settings of minibatch training with AdamW; the defaults are those of the usual notebook."""

    restarts: Count = 4
    """Models trained at each point of the sweep."""
    steps: Count = 10_000
    """Optimiser steps."""
    batch_size: Count = 1024
    """Samples a step."""
    learning_rate: Positive = 1e-3
    """AdamW's learning rate; the highest one, if it follows a schedule."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Whether the learning rate stays as it is or falls to zero along a cosine."""
    weight_decay: NonNegative = 1e-2
    """AdamW's decoupled weight decay."""

    def adamw(self) -> optax.GradientTransformation:
        """Return AdamW with these settings."""
        rate: Any = self.learning_rate
        if self.schedule == "cosine":
            rate = optax.cosine_decay_schedule(rate, self.steps)
        return optax.adamw(rate, weight_decay=self.weight_decay)


class AnnealedSpec(TrainingSpec):
    """The same for losses that get near an optimum: Adam, at a rate that falls to zero."""

    learning_rate: Positive = 1e-2
    schedule: Literal["constant", "cosine"] = "cosine"
    weight_decay: NonNegative = 0.0
