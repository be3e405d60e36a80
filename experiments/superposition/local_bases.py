"""Two sets of correlated features, each orthogonal within: local almost-orthogonal bases.

Source: Elhage et al. 2022, "Toy Models of Superposition", "The Geometry of Superposition":
correlated features, local almost-orthogonal bases.

Twenty features share ten dimensions. Left, W^T W of the best model of two sets of ten that are
active as a whole; middle, of independent features with the same probabilities. The features are
ordered by set, and those of the second set by their antipodes in the first. Right, the share of the
interference, the sum of (W_i . W_j)^2 over i != j, between members of one set.

Every set is an orthonormal basis of the whole space, and all interference is between sets. At first
the two bases are turned against each other; with more steps they become ten antipodal pairs, the
arrangement of lower loss, and every pair has one member of each set. Independent features form
antipodal pairs as well, but without regard to the sets: about 9 of 19 pairs are then within a set.
At S = 0.9 and 0.95, sets are active together more often: some features are left out (S = 0.9) or
share a direction (S = 0.95), and the sets are less orthogonal within.

Deviations:
- The source prints neither the sizes, nor S, nor the optimiser: two sets of ten in ten dimensions
  and S = 0.99 follow a public replication; AdamW, learning rate {learning_rate:g} ({schedule}
  schedule), weight decay {weight_decay:g}, {steps:,} steps of batch {batch_size:,} given that a
  feature is active, initial weights {init_scale:g} times Xavier's, {restarts} restarts.
- The independent features are not in the source.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry, membership, plotting

PAPER = fig.Source("Elhage et al. 2022, correlated features, local almost-orthogonal bases")
CONTROL = fig.Source("ours: independent features as a control")
PAIRS = fig.Source("ours: how the bases lie to each other")
KINDS = ("correlated", "independent")
PAIR = ("feature", "feature_other")


class Spec(fig.AnnealedSpec):
    """Settings; the source prints neither sizes nor optimiser."""

    n: fig.Count = 20
    """Features."""
    m: fig.Count = 10
    """Hidden dimensions."""
    sets: Annotated[fig.Count, Field(ge=2)] = 2
    """Sets of equal size; at least two, with at least two members each."""
    sparsity: fig.ActiveSparsities = (0.9, 0.95, 0.98, 0.99)
    """S, the probability that a set, or an independent feature, is inactive."""
    init_scale: fig.Positive = 0.1
    """Factor on the initial weights."""
    restarts: fig.Count = 6
    steps: fig.Count = 4000
    batch_size: fig.Count = 512
    learning_rate: fig.Positive = 3e-2

    def check(self) -> None:
        fig.check_sets(self.n, self.sets)
        if self.m > self.n:
            raise ValueError(f"m must be at most n; got {self.m} dimensions")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    return tm.gather([train(lab, kind) for kind in KINDS])


def train(lab: fig.Lab[Spec], kind: str) -> xr.Dataset:
    """Train models of correlated or independent features."""
    spec = lab.spec
    sizes = [spec.n // spec.sets] * spec.sets

    def model(key):
        return tm.ReluOutput(spec.n, spec.m, key=key, init_scale=spec.init_scale)

    def problem(sparsity):
        features = (
            tm.CorrelatedFeatures(sizes, sparsity=sparsity)
            if kind == "correlated"
            else tm.SparseFeatures(spec.n, sparsity=sparsity)
        )
        objective = tm.Reconstruction(
            features, model, spec.batch_size, test_samples=2**18, given_active=True
        )
        return objective, spec.adamw()

    models = lab.train(kind, problem, axes="sparsity")
    return models.assign_coords(kind=kind, set=("feature", np.repeat(range(spec.sets), sizes[0])))


def share_within(models: xr.Dataset) -> xr.DataArray:
    """Return the share of the squared interference between members of one set, for each model."""
    squared = geometry.gram(models.W) ** 2
    others = squared.where(~np.eye(models.sizes["feature"], dtype=bool))
    return others.where(membership.same_set(models.set)).sum(PAIR) / others.sum(PAIR)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    figure = plotting.figure(11.4, 3.9)
    axes = figure.subplots(1, 4, width_ratios=[1, 1, 0.045, 1.05])
    for ax, kind in zip(axes, KINDS, strict=False):
        best = tm.best_of(tm.select(data, kind=kind)).sortby("sparsity").isel(sparsity=-1)
        order = by_antipodes(best)
        plotting.gram_with_bias(ax, best.W.isel(feature=order), best.b.isel(feature=order))
        ax.set_title(f"{kind}: $W^T W$ and b at S = {best.sparsity.item():g}")
    draw_sets(axes[0], best)
    plotting.sign_key(axes[2])
    draw_shares(axes[3], data)
    return figure


def by_antipodes(model: xr.Dataset) -> list[int]:
    """Return the features ordered by set, those of a later set by their antipodes in the first."""
    gram, sets = geometry.gram(model.W).values, model.set.values
    first = np.flatnonzero(sets == sets[0])
    antipode = gram[first].argmin(axis=0)
    return sorted(range(len(sets)), key=lambda i: (sets[i], antipode[i] if i not in first else i))


def draw_sets(ax: Axes, model: xr.Dataset) -> None:
    """Name the sets beside the rows of W^T W."""
    names, sizes = np.unique(model.set.values, return_counts=True)
    middles = np.cumsum(sizes) - sizes / 2 - 0.5
    ax.set_yticks(middles, [f"set {name + 1}" for name in names], rotation=90, va="center")


def draw_shares(ax: Axes, data: xr.DataTree) -> None:
    """Draw the share of the interference within sets over S, of every restart."""
    by_kind = {kind: tm.select(data, kind=kind).sortby("sparsity") for kind in KINDS}
    shares = {kind: share_within(each).transpose("sparsity", ...) for kind, each in by_kind.items()}
    models = by_kind[KINDS[0]]
    plotting.restart_sweeps(ax, models.sparsity, shares)
    size = models.sizes["feature"] / len(np.unique(models.set))
    chance = (size - 1) / (models.sizes["feature"] - 1)
    ax.axhline(chance, color=plotting.FAINT, zorder=0)
    ax.text(0, chance, "random pairs", color=plotting.MUTED, va="bottom", fontsize=7)
    ax.set(ylim=(-0.03, 1.03), xlabel="S", title="share of the interference within sets")
    ax.legend(loc="upper right")


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    models = tm.select(data, kind="correlated").sortby("sparsity")
    if models.sizes["feature"] > len(np.unique(models.set)) * models.sizes["hidden"]:
        return  # a set larger than the space cannot be orthogonal
    rare = models.sel(sparsity=slice(0.98, None))
    best = tm.best_of(models).sel(sparsity=slice(0.98, None))
    yield PAPER.claim(
        "Correlated sets, S >= 0.98: orthogonal within a set (largest |W_i . W_j|, for each S)"
    ).below(0.1, abs(geometry.gram(best.W)).where(membership.same_set(best.set)).max(PAIR))
    yield PAPER.claim(
        "Correlated sets, S >= 0.98: all features are represented, with length 1 (lengths)"
    ).within(0.9, 1.1, geometry.norms(best.W))
    yield PAPER.claim(
        "Correlated sets, S >= 0.98: interference is between sets (largest share within sets of "
        "any restart, for each S)"
    ).below(0.05, share_within(rare).max("seed"))
    independent = tm.select(data, kind="independent").sel(sparsity=slice(0.98, None))
    yield CONTROL.claim(
        "Independent features, S >= 0.98: interference has no regard to the sets (mean share "
        "within sets, for each S)"
    ).above(0.2, share_within(independent).mean("seed"))
    if models.sizes["feature"] == 2 * models.sizes["hidden"]:
        yield PAIRS.claim(
            "Correlated sets, S >= 0.98: in the best model every feature has an antipode in the "
            "other set (cosines)"
        ).below(-0.95, antipodes(best))
        yield PAIRS.claim(
            "Correlated sets, S >= 0.98: most restarts get there (share of both S)"
        ).share_above(0.5, (antipodes(rare) < -0.95).all("feature"))


def antipodes(models: xr.Dataset) -> xr.DataArray:
    """Return the cosine of each feature to the most opposite one of another set."""
    return membership.set_cosines(models.W, models.set).other.min("feature_other")


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(n=8, m=4, sparsity=(0.9, 0.99), restarts=2, steps=50, batch_size=64),
    paper=Spec(restarts=16, steps=20_000, batch_size=1024),
    describes={"kind": "dependence of the features"},
)

if __name__ == "__main__":
    EXPERIMENT.main()
