"""Which features of a toy model sparse autoencoders find again, and which not.

Source: Sharkey et al. 2022, "Taking features out of superposition with sparse autoencoders",
on the toy models of Elhage et al. 2022, as in the exercises of ARENA 3.0, chapter 1.3.1.

ReLU-output models put n features into m dimensions. Sparse autoencoders with an L1 penalty are
trained on the hidden vectors h = W x, and their decoder's columns are compared with the true
features, the columns of W, by their mean max cosine similarity (MMCS) over the features that
the model represents at all. scikit-learn's dictionary learning, PCA and random directions are
measured the same way. Every point is at the L1 coefficient with the best MMCS, averaged over
the autoencoder's restarts; the toy model is the best of its own by test loss.

Where it fails, there are two reasons. A feature that the toy model does not hold cannot be found
in its hidden vectors; and with dense features (S = 0, and S = 0.5) the larger sizes' vectors are
no sparse sums, so that no basis is better than another: at S = 0 the MMCS is that of chance.

Findings: with two dimensions there is no sweet spot, since the largest L1 coefficient does as
well as any. Random directions have an MMCS of about 0.76 there, and even dense features are
nearly found (0.89 to 0.99 for three seeds): perhaps because the vectors fill the quadrant between
the two features that the toy model holds, which are its edges.

Deviations:
- Toy models train for {steps:,} steps, autoencoders for {dictionary_steps:,} on {samples:,} hidden
  vectors, {batch_size:,} samples a step.
- The source's hidden vectors are sums of random directions in 256 dimensions; here they are those
  of trained toy models, as in the exercises of ARENA.
- Autoencoders are trained on hidden vectors of samples with at least one active feature: the others
  are all h = 0.
- A dictionary has as many features as the toy model: larger ones have a higher MMCS by chance,
  which in two dimensions is most of it.
- The best L1 coefficient is chosen by MMCS itself, which takes the true features; the same holds
  for scikit-learn's alpha.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
import optax
import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from experiments.dictionary_learning._drawing import PANELS, draw_directions
from experiments.dictionary_learning._measures import (
    baseline_max_cosines,
    max_cosines,
    mmcs,
    sparse_cosines,
)
from toymodels import plotting, recovery

PAPER = tm.Source("Sharkey et al. 2022")
TOY_MODELS = tm.Source("Elhage et al. 2022: there are more features than orthogonal directions")
GATED = tm.Source("Rajamanoharan et al. 2024, Gated SAEs")


class Spec(tm.TrainingSpec):
    """Settings of the toy models, and of the autoencoders on their hidden vectors."""

    n: tm.Counts = (5, 40, 60)
    """Number of features, one for each size; the first size has m = 2 and is drawn."""
    m: tm.Counts = (2, 10, 15)
    """Number of hidden dimensions, one for each size."""
    importance_decay: tm.Positives = (0.9, 0.97, 0.98)
    """Importance of feature i is this to the power of i, one for each size."""
    sparsity: tm.Sparsities = (0.0, 0.5, 0.7, 0.9, 0.99)
    """S, the probability that a feature is inactive."""
    l1: Annotated[tuple[tm.NonNegative, ...], tm.Distinct()] = (0.05, 0.1, 0.2, 0.4, 0.8)
    """L1 coefficients of the autoencoders, for hidden vectors scaled to mean square length 1."""
    alpha: tm.Positives = (0.2,)
    """L1 coefficients of scikit-learn's dictionary learning; half of ours, by its convention."""
    restarts: tm.Count = 3
    steps: tm.Count = 2000
    """Optimiser steps of the toy models."""
    batch_size: tm.Count = 512
    """Samples a step, of toy models and of autoencoders."""
    learning_rate: tm.Positive = 1e-2
    """The highest learning rate of the toy models."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """How theirs goes on: as it is, or down to zero along a cosine."""
    dictionary_steps: tm.Count = 2000
    """Optimiser steps of the autoencoders; dead units are revived three times in the first half."""
    dictionary_restarts: tm.Count = 2
    """Autoencoders trained on each toy model at each L1 coefficient."""
    dictionary_learning_rate: tm.Positive = 3e-3
    """Adam's learning rate for the autoencoders."""
    samples: tm.Count = 2**15
    """Hidden vectors that the autoencoders are trained on."""
    test_samples: tm.Count = 4096
    """Fresh ones that they are measured on; the baselines are fitted to these."""
    sizes = tm.zipped("n", "m", "importance_decay")

    def check(self) -> None:
        if self.m[0] != 2 or len(set(self.n)) < len(self.n):
            raise ValueError("sizes must differ in n, and the first must have m = 2")


