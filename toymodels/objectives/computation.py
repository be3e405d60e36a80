"""Computation of a function of sparse features by a model, with a squared error."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax.numpy as jnp
from jaxtyping import Array

from toymodels.models.calls import on_columns
from toymodels.objectives.reconstruction import Reconstruction


@dataclass(frozen=True)
class Computation(Reconstruction):
    """Importance-weighted error of a model that computes y = target(x).

    L = E[ sum_i I_i (target(x)_i - y_i)^2 ], as `Reconstruction` in all else (Elhage et al. 2022,
    "Computation in Superposition", with the target |x|).

    >>> import jax, jax.numpy as jnp
    >>> from toymodels import Computation, SignedFeatures, SparseFeatures, UntiedReluHidden
    >>> features = SignedFeatures(SparseFeatures(3, sparsity=0.5))
    >>> build = lambda key: UntiedReluHidden(3, 6, key=key)
    >>> objective = Computation(features, build, target=jnp.abs)
    >>> objective.loss(objective.init(jax.random.key(0)), jax.random.key(1)).shape
    ()

    Attributes:
        target: an elementwise function of x.
    """

    target: Callable[[Array], Array] = field(kw_only=True)

    def _error(self, model, x):
        squared = jnp.mean(jnp.square(self.target(x) - on_columns(model, x)), axis=1)
        return jnp.sum(jnp.asarray(self.features.importance) * squared)
