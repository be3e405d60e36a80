"""Training of sparse dictionaries on activations: minibatches and neuron resampling."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from toymodels.models.calls import check_build, check_can
from toymodels.models.dictionary import ReluDictionary, squared_norms, unit_columns
from toymodels.numerics.blocks import block_columns, mean_over_blocks, mean_value_over_blocks
from toymodels.numerics.checks import check_between, check_count
from toymodels.numerics.products import true_float32

UNIT = "dictionary_feature"  # the dimension of a parameter that runs over units
RESAMPLED_SCALE = 0.2  # length of a resampled encoder row, relative to the mean of live units


@dataclass(frozen=True)
class SparseDictionary:
    """Reconstruct activations by a sparse dictionary: L = E[ |x - x'|^2 + l1 penalty(f) ].

    Error and penalty come from `costs` of the model, summed over dimensions and features and
    averaged over samples. Each minibatch is drawn from the activations with replacement, by the
    key of the step: members of an ensemble with the same keys have the same minibatches.

    Attributes:
        build: key -> model.
        activations: [d, samples], given to `train` as `data` or as the values of an axis.
        l1: weight of the penalty: a number, or a function of the step, such as
            `optax.linear_schedule(0.0, 0.1, 500)`. The test loss has its value after training.
        test_activations: [d, test_samples] for the test loss; the activations by default.
        batch_size: samples per step.
        resample_samples: `refresh` resamples the units that fire on none of so many samples.

    Raises:
        ValueError: if an activation is NaN or infinite, there are none, l1 is negative, or
            batch_size or resample_samples is not an integer of at least 1.
    """

    build: Callable[[PRNGKeyArray], ReluDictionary]
    activations: Float[Array | np.ndarray, "d samples"]
    l1: ArrayLike | Callable[[Any], ArrayLike] = 0.0
    test_activations: Float[Array | np.ndarray, "d test_samples"] | None = None
    batch_size: int = 4096
    resample_samples: int = 8192

    def __post_init__(self) -> None:
        check_build(self.build)
        check_count("batch_size", self.batch_size)
        check_count("resample_samples", self.resample_samples)
        first = self.l1(0) if callable(self.l1) else self.l1
        check_between("l1", first, 0.0, float(np.finfo(np.float32).max))
        check_activations(self.activations)
        if self.test_activations is not None:
            check_activations(self.test_activations)

    def init(self, key: PRNGKeyArray) -> ReluDictionary:
        """Build the initial model.

        Raises:
            TypeError: if it lacks an attribute that the loss uses.
            ValueError: if l1 is given and the model has no penalty.
        """
        model = self.build(key)
        check_can(
            model,
            "SparseDictionary",
            "encode",
            "costs",
            "W_enc",
            "W_dec",
            "b_enc",
            "b_dec",
            like="ReluDictionary",
        )
        if not getattr(model, "penalised", True) and not _is_zero(self.l1):
            raise ValueError(
                f"l1 has no effect on a {type(model).__name__}, which has no penalty: leave it out"
            )
        return model

    def at_step(self, step: Int[Array, ""]) -> "SparseDictionary":
        """Return the objective with the weight of the penalty at a step."""
        return replace(self, l1=self.l1(step)) if callable(self.l1) else self

    def loss(self, model: ReluDictionary, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate L on a minibatch."""
        return mean_over_blocks(self._loss, model, self._minibatch(key, self.batch_size, model))

    @true_float32()
    def test_loss(self, model: ReluDictionary, key: PRNGKeyArray) -> Float[Array, ""]:
        """Measure L on all test activations."""
        x = self.activations if self.test_activations is None else self.test_activations
        columns = block_columns(len(model.b_enc[...]), x.shape[1])
        blocks = jnp.moveaxis(x.reshape(len(x), -1, columns), 1, 0)
        return mean_value_over_blocks(self._loss, model, blocks)

    def refresh(
        self, model: ReluDictionary, optimizer_state: Any, key: PRNGKeyArray, step: Int[Array, ""]
    ) -> tuple[ReluDictionary, Any]:
        """Resample dead units, those that fire on none of `resample_samples` samples.

        As in Bricken et al. 2023, appendix "Neuron Resampling": each dead unit takes the direction
        of a different sample, drawn in proportion to its squared loss, with a small encoder. Its
        other parameters are initialised again, and its optimizer state is set to zero.

        Raises:
            ValueError: if the dictionary has more features than `resample_samples`.
        """
        if len(model.b_enc[...]) > self.resample_samples:
            raise ValueError(
                f"resample_samples must be at least the number of features, "
                f"{len(model.b_enc[...])}; got {self.resample_samples}"
            )
        draw_key, choice_key = jax.random.split(key)
        blocks = self._minibatch(draw_key, self.resample_samples, model)

        def look(x):
            return jnp.any(model.encode(x) > 0, axis=1), squared_norms(x - model(x))

        fired, error = lax.map(look, blocks)
        dead = ~jnp.any(fired, axis=0)
        # Gumbel top-k trick: samples without replacement, in proportion to the squared loss
        draws = 2 * jnp.log(error.ravel()) + jax.random.gumbel(choice_key, (error.size,))
        _, samples = lax.top_k(draws, len(dead))
        chosen = samples[jnp.argsort(jnp.argsort(~dead))]  # dead units get the first samples
        x = blocks[chosen // blocks.shape[2], :, chosen % blocks.shape[2]].T
        directions = unit_columns(x - model.b_dec[:, None])
        lengths = jnp.sqrt(squared_norms(model.W_enc.T))
        scale = RESAMPLED_SCALE * jnp.mean(lengths, where=~dead | jnp.all(dead))
        fresh = self.build(key)
        fresh.W_dec[...], fresh.W_enc[...] = directions, scale * directions.T
        return replace_units(model, fresh, dead), forget(optimizer_state, model, dead)

    def _loss(self, model, x):
        if callable(self.l1):
            raise ValueError("l1 is a schedule: evaluate objective.at_step(step) instead")
        error, penalty = model.costs(x)
        return jnp.mean(error + self.l1 * penalty)

    def _minibatch(self, key, samples, model) -> Float[Array, "blocks d columns"]:
        columns = block_columns(len(model.b_enc[...]), samples)
        shape = (samples // columns, columns)
        chosen = jax.random.randint(key, shape, 0, self.activations.shape[1])
        return jnp.moveaxis(jnp.take(self.activations, chosen, axis=1, mode="clip"), 1, 0)


def _is_zero(l1: Any) -> bool:
    return not callable(l1) and not isinstance(l1, jax.core.Tracer) and not np.any(l1)


def check_activations(activations: Float[Array | np.ndarray, "d samples"]) -> None:
    """Raise ValueError if there are no activations, or any is NaN or infinite."""
    if 0 in activations.shape:
        raise ValueError(f"activations must be [d, samples]; got shape {activations.shape}")
    if isinstance(activations, jax.core.Tracer):
        return
    wrong = np.count_nonzero(~np.isfinite(np.asarray(activations)))
    if wrong:
        raise ValueError(f"activations must be finite; {wrong} of {activations.size} are not")


def replace_units(
    model: ReluDictionary, fresh: ReluDictionary, chosen: Bool[Array, " features"]
) -> ReluDictionary:
    """Return the model with all parameters of the chosen units taken from `fresh`."""

    def mixed(path, old, new):
        mask = _mask(path, old, model, chosen)
        return old if mask is None else jnp.where(mask, new, old)

    return jax.tree.map_with_path(mixed, model, fresh)


def forget(memory: Any, model: ReluDictionary, chosen: Bool[Array, " features"]) -> Any:
    """Set the optimizer state of the chosen units, such as Adam's moments, to zero."""

    def forgotten(path, leaf):
        mask = _mask(path, leaf, model, chosen)
        return leaf if mask is None else jnp.where(mask, jnp.zeros_like(leaf), leaf)

    return jax.tree.map_with_path(forgotten, memory)


def _mask(path, leaf, model, chosen):
    """Reshape `chosen` to broadcast along a parameter's axis of units; None if it has none."""
    names = [getattr(key, "key", getattr(key, "name", None)) for key in path]
    dims = next((dims for name, dims in model.dims.items() if name in names), ())
    if UNIT not in dims:
        return None
    return jnp.expand_dims(chosen, [i for i, dim in enumerate(dims) if dim != UNIT])
