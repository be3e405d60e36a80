"""Recovery of the true features by dictionaries: max cosine similarities and their mean (MMCS)."""

import numpy as np
import xarray as xr

import toymodels as tm
from toymodels import baselines, geometry, recovery

RANDOM_DRAWS = 16


def baseline_max_cosines(
    W: xr.DataArray, h: np.ndarray, alphas: tuple[float, ...], seed: int
) -> xr.DataArray:
    """Return the baselines' max cosines: best alpha, all components, mean of random draws."""
    m, n = len(W.hidden), len(W.feature)
    columns = baselines.random_directions(m, RANDOM_DRAWS * n, seed=seed)
    rows = []
    for w, x in zip(W.values.astype(float), h, strict=True):
        fits = [baselines.scikit_learn_dictionary(x, n, alpha, seed=seed) for alpha in alphas]
        cosines = [recovery.max_cosines(w, fit.dictionary) for fit in fits]
        best = max(cosines, key=lambda cosine: cosine[geometry.represented(w)].sum())
        components = baselines.principal_components(x, m).dictionary.astype(float)
        random = [recovery.max_cosines(w, draw) for draw in np.split(columns, RANDOM_DRAWS, axis=1)]
        rows.append([best, recovery.max_cosines(w, components), np.mean(random, axis=0)])
    names = {"baseline": ["scikit-learn", "PCA", "random"]}
    return xr.DataArray(np.array(rows), names, ("sparsity", "baseline", "feature"))


def with_mmcs(models: xr.Dataset) -> xr.Dataset:
    """Add each feature's `length` in the toy model, whether it is `held`, and the MMCS of those."""
    W = tm.best_of(models).W
    held = geometry.represented(W)
    return models.assign(
        length=geometry.norms(W),
        held=held,
        mmcs=models.max_cosine.where(held).mean("feature"),
        baseline_mmcs=models.baseline_max_cosine.where(held).mean("feature"),
    ).assign_attrs(size=f"n = {len(W.feature)}, m = {len(W.hidden)}")


def at_best_l1(models: xr.Dataset) -> xr.Dataset:
    """Select, at each sparsity, the L1 coefficient with the best MMCS over the restarts.

    Where the toy model represents no feature, the MMCS is undefined and the first is selected.
    """
    return models.isel(l1=models.mmcs.mean("dictionary_seed").fillna(0).argmax("l1"))
