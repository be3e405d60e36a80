"""Sparse dictionaries of the last hidden layer's activations, and what else could take their place.

All that codes by the k largest, whether it learned its directions or not, is a `TopKDictionary`,
so that all have the same number of active features: L0 is matched by construction.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from sklearn.cluster import MiniBatchKMeans

import toymodels as tm
from experiments.mnist._networks import DIGITS, DictionarySpec, train


class Pair(NamedTuple):
    """A trained network and an untrained one, and the training images in their last layers."""

    kept: xr.Dataset
    networks: tuple[tm.MLP, tm.MLP]
    x: tuple[jax.Array, jax.Array]


def train_pair(lab: tm.Lab[DictionarySpec], images: Any, depth: int, width: int) -> Pair:
    """Train networks of a shape, and set the best beside an untrained one."""
    key = lab.key(f"untrained_depth{depth}_width{width}")
    untrained = tm.MLP(images.side**2, width, depth, DIGITS, key=key)
    best = tm.best_of(train(lab, images, depth, width).isel(pressure=0, drop=True))
    trained = tm.to_model(best, untrained)
    accuracy = float(tm.accuracy(trained, images.test))
    kept = best[["W_in", "W_out", "loss"]].drop_vars("seed").assign(accuracy=accuracy)
    shown = jnp.asarray(images.train.images)
    x = last_layer(trained, shown), last_layer(untrained, shown)
    return Pair(kept.assign_coords(depth=depth, width=width), (trained, untrained), x)


@jax.jit
def last_layer(network: tm.MLP, images: jax.Array) -> jax.Array:
    """Return activations of mean square length 1, so that L1 coefficients mean the same."""
    h = network.hidden(tm.as_columns(images))[-1]
    return h / jnp.sqrt(jnp.mean(jnp.sum(jnp.square(h), axis=0)))


def learn(
    lab: tm.Lab[DictionarySpec],
    name: str,
    build: Callable[..., tm.ReluDictionary],
    layers: Sequence[jax.Array],
    over: Sequence[str] = (),
) -> Callable[..., tm.ReluDictionary]:
    """Train a dictionary of each layer's activations; return what gives the one at (layer=i)."""
    spec = lab.spec

    def problem(layer, l1=0.0):
        rate = optax.cosine_decay_schedule(spec.dictionary_learning_rate, spec.dictionary_steps)
        objective = tm.SparseDictionary(
            lambda key: build(key=key), layer, l1, batch_size=spec.dictionary_batch_size
        )
        return objective, tm.unit_norm(optax.adam(rate))

    learned = lab.train(
        name,
        problem,
        [tm.Axis("layer", range(len(layers)), jnp.stack(layers)), *over],
        steps=spec.dictionary_steps,
        restarts=1,
        # half of the steps are left for the units that were revived last
        refreshes=[step for i in (1, 2, 3) if (step := i * spec.dictionary_steps // 6)],
    ).isel(seed=0)
    like = build(key=jax.random.key(0))
    return lambda **at: tm.to_model(learned.isel(at), like)


def neurons(units: int, k: int) -> tm.TopKDictionary:
    """Code by the k largest units themselves."""
    return with_directions(np.eye(units), np.zeros(units), k)


def k_means(x: jax.Array, clusters: int, seed: int) -> Callable[[int], tm.TopKDictionary]:
    """Code by the k clusters whose centres, seen from the mean of all, lie nearest in direction."""
    found = MiniBatchKMeans(clusters, batch_size=4096, n_init=1, max_iter=20, random_state=seed)
    rows = np.asarray(x).T
    mean = rows.mean(axis=0)
    directions = (found.fit(rows).cluster_centers_ - mean).T
    directions /= np.maximum(np.linalg.norm(directions, axis=0), 1e-12)
    return lambda k: with_directions(directions, mean, k)


def with_directions(directions: np.ndarray, centre: np.ndarray, k: int) -> tm.TopKDictionary:
    """Build a dictionary that codes by the projections on given directions."""
    model = tm.TopKDictionary(len(directions), directions.shape[1], k, key=jax.random.key(0))
    model.W_dec[...] = jnp.asarray(directions, jnp.float32)
    model.W_enc[...] = model.W_dec.T
    model.b_dec[...] = jnp.asarray(centre, jnp.float32)
    return model
