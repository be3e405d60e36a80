"""Five features in two dimensions, from dense to sparse.

Source: Elhage et al. 2022, "Toy Models of Superposition", introduction: features in two
dimensions as sparsity increases.

A ReLU-output model has two hidden dimensions for five features of decreasing importance.
Dense features: the two most important ones are represented, one per dimension. Sparser: four of
them, as two antipodal pairs. Sparse: all five, as a regular pentagon. m = 2 is the hardest width
to optimise, so each panel shows the best of `restarts` models by test loss; the grey rings in the
middle row show how many features each of the others represents.

Deviations:
- The source prints no optimiser settings here; these are AdamW, learning rate {learning_rate:g},
  weight decay {weight_decay:g}, batch {batch_size:,}, {steps:,} steps (its notebook: 1e-3, 1e-2,
  1,024 and 10,000).
- The source shows three panels of single models; here each is the best of {restarts} restarts by
  test loss.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry, plotting

PAPER = fig.Source("Elhage et al. 2022, introduction")
RESTARTS = fig.Source("ours: the source shows single models")


class Spec(fig.TrainingSpec):
    """Settings; the source prints no optimiser, this is its notebook's."""

    n: Annotated[fig.Count, Field(ge=3)] = 5
    """Number of features, for two dimensions."""
    sparsity: fig.Sparsities = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
    """S, the probability that a feature is inactive; one panel each."""
    importance_decay: fig.Positive = 0.9
    """Importance of feature i is this to the power of i."""
    restarts: fig.Count = 16

    def check(self) -> None:
        fig.check_importance(self.importance_decay, self.n)


def run(lab: fig.Lab[Spec]) -> xr.Dataset:
    spec = lab.spec
    importance = spec.importance_decay ** np.arange(spec.n)

    def problem(sparsity):
        features = tm.SparseFeatures(spec.n, sparsity=sparsity, importance=importance)
        objective = tm.Reconstruction(
            features, lambda key: tm.ReluOutput(spec.n, 2, key=key), spec.batch_size
        )
        return objective, spec.adamw()

    models = lab.train("relu_output", problem, axes="sparsity")
    return models.assign(importance=("feature", importance))


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    best, colors = tm.best_of(data), plotting.importance_colors(data.importance)
    panels, restarts = data.sizes["sparsity"], data.sizes["seed"]
    places = np.arange(panels)
    figure = plotting.figure(max(1.2 * panels, 4) + 1.4, 4.8)
    # no padding, so that panels align with the axis below
    figure.set_layout_engine("constrained", w_pad=0, wspace=0, rect=(0.006, 0, 0.988, 1))
    grid = figure.add_gridspec(3, panels, height_ratios=[1.25, 0.8, 1])
    limit = plotting.shared_limit(1.0, geometry.norms(best.W), margin=1.15)
    for i, S in enumerate(data.sparsity.values):
        ax = figure.add_subplot(grid[0, i])
        plotting.feature_arrows(ax, best.W.sel(sparsity=S), colors, limit)
        ax.set_title(plotting.sparsity_label(S))
    count = figure.add_subplot(grid[1, :])
    counts = geometry.represented_count(data.W)
    plotting.restart_counts(count, places, counts, geometry.represented_count(best.W))
    count.set(xlim=(-0.5, panels - 0.5), xticks=[], ylabel="number")
    count.set_title(
        f"features represented, $|W_i| > 1/2$: grey all {restarts} restarts, black the best one, "
        "shown above and below"
    )
    dots = figure.add_subplot(grid[2, :])
    plotting.dot_strip(dots, places, geometry.dimensionality(best.W), colors)
    dots.set_title("share of a dimension that each feature has; darker: more important")
    plotting.even_axis(dots.xaxis, data.sparsity)
    dots.set(xlim=count.get_xlim(), yticks=[], xlabel="S, the probability that a feature is off")
    dots.set_ylabel("dimensionality")
    figure.align_ylabels()
    return figure


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    data = data.sortby("sparsity")
    best = tm.best_of(data)
    dense, rare = tm.at(best, sparsity=0), slice(0.9, 0.999)
    if (data.importance.diff("feature") < 0).all():
        lengths = geometry.norms(dense.W)
        yield PAPER.claim("Dense: the two most important features have length 1 (lengths)").within(
            0.9, 1.1, lengths.isel(feature=slice(2))
        )
        cosine = geometry.cosines(dense.W).isel(feature=0, feature_other=1)
        yield PAPER.claim(
            "Dense: they are orthogonal (cosine), and the others are not learned (lengths)"
        ).within(-0.1, 0.1, [*cosine, *lengths.isel(feature=slice(2, None)).values.flat])
    if is_five_alike(data.importance):
        between = best.sel(sparsity=slice(0, 0.9))
        yield PAPER.claim(
            "In between: four features as two antipodal pairs (the sparsities S where they are)"
        ).somewhere(between.sparsity, [has_two_pairs(W) for W in between.W.values])
        yield PAPER.claim(
            "Sparse, S >= 0.9: all features as a regular pentagon (angles between neighbours)"
        ).within(64, 80, geometry.angular_gaps(best.W.sel(sparsity=rare)))
        yield RESTARTS.claim(
            "Sparse, S >= 0.9: single restarts represent all features too (share of the "
            f"{data.sizes['seed']}, for each sparsity)"
        ).above(0, (geometry.represented_count(data.W.sel(sparsity=rare)) == 5).mean("seed"))
    yield PAPER.claim(
        "The number of represented features does not fall as features get sparser"
    ).does_not_fall(geometry.represented_count(best.W))


def is_five_alike(importance: xr.DataArray) -> bool:
    """Whether there are five features of nearly equal importance."""
    return importance.size == 5 and bool((importance > importance.max() / 2).all())


def has_two_pairs(W: np.ndarray) -> bool:
    """Whether exactly four features are represented, each with an antipode."""
    cosines = geometry.cosines(W[:, geometry.represented(W)])
    return len(cosines) == 4 and bool((cosines.min(axis=1) < -0.95).all())


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(sparsity=(0.0, 0.9), restarts=2, steps=100, batch_size=64),
    paper=Spec(restarts=64),
)

if __name__ == "__main__":
    EXPERIMENT.main()
