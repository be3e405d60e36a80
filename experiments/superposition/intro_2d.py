"""Five features in two dimensions, from dense to sparse.

Source: Elhage et al. 2022, "Toy Models of Superposition", introduction: features in two
dimensions as sparsity increases.

A ReLU-output model has two hidden dimensions for five features of decreasing importance.
Dense features: the two most important ones get a dimension each, the others nothing. Sparser:
four of them, as two antipodal pairs. Sparse: all five, as a regular pentagon. m = 2 is the
hardest width to optimise, so each panel shows the best of `restarts` models by test loss; the
grey rings in the middle row tell how many features each of the others represents.

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
        return tm.sparse_reconstruction(spec.n, 2, sparsity, importance, spec.batch_size)

    models = lab.train("relu_output", problem, over="sparsity")
    return models.assign(importance=("feature", importance))


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    best, colors = tm.best_of(data), plotting.importance_colors(data.importance)
    panels = data.sizes["sparsity"]
    places = np.arange(panels)
    figure = plotting.figure(max(1.2 * panels, 4) + 1.4, 4.8)
    # no padding, so that panels stand above their places
    figure.set_layout_engine("constrained", w_pad=0, wspace=0, rect=(0.006, 0, 0.988, 1))
    grid = figure.add_gridspec(3, panels, height_ratios=[1.25, 0.8, 1])
    limit = plotting.shared_limit(1.0, geometry.norms(best.W.values), margin=1.15)
    for i, S in enumerate(data.sparsity.values):
        ax = figure.add_subplot(grid[0, i])
        plotting.feature_arrows(ax, best.W.sel(sparsity=S).values, colors, limit)
        ax.set_title(plotting.sparsity_label(S))
    count = figure.add_subplot(grid[1, :])
    plotting.restart_counts(count, places, represented(data), represented(best))
    count.set(xlim=(-0.5, panels - 0.5), xticks=[], ylabel="number")
    count.set_title(
        f"features represented, $|W_i| > 1/2$: grey all {data.sizes['seed']} restarts, black the "
        "best one, shown above and below"
    )
    dots = figure.add_subplot(grid[2, :])
    plotting.dot_strip(dots, places, geometry.dimensionality(best.W.values), colors)
    dots.set_title("share of a dimension that each feature has; darker: more important")
    plotting.even_axis(dots.xaxis, data.sparsity)
    dots.set(xlim=count.get_xlim(), yticks=[], xlabel="S, the probability that a feature is off")
    dots.set_ylabel("dimensionality")
    figure.align_ylabels()
    return figure


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    data = data.sortby("sparsity")
    best, n, S = tm.best_of(data), data.sizes["feature"], data.sparsity.values
    sparse = (S >= 0.9) & (S < 1)
    dense, pentagons = best.W.values[0], best.W.values[sparse]
    lengths, cosine = geometry.norms(dense), geometry.cosines(dense)[0, 1]
    decreasing, five = (np.diff(data.importance) < 0).all(), n == 5 and alike(data.importance)
    between = ((S > 0) & (S < 0.9)).any()
    yield PAPER.claim(
        "Dense: the two most important features have length 1 (lengths)",
        when=S[0] == 0 and decreasing,
    ).within(0.9, 1.1, lengths[:2])
    yield PAPER.claim(
        "Dense: they are orthogonal (cosine), and the others are not learned (lengths)",
        when=S[0] == 0 and decreasing,
    ).within(-0.1, 0.1, [cosine, *lengths[2:]])
    yield PAPER.claim(
        "In between: four features as two antipodal pairs (the sparsities S where they are)",
        when=five and between,
    ).somewhere(S, [four_in_pairs(W) for W in best.W.values])
    yield PAPER.claim(
        "Sparse, S >= 0.9: all features as a regular pentagon (angles between neighbours)",
        when=five,
    ).within(64, 80, geometry.angular_gaps(pentagons))
    yield (
        fig.Source("ours: the source shows single models")
        .claim(
            "Sparse, S >= 0.9: single restarts represent all features too (share of the "
            f"{data.sizes['seed']}, for each sparsity)",
            when=five,
        )
        .above(0, (represented(data)[sparse] == n).mean(axis=1))
    )
    yield PAPER.claim(
        "The number of represented features does not fall as features get sparser"
    ).does_not_fall(represented(best))


def represented(models: xr.Dataset) -> np.ndarray:
    """Count the represented features of each model."""
    return np.asarray(geometry.represented(models.W.values).sum(axis=-1))


def alike(importance: xr.DataArray) -> bool:
    """Whether all features are nearly as important as the first, as the source's are."""
    return bool((importance > importance.max() / 2).all())


def four_in_pairs(W: np.ndarray) -> bool:
    """Whether exactly four features are represented, each with an antipode."""
    cosines = geometry.cosines(W[:, geometry.represented(W)])
    return len(cosines) == 4 and bool((cosines.min(axis=1) < -0.95).all())


EXPERIMENT = fig.Experiment(
    __file__, Spec, run, plot, claims,
    smoke=Spec(sparsity=(0.0, 0.9), restarts=2, steps=100, batch_size=64),
    paper=Spec(restarts=64),
    sweeps="sparsity", weights=tm.TIED,
)  # fmt: skip

if __name__ == "__main__":
    EXPERIMENT.main()
