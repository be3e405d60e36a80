"""Training the networks, and what is measured of their hidden layers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from toymodels import (
    MLP,
    Axis,
    Classification,
    accuracy,
    as_columns,
    geometry,
    select_size,
    selectivity,
    to_model,
)

DIGITS = 10
SHOWN_IMAGES = 500  # of the projections
WORKS = 0.9  # accuracy of a network that has not collapsed


def train(spec, key, runner, images, depth, width):
    """Train networks of one shape at every pressure, and look at their hidden layers."""

    def build(key):
        return MLP(images.side**2, width, depth, DIGITS, key=key)

    def problem(pressure, train, test):
        rate = optax.cosine_decay_schedule(spec.learning_rate, spec.steps)
        objective = Classification(build, train, test, spec.batch_size, pressure)
        return objective, optax.adamw(rate, weight_decay=spec.weight_decay)

    axes = [Axis("pressure", spec.pressure), Axis.seeds(spec.restarts)]
    data = {"train": images.train, "test": images.test}
    name = f"depth{depth}_width{width}"
    models = runner.train(name, problem, axes, spec.steps, key=key, data=data).drop_dims("step")
    test = jax.tree.map(jnp.asarray, images.test)
    seen = jax.jit(lambda models, test: jax.lax.map(jax.vmap(partial(look, test=test)), models))
    found = seen(to_model(models, build(key)), test)
    named = {name: (("pressure", "seed", *dims), found[name]) for name, dims in SEEN.items()}
    return models.assign(named).assign_coords(layer=1 + np.arange(depth))


SEEN = {
    "accuracy": (),
    "class_mean": ("layer", "hidden", "label"),
    "projection": ("label", "image"),
}


def look(model, test):
    """Measure a network on the test images."""
    h = jnp.stack(model.hidden(as_columns(test.images)))
    means = selectivity.class_means(h, test.labels, DIGITS)
    along = directions(means[-1])
    last = h[-1, :, :SHOWN_IMAGES] - means[-1].mean(axis=1, keepdims=True)
    # the images of a digit are at 1 along its direction, on average
    projection = along.T @ last / jnp.maximum(jnp.sum(along**2, axis=0), 1e-12)[:, None]
    return {"accuracy": accuracy(model, test), "class_mean": means, "projection": projection}


def directions(means):
    """Return the digits' directions, as columns: their class means less the mean over digits."""
    return means - means.mean(axis=-1, keepdims=True)


def of_shape(dataset, depth, width):
    """Return the networks of one shape, at all pressures and of all restarts."""
    return select_size(dataset, depth=depth, width=width)


def last_means(models):
    """Return the class means of the last hidden layer, [..., hidden, label]."""
    return models.class_mean.isel(layer=-1).transpose(..., "hidden", "label").values


def digits_per_unit(models):
    """Count the digits that the last layer's units respond to: median of the live ones."""
    digits = selectivity.effective_classes(last_means(models))
    alive = np.isfinite(digits).any(axis=-1)
    found = np.full(alive.shape, np.nan)
    found[alive] = np.nanmedian(digits[alive], axis=-1)
    return found


def selectivity_by_layer(models):
    """Return the median class selectivity of the live units, [seed, layer]."""
    means = models.class_mean.transpose("seed", "layer", "hidden", "label").values
    return np.nanmedian(selectivity.class_selectivity(means), axis=-1)


def dimensionality(models):
    """Measure the mean dimensionality of the digits' directions."""
    return geometry.dimensionality(directions(last_means(models))).mean(axis=-1)


def direction_cosines(models):
    """Return the cosines between the digits' directions, 0 on the diagonal."""
    return geometry.cosines(directions(last_means(models)))


def while_it_works(models, quantity):
    """Return a quantity's mean over restarts at each pressure, NaN where one has collapsed."""
    return np.where((models.accuracy > WORKS).all("seed"), quantity.mean(axis=-1), np.nan)


def in_order(means):
    """Order units by the digit they prefer, the most selective first, and the silent ones last."""
    selective = selectivity.class_selectivity(means)
    return np.lexsort((-selective, means.argmax(axis=-1), np.isnan(selective)))
