"""What the training of a dictionary needs beside its objective.

Activations of one scale, an optimizer that keeps unit columns, and the steps of resampling.
"""

import jax.numpy as jnp
import optax
from jaxtyping import Float

from toymodels.engine.steps import even_steps
from toymodels.models.dictionary import unit_columns
from toymodels.numerics.arrays import AnyArray, Nested, floats
from toymodels.numerics.named import named

DICTIONARY = "W_dec"


@named("(hidden,sample)->(hidden,sample)")
def with_unit_mean_square(
    x: Float[AnyArray, "*batch d samples"] | Nested,
) -> Float[AnyArray, "*batch d samples"]:
    """Scale activations so that the mean of |x|^2 over the samples is 1.

    L1 coefficients of dictionaries of different layers are then comparable. Activations that are
    all zero stay zero.

    Args:
        x: activations, one column per sample; NumPy and JAX arrays, nested lists, or a DataArray
            whose dimensions are matched by name.
    """
    xp, columns = floats(x)
    lengths = xp.sqrt(xp.mean(xp.sum(xp.square(columns), axis=-2), axis=-1))
    return columns / xp.maximum(lengths, 1e-12)[..., None, None]


def resample_dead_units(steps: int, times: int = 3) -> tuple[int, ...]:
    """Return the steps after which dead units are resampled, evenly over the first half.

    They are the `refreshes` of a training of `SparseDictionary`, whose `refresh` resamples the
    units; the second half is left to train what was resampled last.

    >>> from toymodels import resample_dead_units
    >>> resample_dead_units(6000)  # train(..., steps=6000, refreshes=resample_dead_units(6000))
    (1000, 2000, 3000)

    Args:
        steps: optimizer steps of the training.
        times: how often units are resampled; less in a training of fewer than 2 `times` steps.
    """
    return even_steps(steps // 2, times)


def with_unit_columns(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """Wrap an optimizer so that the dictionary's columns keep length one.

    The component of the gradient along each column is removed, and the columns are normalised
    after each step (Bricken et al. 2023): otherwise small codes and long columns would lower the
    L1 penalty.
    """
    update_inner = optax.with_extra_args_support(optimizer).update

    def update(gradient, memory, params=None, **more):
        if params is None:
            raise ValueError(
                "with_unit_columns needs the parameters: optimizer.update(..., params)"
            )
        D, g = params[DICTIONARY], gradient[DICTIONARY]
        turning = gradient | {DICTIONARY: g - D * jnp.sum(D * g, axis=0, keepdims=True)}
        updates, memory = update_inner(turning, memory, params, **more)
        turned = unit_columns(D + updates[DICTIONARY]) - D
        return updates | {DICTIONARY: turned}, memory

    return optax.GradientTransformationExtraArgs(optimizer.init, update)
