"""Correlated and anticorrelated features in two dimensions.

Source: Elhage et al. 2022, "Toy Models of Superposition", "The Geometry of Superposition":
correlated and anticorrelated features.

A correlated set is active as a whole, with independent values; of an anticorrelated set exactly one
member is active at a time. Each set is active with probability p = 1 - S. Left, at one S: the best
of all restarts, and the first of the others as they come, with their expected losses; one colour is
one set. Right, the share of restarts with each arrangement.

Members of a correlated set prefer to be orthogonal, and leave the opposite directions, where
interference is cheap, to other sets: two sets of two form a square with each set on neighbouring
corners. Its loss is 2 p^2 / 3 without biases, as interference needs two active sets. Where that is
not possible they prefer to be side by side: three sets of two form a hexagon. Most restarts find a
pentagon instead, in which one set shares a single direction; its sets are side by side too. Members
of an anticorrelated set prefer to be antipodal: they never interfere, and the loss is exactly 0. By
chance a third of the squares would be of this kind; nine of ten restarts are at S = 0.5, and about
half from S = 0.9 on. The others lose p^2 / 6: their antipodal pairs mix the sets. At S = 0.5
each correlated set shares one direction, and the model represents its sum.

Deviations:
- The source prints neither S nor the optimiser: S = {sparsity} here, and AdamW, learning rate
  {learning_rate:g} ({schedule} schedule), weight decay {weight_decay:g}, {steps:,} steps of batch
  {batch_size:,} given that a set is active, initial weights {init_scale:g} times Xavier's.
- The source shows a few runs of each kind; here the arrangements of {restarts} are counted.
- Losses are sums over the active sets with exact probabilities, of 2^15 samples each.
"""

from collections.abc import Iterator
from itertools import product
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry, membership, plotting

PAPER = fig.Source("Elhage et al. 2022, correlated and anticorrelated features")
RESTARTS = fig.Source("ours: how often single restarts reach the arrangement")
KINDS = {"correlated": tm.CorrelatedFeatures, "anticorrelated": tm.AnticorrelatedFeatures}
OUTCOMES = BASIS, ANTIPODAL, BESIDE, SHARED, _ = membership.SET_ARRANGEMENTS
COLUMNS = 6
MOST_SETS = 6  # 2^6 sets of active sets
SPARSE = slice(0.9, None)
PAIR = ("feature", "feature_other")


class Spec(fig.AnnealedSpec):
    """Settings; the source prints no optimiser."""

    kind: Annotated[tuple[Literal["correlated", "anticorrelated"], ...], Field(min_length=1)] = (
        "correlated",
        "anticorrelated",
        "correlated",
    )
    """How the members of a set depend on each other, for each case."""
    n: fig.Counts = (4, 4, 6)
    """Features of each case."""
    sets: fig.Counts = (2, 2, 3)
    """Sets of each case, of equal size; at least two members each."""
    sparsity: fig.ActiveSparsities = (0.5, 0.8, 0.9, 0.95, 0.98)
    """S, the probability that a set is inactive."""
    shown: fig.Fraction = 0.95
    """The S whose models are drawn, or the nearest of the sparsities."""
    init_scale: fig.Positive = 0.1
    """Factor on the initial weights."""
    restarts: fig.Count = 64
    steps: fig.Count = 3000
    batch_size: fig.Count = 256

    @property
    def cases(self) -> list[SimpleNamespace]:
        """Kind, n and sets of each case."""
        return self.zipped("kind", "n", "sets")

    def check(self) -> None:
        for case in self.cases:
            fig.check_sets(case.n, case.sets)
        if max(self.sets) > MOST_SETS:
            raise ValueError(f"sets must be at most {MOST_SETS}; got {max(self.sets)}")
        self.check_distinct("kind", "n", "sets")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    return tm.gather([train(lab, case) for case in lab.spec.cases])


def train(lab: fig.Lab[Spec], case: SimpleNamespace) -> xr.Dataset:
    """Train the models of one case, and measure their losses."""
    spec = lab.spec

    def problem(sparsity):
        return objective(spec, case, sparsity=sparsity), spec.adamw()

    name = f"{case.kind}.n={case.n}.sets={case.sets}"
    models = lab.train(name, problem, axes="sparsity")
    models = models.assign(expected_loss=expected_loss(lab, case, models, f"test set of {name}"))
    return models.assign_coords(kind=case.kind, n=case.n, sets=case.sets, shown=spec.shown)