def run(lab: tm.Lab[Spec]) -> xr.DataTree:
    return tm.gather(of_size(lab, size.n, size.m, size.importance_decay) for size in lab.spec.sizes)


def of_size(lab: tm.Lab[Spec], n: int, m: int, decay: float) -> xr.Dataset:
    toys = train_toys(lab, n, m, decay ** np.arange(n))
    W = tm.best_of(toys).W.values
    h, test = draw_hidden_vectors(lab, W)
    learned = train_dictionaries(lab, n, h, test)
    others = baseline_max_cosines(W, test, lab.spec.alpha, lab.integer(f"baselines_n={n}"))
    found = {"max_cosine": max_cosines(W, learned.W_dec), "baseline_max_cosine": others}
    return xr.merge([toys, learned]).assign(found).assign_coords(n=n)


def train_toys(lab: tm.Lab[Spec], n: int, m: int, importance: np.ndarray) -> xr.Dataset:
    def problem(sparsity):
        features = tm.SparseFeatures(n, sparsity=sparsity, importance=importance)
        return tm.Reconstruction(
            features, lambda key: tm.ReluOutput(n, m, key=key), lab.spec.batch_size
        )

    return lab.train(f"toys_n={n}", problem, over="sparsity")


def draw_hidden_vectors(lab: tm.Lab[Spec], W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw h = W x of samples with an active feature, scaled to mean square length 1.

    Returns them for training and for testing, both [sparsity, m, samples].
    """
    n, count = W.shape[-1], lab.spec.samples + lab.spec.test_samples
    key = lab.key(f"hidden_vectors_n={n}")
    x = [tm.SparseFeatures(n, sparsity=S).sample_active(key, count) for S in lab.spec.sparsity]
    h = W @ np.stack(x)
    h /= np.sqrt(np.square(h).sum(axis=1).mean(axis=-1))[:, None, None]
    return h[..., : lab.spec.samples], h[..., lab.spec.samples :]


def train_dictionaries(lab: tm.Lab[Spec], n: int, h: np.ndarray, test: np.ndarray) -> xr.Dataset:
    """Train autoencoders at each sparsity on its own hidden vectors, at each L1 coefficient."""
    spec, m = lab.spec, h.shape[1]

    def problem(hidden_vectors, l1):
        objective = tm.SparseDictionary(
            lambda key: tm.ReluDictionary(m, n, key=key),
            hidden_vectors["train"],
            l1,
            hidden_vectors["test"],
            batch_size=spec.batch_size,
        )
        return objective, tm.unit_norm(optax.adam(spec.dictionary_learning_rate))

    def measure(objective, model, _):
        x = objective.test_activations
        return {"shrinkage": recovery.shrinkage(x, model(x))}

    hidden_vectors = {"train": h, "test": test}
    learned = lab.train(
        f"dictionaries_n={n}",
        problem,
        over=(tm.Axis("hidden_vectors", spec.sparsity, hidden_vectors), "l1"),
        steps=spec.dictionary_steps,
        restarts=spec.dictionary_restarts,
        refreshes=tm.even_steps(spec.dictionary_steps // 2, 3),
        probe=tm.Probe(measure, {"shrinkage": ()}, steps=[spec.dictionary_steps]),
    )
    names = {"seed": "dictionary_seed", "loss": "dictionary_loss", "activation": "hidden"}
    learned = learned.rename(names | {"hidden_vectors": "sparsity"}).isel(probed=-1, drop=True)
    return learned[["W_dec", "dictionary_loss", "shrinkage"]]


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    sizes = tm.members(data)
    figure = plotting.figure(max(8.1, 1.35 * sizes[0].sizes["sparsity"]), 9.0)
    top, rest = figure.subfigures(2, 1, squeeze=False, height_ratios=[0.85, 3.4]).ravel()
    draw_directions(top, sizes[0])
    axes = plotting.panels(rest, list(PANELS), [size_name(one) for one in sizes], sharey="row")
    for row, draw in zip(axes, PANELS.values(), strict=True):
        for ax, models in zip(row, sizes, strict=True):
            draw(ax, models)
        if row[0].get_legend_handles_labels()[0]:
            row[0].legend(loc="lower center", ncols=2)
    return figure


def claims(data: xr.DataTree) -> Iterator[tm.Claim]:
    sizes = [models.sortby(["sparsity", "l1"]) for models in tm.members(data)]
    for models in sizes:
        yield from claims_of_size(models)
    kept, missed = sparse_cosines(sizes)
    yield tm.OURS.above(
        "Sparse features, S >= 0.7, that a toy model represents are found (mean max cosine, all "
        "sizes)",
        0.95, kept,
    )  # fmt: skip
    yield tm.OURS.below(
        "Where sparse features are missed, S >= 0.7, the toy model does not hold them (mean max "
        "cosine of those that it does not represent, all sizes)",
        0.95, missed,
    )  # fmt: skip


def claims_of_size(models: xr.Dataset) -> Iterator[tm.Claim]:
    S, l1, of = models.sparsity.values, models.l1.values, f"{size_name(models)}: "
    sparse, grid = S >= 0.9, mmcs(models).mean("dictionary_seed")
    own, others = grid.max("l1").values, mmcs(models, "baseline_max_cosine")
    at_ends = grid.isel(l1=[0, -1]).max("l1").values
    gamma = models.shrinkage.mean("dictionary_seed").isel(sparsity=sparse)
    yield PAPER.within(
        of + "sparse features, S >= 0.9, are recovered at the best L1 (MMCS)", 0.95, 1, own[sparse]
    )
    yield tm.Source("ours: without sparsity nothing tells a basis from another").within(
        of + "dense features, S = 0, are not (MMCS at the best L1)", 0, 0.95, own[S == 0]
    )
    yield PAPER.above(
        of + "there is a sweet spot: at S >= 0.9 an L1 coefficient between the smallest and the "
        "largest is best (the MMCS it has over the better of these two)",
        0, (own - at_ends)[sparse], when=len(l1) > 2,
    )  # fmt: skip
    yield TOY_MODELS.above(
        of + "PCA does not recover them: at S >= 0.9 its MMCS is lower by",
        0.05, (own - others.sel(baseline="PCA").values)[sparse],
    )  # fmt: skip
    yield tm.Source("ours: it solves the same problem by other means").within(
        of + "scikit-learn's dictionary learning recovers them too, S >= 0.9 (MMCS)",
        0.9, 1, others.sel(baseline="scikit-learn").values[sparse],
    )  # fmt: skip
    yield GATED.below(
        of + "the L1 penalty shrinks the reconstruction, at each S >= 0.9 and coefficient (gamma)",
        1, gamma, when=l1[0] > 0,
    )  # fmt: skip
    yield GATED.falls(
        of + "the larger the L1 coefficient, the more (gamma, mean over S >= 0.9)",
        gamma.mean("sparsity"),
    )  # fmt: skip


def size_name(models: xr.Dataset) -> str:
    return f"n = {models.sizes['feature']}, m = {models.sizes['hidden']}"


EXPERIMENT = tm.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        n=(5,),
        m=(2,),
        importance_decay=(0.9,),
        sparsity=(0.0, 0.9),
        l1=(0.1, 0.4),
        alpha=(0.3,),
        restarts=2,
        steps=100,
        batch_size=64,
        dictionary_steps=100,
        samples=1024,
        test_samples=256,
    ),
    paper=Spec(
        n=(5, 40, 100),
        m=(2, 10, 20),
        importance_decay=(0.9, 0.97, 0.99),
        sparsity=(0.0, 0.5, 0.7, 0.9, 0.97, 0.99),
        alpha=(0.1, 0.3),
        restarts=8,
        steps=10_000,
        batch_size=1024,
        dictionary_restarts=4,
        dictionary_steps=20_000,
        samples=2**17,
    ),
    sweeps="sparsity",
    weights=tm.TIED | {"W_dec": ("hidden", "dictionary_feature")},
)

if __name__ == "__main__":
    EXPERIMENT.main()
