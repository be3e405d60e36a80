"""Which features of a toy model sparse autoencoders find again, and which not.

Source: Sharkey et al. 2022, "Taking features out of superposition with sparse autoencoders",
on the toy models of Elhage et al. 2022, as in the exercises of ARENA 3.0, chapter 1.3.1.

ReLU-output models put n features into m dimensions. Sparse autoencoders with an L1 penalty are
trained on the hidden vectors h = W x, and their decoder's columns are compared with the true
features, the columns of W, by their mean max cosine similarity (MMCS) over the features that
the model represents; so are scikit-learn's dictionary learning, PCA and random directions.
Each point uses the L1 coefficient with the best MMCS, averaged over the autoencoder's restarts;
the toy model is the best of its restarts by test loss.

Recovery fails for two reasons. Features that the toy model does not represent are absent from its
hidden vectors; and with dense features (S = 0 and S = 0.5) the hidden vectors of the larger sizes
are not sparse sums, so no basis is preferred: at S = 0 the MMCS is at chance level.

Findings: the best coefficient lies inside the grid at every size, at 0.2 to 0.8 for S = 0.9 and
0.99. At 3.2 the MMCS of the larger sizes is that of random directions, and gamma, which falls with
L1 up to 1.6 at every size, is higher there than at 1.6: the claim on gamma fails for this point
only. In two dimensions random directions have an MMCS of about 0.76, and even dense features are
nearly recovered (0.89 to 0.99 for three seeds): perhaps because the vectors fill the quadrant whose
edges are the two features that the toy model represents.

Deviations:
- Toy models train for {steps:,} steps, autoencoders for {dictionary_steps:,} on {samples:,} hidden
  vectors, {batch_size:,} samples a step.
- The source's hidden vectors are sums of random directions in 256 dimensions; here, as in ARENA,
  those of trained toy models, without h = 0, the samples that have no active feature.
- A dictionary has as many features as the toy model: larger ones have a higher MMCS by chance,
  which in two dimensions is most of it.
- The best L1 and scikit-learn's alpha are chosen by MMCS itself, which takes the true features.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

import toymodels as tm
from experiments.dictionary_learning._measures import at_best_l1, baseline_max_cosines, with_mmcs
from toymodels import figure as fig
from toymodels import plotting, recovery

SHARKEY = fig.Source("Sharkey et al. 2022")
GATED = fig.Source("Rajamanoharan et al. 2024, Gated SAEs")
DENSE = fig.Source("ours: without sparsity nothing tells a basis from another")
CROWDED = fig.Source("Elhage et al. 2022: there are more features than orthogonal directions")
OTHERS = fig.Source("ours: it solves the same problem by other means")
_, TEAL, GOLD = plotting.kind_colors(3)
BASELINES = {"scikit-learn": ("s--", TEAL), "PCA": ("^-.", GOLD), "random": (":", plotting.MUTED)}


class Spec(fig.TrainingSpec):
    """Settings of the toy models and, where they say so, of the autoencoders on their vectors."""

    n: fig.Counts = (5, 40, 60)
    """Number of features, one for each size; the first size has m = 2 and is drawn."""
    m: fig.Counts = (2, 10, 15)
    """Number of hidden dimensions, one for each size."""
    importance_decay: fig.Positives = (0.9, 0.97, 0.98)
    """Importance of feature i is this to the power of i, one for each size."""
    sparsity: fig.Sparsities = (0.0, 0.5, 0.7, 0.9, 0.99)
    """S, the probability that a feature is inactive."""
    l1: fig.PositiveSweep = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
    """L1 coefficients of the autoencoders, for hidden vectors scaled to mean square length 1."""
    alpha: fig.Positives = (0.2,)
    """L1 coefficients of scikit-learn's dictionary learning; half of ours, by its convention."""
    restarts: fig.Count = 3
    steps: fig.Count = 2000
    batch_size: fig.Count = 512
    """Samples a step, of toy models and of autoencoders."""
    learning_rate: fig.Positive = 1e-2
    schedule: Literal["constant", "cosine"] = "cosine"
    dictionary_steps: fig.Count = 2000
    """Optimiser steps of the autoencoders; dead units are revived three times in the first half."""
    dictionary_restarts: fig.Count = 2
    """Autoencoders trained on each toy model at each L1 coefficient."""
    dictionary_learning_rate: fig.Positive = 3e-3
    """Adam's learning rate for the autoencoders."""
    samples: fig.Count = 2**15
    """Hidden vectors that the autoencoders are trained on."""
    test_samples: fig.Count = 4096
    """Fresh ones that they are measured on; the baselines are fitted to these."""

    @property
    def sizes(self) -> list[Any]:
        """An object with n, m and importance_decay for each size."""
        return self.zipped("n", "m", "importance_decay")

    def check(self) -> None:
        for size in self.sizes:
            fig.check_importance(size.importance_decay, size.n)
        if self.m[0] != 2 or len(set(self.n)) < len(self.n):
            raise ValueError("sizes must differ in n, and the first must have m = 2")
        if self.test_samples < max(self.m):
            raise ValueError(f"test_samples must be at least {max(self.m)}, the components of PCA")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    return tm.gather(recover(lab, size.n, size.m, size.importance_decay) for size in lab.spec.sizes)


