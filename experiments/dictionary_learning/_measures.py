"""Dictionaries of hidden vectors measured against the features that these were made of."""

import jax
import numpy as np
import xarray as xr

from toymodels import ReluDictionary, baselines, best_of, geometry, recovery

BASELINES = ("scikit-learn", "PCA", "random")
RANDOM_DRAWS = 16


def measures(learned, W, test):
    """Compute every autoencoder's metrics on fresh hidden vectors."""
    axes = ("sparsity", "l1", "dictionary_seed")
    names = ("W_enc", "b_enc", "W_dec", "b_dec")

    def measure(member):
        weights, w, h = member
        model = ReluDictionary(*weights["W_dec"].shape, key=jax.random.key(0))
        for name in names:
            getattr(model, name)[...] = weights[name]
        codes = model.encode(h)
        output = model.decode(codes)
        return {
            "max_cosine": recovery.max_cosines(w, weights["W_dec"]),
            "l0": recovery.l0(codes),
            "dead_fraction": recovery.dead_fraction(codes),
            "explained_variance": recovery.explained_variance(h, output),
            "shrinkage": recovery.shrinkage(h, output),
        }

    weights = {name: learned[name].transpose(*axes, ...).values for name in names}
    at_sparsity = jax.vmap(jax.vmap(measure, ((0, None, None),)), ((0, None, None),))
    found = jax.lax.map(at_sparsity, (weights, W, test))
    dims = {"max_cosine": (*axes, "feature")}
    return xr.Dataset({k: (dims.get(k, axes), np.asarray(v)) for k, v in found.items()})


def compare(alphas, W, test):
    """Measure the baselines' dictionaries: the best alpha, all components, many random draws."""
    m, n = W.shape[1:]
    chance = [baselines.random_directions(m, n, seed=seed) for seed in range(RANDOM_DRAWS)]
    rows = []
    for w, h in zip(W, test, strict=True):
        fitted = [baselines.scikit_learn_dictionary(h, n, a, seed=0) for a in alphas]
        cosines = [recovery.max_cosines(w, one.dictionary.astype(w.dtype)) for one in fitted]
        components = baselines.principal_components(h, m).dictionary
        random = [recovery.max_cosines(w, one.astype(w.dtype)) for one in chance]
        represented = geometry.represented(w)
        best = max(cosines, key=lambda cosine: cosine[represented].mean())
        rows.append([best, recovery.max_cosines(w, components), np.mean(random, axis=0)])
    dims = ("sparsity", "baseline", "feature")
    return xr.Dataset({"baseline_max_cosine": (dims, rows)}, {"baseline": list(BASELINES)})


def toy_weights(models):
    """Return W of the best toy models, [sparsity, hidden, feature]."""
    return best_of(models).W.transpose("sparsity", "hidden", "feature").values


def mmcs(models, name):
    """Average max cosines over the features that the toy model represents."""
    kept = geometry.represented(toy_weights(models))
    represented = xr.DataArray(kept, dims=("sparsity", "feature"))
    return models[name].where(represented).mean("feature")


def at_best_l1(models):
    """Select, at each sparsity, the L1 coefficient with the best MMCS over the restarts."""
    return models.isel(l1=mmcs(models, "max_cosine").mean("dictionary_seed").argmax("l1"))
