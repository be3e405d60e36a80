"""What the figures of neurons share: settings of sparse features and neurons, and their names."""

import numpy as np

from toymodels import figure as fig

SMALLEST = 1.2e-38  # a normal number in float32


class NeuronSpec(fig.AnnealedSpec):
    """Settings of models with n features and m neurons, over S."""

    n: fig.Count = 10
    """Features."""
    m: fig.Count = 5
    """Neurons."""
    importance_decay: fig.Positive = 0.7
    """Importance of feature i is this to the power of i."""
    sparsity: fig.ActiveSparsities
    """S, the probability that a feature is inactive."""

    @property
    def importance(self) -> np.ndarray:
        """The importance of each feature, [n]."""
        return self.importance_decay ** np.arange(self.n)

    def check(self) -> None:
        fig.check_importance(self.importance_decay, self.n)
        lowest = SMALLEST ** (1 / max(self.n - 1, 1))
        if self.n > 1 and self.importance_decay < lowest:
            raise ValueError(
                f"importance_decay must be at least {lowest:.4g} for {self.n} features, whose "
                f"importances underflow otherwise; got {self.importance_decay:g}"
            )


def names_of(n: int) -> list[str]:
    """Return the numbers of the features, from 1, the most important."""
    return [str(i + 1) for i in range(n)]
