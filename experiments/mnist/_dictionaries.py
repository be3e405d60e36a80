"""Sparse dictionaries of the last hidden layer's activations, and what else could take their place.

All that codes by the k largest, whether it learned its directions or not, is a `TopKDictionary`,
so that all have the same number of active features: L0 is matched by construction.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.cluster import MiniBatchKMeans

from toymodels import (
    MLP,
    Axis,
    SparseDictionary,
    TopKDictionary,
    as_columns,
    to_model,
    unit_norm,
)


def networks_and_activations(models, images, depth, width, key):
    """Return a trained network and an untrained one, and the images' activations in each."""
    untrained = MLP(images.side**2, width, depth, int(images.train.labels.max()) + 1, key=key)
    trained = jax.tree.map(lambda leaf: leaf[0, 0], to_model(models, untrained))
    last = jax.jit(lambda network, x: network.hidden(as_columns(x))[-1])
    networks = (trained, untrained)
    return networks, [
        scaled(np.asarray(last(n, jnp.asarray(images.train.images)))) for n in networks
    ]


def scaled(x):
    """Scale activations to mean square length 1, so that an L1 coefficient means the same."""
    return x / np.sqrt(np.square(x).sum(axis=0).mean())


def learn(spec, key, runner, name, x, build, l1=None):
    """Train a dictionary on each of the activations x, at each L1 coefficient if there are any.

    Returns the dictionaries as a function of the index of x (and of that of the coefficient).
    """

    def problem(activations, l1=0.0):
        rate = optax.cosine_decay_schedule(spec.dictionary_learning_rate, spec.dictionary_steps)
        objective = SparseDictionary(build, activations, l1, batch_size=spec.dictionary_batch_size)
        return objective, unit_norm(optax.adam(rate))

    axes = [Axis("activations", range(len(x)), jnp.asarray(np.stack(x)))]
    axes += [] if l1 is None else [Axis("l1", l1)]
    resampling = [step for i in (1, 2, 3) if (step := i * spec.dictionary_steps // 6)]
    steps = spec.dictionary_steps
    learned = runner.train(name, problem, axes, steps, key=key, refreshes=resampling)
    all_of_them = to_model(learned, build(key))
    return lambda *at: jax.tree.map(lambda leaf: leaf[at], all_of_them)


def neurons(x, k):
    """Code by the k largest units themselves."""
    return with_directions(np.eye(len(x)), np.zeros(len(x)), k)


def k_means(x, clusters, k, seed):
    """Code by the k clusters whose centres, seen from the mean of all, lie nearest in direction."""
    found = MiniBatchKMeans(clusters, batch_size=4096, n_init=1, max_iter=20, random_state=seed)
    mean = x.mean(axis=1)
    directions = found.fit(x.T).cluster_centers_.T - mean[:, None]
    lengths = np.linalg.norm(directions, axis=0)
    return [with_directions(directions / np.maximum(lengths, 1e-12), mean, one) for one in k]


def with_directions(directions, centre, k):
    """Build a dictionary that codes by the projections on given directions."""
    model = TopKDictionary(*directions.shape, k, key=jax.random.key(0))
    model.W_dec[...] = jnp.asarray(directions, jnp.float32)
    model.W_enc[...] = model.W_dec.T
    model.b_dec[...] = jnp.asarray(centre, jnp.float32)
    return model