def objective(spec: Spec, case: SimpleNamespace, **density: Any) -> tm.Reconstruction:
    """Return the objective of one case at a sparsity or probability."""
    features = KINDS[case.kind]([case.n // case.sets] * case.sets, **density)

    def model(key):
        return tm.ReluOutput(case.n, 2, key=key, init_scale=spec.init_scale)

    return tm.Reconstruction(features, model, spec.batch_size, 2**15, given_active=True)


def expected_loss(
    lab: fig.Lab[Spec], case: SimpleNamespace, models: xr.Dataset, name: str
) -> xr.DataArray:
    """Sum the loss over the sets of active sets, with exact probabilities.

    Sampled as in training, it would be noisy: sparse sets are rarely active together.
    """
    key, p = lab.key(name), 1 - models.sparsity
    total = (np.maximum(models.b, 0) ** 2).sum("feature") * (1 - p) ** case.sets
    for active in list(product((0.0, 1.0), repeat=case.sets))[1:]:
        k = int(sum(active))
        given = tm.evaluate(
            models, objective(lab.spec, case, probability=np.array(active)), key=key
        )
        total = total + p**k * (1 - p) ** (case.sets - k) * given
    return total


def outcomes(models: xr.Dataset) -> xr.DataArray:
    """Name the arrangement of each model, one of OUTCOMES."""
    return membership.set_arrangement(models.W, models.set)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    cases = tm.select_all(data)
    figure = plotting.figure(11.4, 1.8 * len(cases) + 0.5)
    grid = figure.add_gridspec(len(cases), COLUMNS + 1, width_ratios=[1] * COLUMNS + [2.2])
    models = [
        ranked(case.isel(sparsity=abs(case.sparsity - case.shown).argmin("sparsity")))
        for case in cases
    ]
    limit = plotting.shared_limit(1.0, *(geometry.norms(few.W) for few in models))
    colors = dict(zip(OUTCOMES, plotting.kind_colors(len(OUTCOMES)), strict=True))
    for row, (case, few) in enumerate(zip(cases, models, strict=True)):
        axes = [figure.add_subplot(grid[row, column]) for column in range(few.sizes["seed"])]
        draw_models(axes, few, limit)
        ax = figure.add_subplot(grid[row, COLUMNS])
        names = outcomes(case)
        shares = {name: (names == name).mean("seed") for name in OUTCOMES}
        plotting.share_lines(ax, case.sparsity, shares, colors)
        ax.set(ylabel=f"share of {case.sizes['seed']} restarts", ylim=(-0.04, 1.04))
    ax.set_xlabel("S, the probability that a set is off")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower right", ncols=len(OUTCOMES))
    return figure


def ranked(models: xr.Dataset) -> xr.Dataset:
    """Return the best restart and the first of the others, as many as there are columns."""
    best = int(models.expected_loss.argmin("seed"))
    others = [seed for seed in range(models.sizes["seed"]) if seed != best]
    return models.isel(seed=[best, *others[: COLUMNS - 1]])


def draw_models(axes: list[Axes], models: xr.Dataset, limit: float) -> None:
    """Draw restarts at one S, the best one first, with their losses."""
    colors = plotting.feature_colors(models.sets.item())[models.set.values]
    p = 1 - models.sparsity.item()
    for i, ax in enumerate(axes):
        one = models.isel(seed=i)
        plotting.feature_arrows(ax, one.W, colors, limit)
        ax.set_title(
            f"{'best, loss ' if i == 0 else ''}{one.expected_loss.item() / p**2:.2f} $p^2$"
        )
    size = models.n.item() // models.sets.item()
    axes[0].set_ylabel(f"{models.sets:d} sets of {size}\n{models.kind.item()}\nS = {1 - p:g}")


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    for case in tm.select_all(data, sets=2, n=4):
        kind = {"correlated": correlated_pairs, "anticorrelated": anticorrelated_pairs}
        yield from kind[case.kind.item()](case.sortby("sparsity"))
    for case in tm.select_all(data, kind="correlated", sets=3, n=6):
        yield from three_pairs(case.sortby("sparsity"))


def correlated_pairs(case: xr.Dataset) -> Iterator[fig.Claim]:
    """Measure two sets of two correlated features."""
    best = best_of(case).sel(sparsity=SPARSE)
    own, other = membership.set_cosines(best.W, best.set)
    yield PAPER.claim(
        "Two correlated pairs, S >= 0.9: the best model has each pair orthogonal (|cosine|)"
    ).below(0.1, abs(own).max(PAIR))
    yield PAPER.claim(
        "Two correlated pairs, S >= 0.9: its features are antipodal across pairs (cosine of each "
        "to its antipode)"
    ).below(-0.95, other.min("feature_other"))
    yield RESTARTS.claim(
        "Two correlated pairs, S >= 0.9: its loss is close to the 2 p^2 / 3 of a square without "
        "biases (loss over that)"
    ).within(0.95, 1.02, best.expected_loss / (2 / 3 * (1 - best.sparsity) ** 2))
    yield RESTARTS.claim(
        "Two correlated pairs, S >= 0.9: nearly every restart gets there (share, for each S)"
    ).above(0.9, share(case, BASIS).sel(sparsity=SPARSE))


def anticorrelated_pairs(case: xr.Dataset) -> Iterator[fig.Claim]:
    """Measure two sets of two anticorrelated features."""
    best = best_of(case)
    own, _ = membership.set_cosines(best.W, best.set)
    yield PAPER.claim(
        "Two anticorrelated pairs: the best model has each pair antipodal, at every S (cosines)"
    ).below(-0.99, own.min("feature_other"))
    yield RESTARTS.claim(
        "Two anticorrelated pairs: its loss is 0, as members never interfere (loss over p^2)"
    ).below(1e-6, best.expected_loss / (1 - best.sparsity) ** 2)
    yield RESTARTS.claim(
        "Two anticorrelated pairs, S >= 0.9: a quarter to two thirds of the restarts get "
        "there (share, for each S)"
    ).within(1 / 4, 2 / 3, share(case, ANTIPODAL).sel(sparsity=SPARSE))
    mixed = case.expected_loss.where(outcomes(case) == BASIS) / (1 - case.sparsity) ** 2
    mean = mixed.mean("seed").dropna("sparsity")
    yield RESTARTS.claim(
        "Two anticorrelated pairs: squares whose antipodal pairs mix the sets lose p^2 / 6 "
        "(mean loss over p^2 / 6, for each S)"
    ).within(0.9, 1.05, 6 * mean)


def three_pairs(case: xr.Dataset) -> Iterator[fig.Claim]:
    """Measure three sets of two correlated features."""
    best = best_of(case)
    yield PAPER.claim(
        "Three correlated pairs, S >= 0.9: in the best model members are side by side (at each S)"
    ).equal(1, outcomes(best).isin([BESIDE, SHARED]).sel(sparsity=SPARSE))
    rare = slice(0.95, None)
    yield PAPER.claim(
        "Three correlated pairs, S >= 0.95: the best is a hexagon (angles between neighbours)"
    ).within(45, 75, geometry.angular_gaps(best.W.sel(sparsity=rare)))
    yield RESTARTS.claim(
        "Three correlated pairs, S >= 0.9: nearly every restart has members side by side (share, "
        "for each S)"
    ).above(0.95, share(case, BESIDE, SHARED).sel(sparsity=SPARSE))
    yield RESTARTS.claim(
        "Three correlated pairs, S >= 0.95: many restarts end with one pair on a single direction "
        "(share, for each S)"
    ).above(0.4, share(case, SHARED).sel(sparsity=rare))


def best_of(models: xr.Dataset) -> xr.Dataset:
    """Return the restart with the lowest expected loss for each S."""
    return tm.best_of(models, by="expected_loss")


def share(models: xr.Dataset, *names: str) -> xr.DataArray:
    """Return the share of restarts with one of these arrangements, for each S."""
    return outcomes(models).isin(names).mean("seed")


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(sparsity=(0.5, 0.95), restarts=2, steps=50, batch_size=64),
    paper=Spec(restarts=256, steps=10_000, batch_size=1024),
    describes={
        "expected_loss": "expected loss, a sum over the sets of active sets",
        "kind": "dependence of the members of a set",
        "shown": "the S whose models are drawn, or the nearest one",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
