"""What hidden units respond to, and the directions of the digits in the last hidden layer."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

import toymodels as tm
from experiments.mnist._networks import DIGITS
from toymodels import geometry, selectivity

SHOWN_IMAGES = 500  # of the projections
WORKS = 0.9  # accuracy of a network that has not collapsed
SEEN = {
    "accuracy": (),
    "class_mean": ("layer", "hidden", "label"),
    "projection": ("label", "image"),
}


def look(objective: Any, model: tm.MLP, _key: Any) -> dict[str, Any]:
    """Measure a network on the test images."""
    test = objective.test
    h = jnp.stack(model.hidden(tm.as_columns(test.images)))
    means = selectivity.class_means(h, test.labels, DIGITS)
    along = directions(means[-1])
    last = h[-1, :, :SHOWN_IMAGES] - means[-1].mean(axis=1, keepdims=True)
    # the images of a digit are at 1 along its direction, on average
    projection = along.T @ last / jnp.maximum(jnp.sum(along**2, axis=0), 1e-12)[:, None]
    return {
        "accuracy": tm.accuracy(model, test),
        "class_mean": means,
        "projection": projection,
    }


def directions(means: Any) -> Any:
    """Return the digits' directions, as columns: their class means less the mean over digits."""
    return means - means.mean(axis=-1, keepdims=True)


def last_directions(models: xr.Dataset) -> np.ndarray:
    """Return the digits' directions in the last hidden layer, [..., hidden, label]."""
    return np.asarray(directions(models.class_mean.isel(layer=-1).values))


def dimensionality(models: xr.Dataset) -> np.ndarray:
    """Measure the mean dimensionality of the digits' directions."""
    return np.asarray(geometry.dimensionality(last_directions(models)).mean(axis=-1))


def digits_per_unit(models: xr.Dataset) -> np.ndarray:
    """Count the digits that the last layer's units respond to: median of the live ones."""
    digits = selectivity.effective_classes(models.class_mean.isel(layer=-1).values)
    alive = np.isfinite(digits).any(axis=-1)
    found = np.full(alive.shape, np.nan)
    found[alive] = np.nanmedian(digits[alive], axis=-1)
    return found


def while_it_works(models: xr.Dataset, quantity: np.ndarray) -> np.ndarray:
    """Return a quantity's mean over restarts at each pressure, NaN where one has collapsed."""
    return np.where((models.accuracy > WORKS).all("seed"), quantity.mean(axis=-1), np.nan)