def recover(lab: fig.Lab[Spec], n: int, m: int, decay: float) -> xr.Dataset:
    """Train toy models of one size, and autoencoders on the hidden vectors of the best ones."""
    spec = lab.spec

    def toy_model(sparsity):
        features = tm.SparseFeatures(n, sparsity=sparsity, importance=decay ** np.arange(n))
        objective = tm.Reconstruction(
            features, lambda key: tm.ReluOutput(n, m, key=key), spec.batch_size
        )
        return objective, spec.adamw()

    def autoencoder(hidden_vectors, l1):
        train, test = hidden_vectors
        objective = tm.SparseDictionary(
            lambda key: tm.ReluDictionary(m, n, key=key), train, l1, test, spec.batch_size
        )
        return objective, tm.with_unit_columns(optax.adam(spec.dictionary_learning_rate))

    toys = lab.train(f"toys_n={n}", toy_model, axes="sparsity")
    W = tm.best_of(toys).W
    train, test = hidden_vectors(lab, W)
    autoencoders = lab.train(
        f"dictionaries_n={n}",
        autoencoder,
        axes=(tm.Axis("hidden_vectors", spec.sparsity, (train, test)), "l1"),
        steps=spec.dictionary_steps,
        restarts=spec.dictionary_restarts,
        refreshes=tm.resample_dead_units(spec.dictionary_steps),
        probe=tm.Probe(shrinkage, {"shrinkage": ()}),
    )
    names = {"seed": "dictionary_seed", "loss": "dictionary_loss", "activation": "hidden"}
    learned = autoencoders[["W_dec", "loss", "shrinkage"]].rename(
        names | {"hidden_vectors": "sparsity"}
    )
    baselines = baseline_max_cosines(W, test, spec.alpha, lab.integer(f"baselines_n={n}"))
    return (
        xr.merge([toys, learned])
        .assign(max_cosine=recovery.max_cosines(W, learned.W_dec), baseline_max_cosine=baselines)
        .assign_coords(n=n)
    )


def hidden_vectors(lab: fig.Lab[Spec], W: xr.DataArray) -> list[np.ndarray]:
    """Draw h = W x [sparsity, m, samples] of mean square length 1; return train and test."""
    spec, n = lab.spec, len(W.feature)
    key, count = lab.key(f"hidden_vectors_n={n}"), spec.samples + spec.test_samples
    x = [tm.SparseFeatures(n, sparsity=S).sample_active(key, count) for S in spec.sparsity]
    h = tm.with_unit_mean_square(W.values @ np.stack(x))
    return np.split(h, [spec.samples], axis=-1)


def shrinkage(objective: Any, model: Any, key: Any) -> dict[str, Any]:
    """Return the shrinkage of an autoencoder's reconstructions of the test vectors."""
    h = objective.test_activations
    return {"shrinkage": recovery.shrinkage(h, model(h))}


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    sizes = [with_mmcs(models) for models in tm.select_all(data)]
    figure = plotting.figure(11.4, 6.4)
    top, rest = figure.subfigures(2, 1, squeeze=False, height_ratios=[1, 2.6]).ravel()
    draw_directions(top, at_best_l1(sizes[0]))
    left, right = rest.subfigures(1, 2, squeeze=False, width_ratios=[len(sizes) + 0.1, 1]).ravel()
    rows = ["MMCS at the best L1", "L1 coefficient (cells: MMCS)"]
    axes = plotting.panels(left, rows, [models.attrs["size"] for models in sizes], sharey="row")
    for (over_sparsity, table), models in zip(axes.T, sizes, strict=True):
        draw_mmcs(over_sparsity, models)
        grid = models.mmcs.mean("dictionary_seed").transpose("l1", "sparsity")
        plotting.value_table(table, models.sparsity, models.l1, grid, 0.5, 1)
        table.set_xlabel("S (feature sparsity)")
    axes[0, 0].legend(loc="lower center", ncols=2)
    words = (
        "MMCS: the mean, over the features that the toy model holds, of a feature's highest cosine"
    )
    left.suptitle(f"{words} with a learned direction", fontsize=8)
    draw_features(right.subplots(), [at_best_l1(models) for models in sizes])
    return figure


def draw_directions(row: FigureBase, models: xr.Dataset) -> None:
    """Draw the features in the plane, and the columns of the autoencoder with the lowest loss."""
    W, found = tm.best_of(models).W, tm.best_of(models, "dictionary_seed", "dictionary_loss").W_dec
    limit = plotting.shared_limit(1.0, models.length, margin=1.15)
    titles = [plotting.sparsity_label(S) for S in models.sparsity.values]
    for ax, w, D in zip(plotting.panels(row, [""], titles)[0], W, found, strict=True):
        plotting.directions_over(ax, w, D, limit)
    words = (
        "true features (blue), and what the autoencoder found at the best L1 coefficient (rings)"
    )
    row.suptitle(f"{models.attrs['size']}: {words}", fontsize=8)


