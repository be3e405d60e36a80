"""Correlated features collapse into their principal component, unless they are sparse.

Source: Elhage et al. 2022, "Toy Models of Superposition", "Correlated and Anti-correlated
Features": the collapse of correlated features, and its relation to principal component analysis.

{n} features are sets of {set_size} that are always active together, in two dimensions. Dense
features: the members of each set have one direction, that of their sum, as in PCA, which spends no
dimension on their differences. Sparser: one set after the other splits up, and sparse features all
have a direction of their own. From S = 0.5 on, the directions are a triangle, a square, a pentagon
and a hexagon: every pair that splits adds a corner. At S = 0.25 they are a triangle up to signs,
which do not matter to PCA. Rings mark collapsed sets; the circles have the radii 1/sqrt 2, the
length of a member of a collapsed pair that fills a direction, and 1.

Findings: the best models agree between seeds, single restarts do not. At S = 0.85 a third to two
thirds of the restarts have two collapsed pairs, the others 0, 1 or 3, most of them at a higher
loss; from S = 0.95 on about half keep one collapsed pair, a local optimum.

Below, the loss in units of the PCA optimum, which is computed exactly from the covariance. A
collapsed pair has one output for both members, and pays p/12 for their difference (dashed, summed
over the collapsed pairs): half of the loss of dense models, and too much where sets rarely meet.

Deviations:
- The source prints no settings: AdamW, learning rate {learning_rate:g} ({schedule} schedule), no
  weight decay, batch {batch_size:,} of active samples, {steps:,} steps, the best of {restarts}
  restarts by test loss for each S.
- The source calls the collapse one to the principal component without a number; the optimum of
  PCA, and the cost of a collapse, are derived here.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from pydantic import AfterValidator, Field

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry, membership, plotting, theory

PAPER = fig.Source("Elhage et al. 2022, Correlated and Anti-correlated Features")
OURS = fig.Source("ours: the source gives no numbers")
PAIR = 0.5**0.5  # length of a member of a collapsed pair
Open = Annotated[float, Field(gt=0, lt=1)]


class Spec(fig.AnnealedSpec):
    """Settings; the source prints none."""

    n: fig.Count = 6
    """Number of features, for two dimensions."""
    set_size: Annotated[fig.Count, Field(ge=2)] = 2
    """Features of a set, which are active together; it divides n, and there are several sets."""
    sparsity: Annotated[tuple[Open, ...], Field(min_length=1), AfterValidator(fig.distinct)] = (
        0.25,
        0.5,
        0.75,
        0.85,
        0.9,
        0.95,
        0.99,
    )
    """S, the probability that a set is inactive; above 0, as sets are correlated by their gate."""
    restarts: fig.Count = 32
    steps: fig.Count = 3000
    batch_size: fig.Count = 256

    @property
    def sets(self) -> int:
        """The number of sets."""
        return self.n // self.set_size

    def check(self) -> None:
        if self.n % self.set_size or self.sets < 2:
            raise ValueError(
                f"set_size must divide n, with two sets or more; got sets of {self.set_size} for "
                f"n = {self.n}"
            )


def run(lab: fig.Lab[Spec]) -> xr.Dataset:
    spec = lab.spec

    def problem(sparsity):
        features = tm.CorrelatedFeatures([spec.set_size] * spec.sets, sparsity=sparsity)
        objective = tm.Reconstruction(
            features,
            lambda key: tm.ReluOutput(spec.n, 2, key=key),
            spec.batch_size,
            given_active=True,
        )
        return objective, spec.adamw()

    models = lab.train("relu_output", problem, axes="sparsity")
    covariance = theory.correlated_covariance(models.set.values, 1 - models.sparsity.values)
    return models.assign(
        pca_loss=("sparsity", theory.pca_loss(covariance, 2)),
        set_cost=("sparsity", theory.pca_loss(covariance, spec.sets) / spec.sets),
    )


def collapsed(models: xr.Dataset) -> xr.DataArray:
    """Return whether the members of each set share one direction, |cos| above .98: [..., set]."""
    least = membership.set_cosines(models.W, models.set).own.min("feature_other")
    return (least > 0.98).groupby("set").all()


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    best, columns = tm.best_of(data), data.sizes["sparsity"]
    figure = plotting.figure(max(1.2 * columns, 4) + 1.4, 4.9)
    # no padding, so that panels align with the axes below
    figure.set_layout_engine("constrained", w_pad=0, wspace=0, rect=(0.006, 0, 0.988, 1))
    grid = figure.add_gridspec(3, columns, height_ratios=[1.25, 0.9, 1])
    limit = plotting.shared_limit(1.0, geometry.norms(best.W), margin=1.2)
    for i, S in enumerate(data.sparsity.values):
        ax = figure.add_subplot(grid[0, i], title=plotting.sparsity_label(S))
        draw_sets(ax, best.isel(sparsity=i), limit)
    places = np.arange(columns)
    count, loss = (figure.add_subplot(grid[row, :]) for row in (1, 2))
    counts = collapsed(data).sum("set"), collapsed(best).sum("set")
    plotting.restart_counts(count, places, *counts)
    count.set(xlim=(-0.5, columns - 0.5), xticks=[], ylabel="collapsed sets")
    restarts = data.sizes["seed"]
    count.set_title(f"grey all {restarts} restarts, black the best one, shown above and below")
    draw_losses(loss, places, data, counts[1])
    loss.set(xlim=count.get_xlim(), ylabel="loss / PCA optimum")
    figure.align_ylabels()
    return figure


def draw_sets(ax: Axes, model: xr.Dataset, limit: float) -> None:
    """Draw the features, coloured by set, with a ring around the tips of a collapsed set."""
    is_collapsed = collapsed(model).values
    colors = plotting.feature_colors(len(is_collapsed))
    plotting.feature_arrows(ax, model.W, colors[model.set.values], limit)
    ax.add_patch(Circle((0, 0), PAIR, fill=False, edgecolor=plotting.FAINT, zorder=0))
    x, y = model.W.groupby("set").mean().transpose("hidden", "set").values[:, is_collapsed]
    ax.scatter(x, y, s=60, facecolors="none", edgecolors=colors[is_collapsed])


def draw_losses(ax: Axes, places: np.ndarray, data: xr.Dataset, count: xr.DataArray) -> None:
    """Draw all losses in units of PCA's, and what the collapsed sets of the best model cost."""
    ratio = (data.loss / data.pca_loss).transpose("sparsity", "seed")
    ax.plot(places, ratio, "o", color=plotting.MUTED, alpha=0.35, markersize=3)
    ax.plot(places, ratio.min("seed"), "o-", color=plotting.INK, markersize=3, label="best model")
    cost = count * data.set_cost / data.pca_loss
    ax.plot(places, cost, "--", color=plotting.INK, label="what its collapsed sets cost")
    ax.axhline(1, color=plotting.FAINT, zorder=0)
    plotting.even_axis(ax.xaxis, data.sparsity)
    ax.set(ylim=(0, 1.45), xlabel="S, the probability that a set is off")
    ax.legend(loc="upper right")


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    data = data.sortby("sparsity")
    best, each = tm.best_of(data), collapsed(data)
    count, sets = collapsed(best).sum("set"), each.sizes["set"]
    dense, rare = slice(None, 0.5), slice(0.99, None)
    yield PAPER.claim(
        "Dense, S <= 0.5: all sets are collapsed (number, in the best model of each S)"
    ).equal(sets, count.sel(sparsity=dense))
    yield PAPER.claim("Sparse, S >= 0.99: none is collapsed (number)").equal(
        0, count.sel(sparsity=rare)
    )
    yield OURS.claim(
        "In between, one set splits at a time (fall of the number from each S to the next)"
    ).within(0, 1, -count.diff("sparsity"))
    share = each.all("set").mean("seed").sel(sparsity=dense)
    yield OURS.claim(
        "Dense, S <= 0.5: all sets are collapsed in most restarts (share, each S)"
    ).above(0.8, share)
    near = data.loss < 1.01 * data.loss.min("seed")
    alike = (each.sum("set") == count).where(near).mean("seed")
    yield OURS.claim(
        "At any S, most restarts within 1% of the least loss have as many collapsed sets as the "
        "best one (share of these restarts)"
    ).above(0.5, alike)
    yield from of_losses(best)
    if best.sizes["feature"] == 6 and sets == 3:
        yield from of_three_pairs(best)


