"""Dictionaries measured against the true features: max cosines, and their means (MMCS)."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

import toymodels as tm
from toymodels import baselines, geometry, recovery

RANDOM_DRAWS = 16


def max_cosines(W: np.ndarray, dictionaries: xr.DataArray) -> xr.DataArray:
    """Compare the autoencoders' decoders at each sparsity with its true features W."""
    *leading, _, _ = dictionaries.dims
    sizes = [dictionaries.sizes[dim] for dim in leading]
    truth = np.broadcast_to(W[:, None, None], (*sizes, *W.shape[1:]))
    return xr.DataArray(
        recovery.max_cosines(truth, dictionaries.values), dims=(*leading, "feature")
    )


def baseline_max_cosines(
    W: np.ndarray, h: np.ndarray, alphas: Sequence[float], seed: int
) -> xr.DataArray:
    """Measure the baselines at each sparsity: the best alpha, all components, the mean of draws."""
    m, n = W.shape[1:]
    columns = baselines.random_directions(m, RANDOM_DRAWS * n, seed=seed)
    draws = np.split(columns, RANDOM_DRAWS, axis=1)
    rows = []
    for w, x in zip(W.astype(float), h, strict=True):
        fits = [baselines.scikit_learn_dictionary(x, n, alpha, seed=seed) for alpha in alphas]
        cosines = [recovery.max_cosines(w, fit.dictionary) for fit in fits]
        represented = geometry.represented(w)
        best = max(cosines, key=lambda cosine: cosine[represented].mean())
        components = baselines.principal_components(x, m).dictionary.astype(float)
        random = np.mean([recovery.max_cosines(w, draw) for draw in draws], axis=0)
        rows.append([best, recovery.max_cosines(w, components), random])
    names = {"baseline": ["scikit-learn", "PCA", "random"]}
    return xr.DataArray(np.array(rows), names, ("sparsity", "baseline", "feature"))


def toy_weights(models: xr.Dataset) -> xr.DataArray:
    """Return W of the best toy models, [sparsity, hidden, feature]."""
    return tm.best_of(models).W


def represented(models: xr.Dataset) -> xr.DataArray:
    """Return which features the toy models represent, [sparsity, feature]."""
    W = toy_weights(models)
    return xr.DataArray(geometry.represented(W.values), dims=("sparsity", "feature"))


def mmcs(models: xr.Dataset, name: str = "max_cosine") -> xr.DataArray:
    """Average max cosines over the features that the toy model represents."""
    return models[name].where(represented(models)).mean("feature")


def at_best_l1(models: xr.Dataset) -> xr.Dataset:
    """Select, at each sparsity, the L1 coefficient with the best MMCS over the restarts."""
    return models.isel(l1=mmcs(models).mean("dictionary_seed").argmax("l1"))


def sparse_cosines(sizes: list[xr.Dataset]) -> tuple[float, float]:
    """Average max cosines, S >= 0.7, of the features that toy models represent, and the others."""
    kept, others = [], []
    for models in sizes:
        cosines = at_best_l1(models).max_cosine.mean("dictionary_seed")
        cosines = cosines.where(models.sparsity >= 0.7)
        kept.append(cosines.where(represented(models)).values.ravel())
        others.append(cosines.where(~represented(models)).values.ravel())
    one, other = (xr.DataArray(np.concatenate(pool)).mean() for pool in (kept, others))
    return float(one), float(other)