def draw_mmcs(ax: Axes, models: xr.Dataset) -> None:
    """Draw the MMCS of autoencoders, restarts as dots, and of the baselines."""
    autoencoders = {"autoencoder": at_best_l1(models).mmcs}
    plotting.restart_sweeps(ax, models.sparsity, autoencoders, [plotting.INK])
    for name, (style, color) in BASELINES.items():
        ax.plot(models.baseline_mmcs.sel(baseline=name), style, color=color, label=name)
    ax.set(ylim=(0.3, 1.03), xlabel="S (feature sparsity)")


def draw_features(ax: Axes, sizes: list[xr.Dataset]) -> None:
    """Draw each feature's max cosine against its length in the toy model."""
    sparsities = sizes[0].sparsity.values
    for i, color in enumerate(plotting.ordered_colors(len(sparsities))):
        for models in (size.isel(sparsity=i) for size in sizes):
            found = models.max_cosine.mean("dictionary_seed")
            (dots,) = ax.plot(models.length, found, "o", color=color, markersize=2.5)
        dots.set_label(plotting.sparsity_label(sparsities[i]))
    ax.axvline(0.5, color=plotting.FAINT, linewidth=0.8, zorder=0)
    ax.set(xlabel=r"$|W_i|$, its length: held above 1/2", ylabel="highest cosine with a direction")
    ax.set(ylim=(0, 1.05), title="each feature of all sizes, best L1")
    ax.legend(loc="lower center")


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    sizes = [with_mmcs(models.sortby(["sparsity", "l1"])) for models in tm.select_all(data)]
    for models in sizes:
        yield from claims_of_size(models)
    sparse = [at_best_l1(models).sel(sparsity=slice(0.7, None)) for models in sizes]
    held = [models.max_cosine.where(models.held) for models in sparse]
    missed = [models.max_cosine.where(~models.held) for models in sparse]
    yield fig.OURS.claim(
        "S >= 0.7: features that a toy model represents are found (mean max cosine, all sizes)"
    ).above(0.95, mean(held))
    yield fig.OURS.claim(
        "S >= 0.7: what is missed is not represented (mean max cosine of those that are not)"
    ).below(0.95, mean(missed))


def mean(cosines: Sequence[xr.DataArray]) -> xr.DataArray | float:
    """Average the cosines of all sizes except NaN; NaN if there are none."""
    return sum(each.sum() for each in cosines) / sum(each.count() for each in cosines)


def claims_of_size(models: xr.Dataset) -> Iterator[fig.Claim]:
    sparse = models.sel(sparsity=slice(0.9, None))
    mmcs, baselines = sparse.mmcs.mean("dictionary_seed"), sparse.baseline_mmcs
    best, size = mmcs.max("l1"), models.attrs["size"]
    yield SHARKEY.claim(f"{size}, S >= 0.9: features are recovered at the best L1 (MMCS)").within(
        0.95, 1, best
    )
    dense = tm.at(models.mmcs, sparsity=0).mean("dictionary_seed").max("l1")
    yield DENSE.claim(f"{size}, S = 0: features are not (MMCS)").within(0, 0.95, dense)
    if len(models.l1) > 2:
        yield SHARKEY.claim(
            f"{size}, S >= 0.9: an L1 between the smallest and the largest is best (its MMCS over "
            "theirs)"
        ).above(0, best - mmcs.isel(l1=[0, -1]).max("l1"))
    if len(models.feature) > len(models.hidden):
        yield CROWDED.claim(
            f"{size}, S >= 0.9: PCA does not recover them (the MMCS of autoencoders over its)"
        ).above(0.05, best - baselines.sel(baseline="PCA"))
    yield OTHERS.claim(
        f"{size}, S >= 0.9: scikit-learn's dictionary learning recovers them too (MMCS)"
    ).within(0.9, 1, baselines.sel(baseline="scikit-learn"))
    gamma = sparse.shrinkage.mean("dictionary_seed")
    yield GATED.claim(f"{size}, S >= 0.9: the L1 penalty shrinks x' (gamma)").below(1, gamma)
    yield GATED.claim(f"{size}, S >= 0.9: the larger L1, the more (mean gamma)").falls(
        gamma.mean("sparsity")
    )


EXPERIMENT = fig.Experiment(
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
    describes={
        "dictionary_seed": "restart of the autoencoder",
        "dictionary_loss": "loss of the autoencoder on fresh hidden vectors",
        "shrinkage": "gamma, the factor by which reconstructions are too short",
        "max_cosine": "cosine of a feature to the nearest dictionary feature",
        "baseline": "other method of recovery",
        "baseline_max_cosine": "cosine of a feature to the nearest direction of another method",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