def of_losses(best: xr.Dataset) -> Iterator[fig.Claim]:
    """Compare the losses of the best models with those of PCA."""
    ratio = best.loss / best.pca_loss
    yield PAPER.claim("Dense, S <= 0.3: the loss is the one of PCA (ratio)").within(
        0.95, 1.02, ratio.sel(sparsity=slice(None, 0.3))
    )
    yield OURS.claim("The advantage over PCA grows with S (ratio of the losses)").falls(ratio)


def of_three_pairs(best: xr.Dataset) -> Iterator[fig.Claim]:
    """Judge lengths and polygons, which are those of three pairs in the plane."""
    some = best.sel(sparsity=slice(0.75, None))
    lengths, shares = geometry.norms(some.W), collapsed(some).sel(set=best.set)
    yield OURS.claim(
        "S >= 0.75: members of a collapsed pair have length 1/sqrt 2 (lengths, least and largest)"
    ).within(PAIR - 0.05, PAIR + 0.05, extremes(lengths.where(shares)))
    yield OURS.claim(
        "S >= 0.75: members of other pairs have length 1 (lengths, least and largest)"
    ).within(0.88, 1.05, extremes(lengths.where(~shares)))
    count = collapsed(best).sum("set").sel(sparsity=slice(0.5, None))
    polygons = ["hexagon", "pentagon, doubled", "square, doubled", "triangle, doubled"]
    named = geometry.arrangement(best.W.sel(sparsity=count.sparsity)) == np.take(polygons, count)
    yield OURS.claim(
        "S >= 0.5: with 3, 2, 1 and 0 collapsed pairs the directions are a regular triangle, "
        "square, pentagon and hexagon (share of the best models)"
    ).share_above(0.99, named)


def extremes(values: xr.DataArray) -> list[float]:
    """Return the least and the largest of the values that are not NaN, if there are any."""
    found = values.values[np.isfinite(values.values)]
    return [found.min(), found.max()] if found.size else []


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(sparsity=(0.25, 0.9), restarts=2, steps=50, batch_size=64),
    paper=Spec(restarts=256, steps=7500),
    describes={
        "pca_loss": "expected loss of PCA with two components, the optimum of a linear model",
        "set_cost": "least expected loss of a collapsed set, that of its members' differences",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
