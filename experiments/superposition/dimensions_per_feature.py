"""Dimensions per feature: one, then one half, as features get sparser.

Source: Elhage et al. 2022, "Toy Models of Superposition", "The Geometry of Superposition":
uniform superposition; the bound is from its remarks on compressed sensing.

Features of equal importance share fewer dimensions. D* = m / ||W||_F^2 is the number of dimensions
per represented feature. As features get sparser, it stays near 1, where each feature has a
dimension or directions are arbitrary, then near 1/2, where features are antipodal pairs, and falls
below. The bars mark these plateaus: where D* is within 0.03 of 1 and 1/2. The thin line is the
bound of compressed sensing, of which the constant is not known: it is drawn with 1. Right, models
of other sizes have the same D*, and twice the dimensions represent twice the features.

The plateau at 1/2 has a factor of 1.39 and not 1.5: it ends at 1 / (1 - S) = 3.73, where 31 pairs
share 30 dimensions. With seed 1 it is 1.39 as well. Between the plateaus the sizes differ: at
1 / (1 - S) = 2.2, D* is 0.51 for m = 20, 0.58 for m = 30 and 0.91 for m = 60. The larger models
have not converged: after four times the steps, D* is 0.60 there for m = 60. Its loss at S = 0 is
65.9, that of PCA 61.7.

Started at the usual scale of Xavier, with the same optimiser, 35 of 400 outputs of dense features
are never active after 1,500 steps, and the loss at S = 0 is 39.6 in place of 30.8, that of PCA.
Started at a tenth of it, none is inactive, and the loss is 30.8.

Deviations:
- The source prints no optimiser: AdamW, learning rate {learning_rate:g} ({schedule} schedule),
  weight decay {weight_decay:g}, batch {batch_size:,}, {steps:,} steps, {restarts} model each, with
  initial weights {init_scale:g} times Xavier's.
- The source shows n = 400, m = 30; the other sizes test its statements about n and m.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import toymodels as tm
from experiments.superposition._many_features import (
    DESCRIBES,
    PAPER,
    SMOKE,
    Spec,
    best_models,
    run,
)
from toymodels import figure as fig
from toymodels import geometry, plotting, theory

UNIFORM = fig.Source("Elhage et al. 2022, The Geometry of Superposition, uniform")
SENSING = fig.Source("Elhage et al. 2022, on compressed sensing, with the constant 1/2 of ours")
WITHIN = 0.03  # of 1 or 1/2 on a plateau


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    sizes = best_models(data)
    figure = plotting.figure(10.6, 4.6)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1.45, 1])[0]
    draw_plateaus(left.subplots(), sizes[0])
    shares, squares = right.subplots(2, 1, sharex=True)
    for models, color in zip(sizes, plotting.kind_colors(len(sizes)), strict=True):
        x, label = models.inverse_density, size_label(models)
        shares.plot(x, geometry.dimensions_per_feature(models.W), "o-", color=color, markersize=3)
        squares.plot(x, squared_norm(models), "o-", color=color, markersize=3, label=label)
    shares.set(ylim=(0, 1.1), ylabel="D*")
    plotting.log_axis(squares.yaxis, [10, 20, 50, 100, 200, 500])
    squares.set(ylabel=r"$\|W\|_F^2$", xlabel="1 / (1 - S)")
    squares.legend(loc="upper left")
    density_axis(squares)
    return figure


def draw_plateaus(ax: Axes, models: xr.Dataset) -> None:
    """Draw D* of one size with its plateaus, over the bound of compressed sensing."""
    x, D = models.inverse_density.values, geometry.dimensions_per_feature(models.W)
    plotting.fraction_guides(ax, {"1": "dimension", "1/2": "antipodal pairs"})
    for level in (1, 0.5):
        low, high = plateau(models, level)
        ax.plot([low, high], [level, level], color=plotting.AMBER, linewidth=7, alpha=0.5)
    fine = np.geomspace(x[0], x[-1], 200)
    bound = theory.compressed_sensing_bound(1 / fine)
    ax.plot(fine, bound, color=plotting.MUTED, linewidth=0.8, label="(1 - S) log 1 / (1 - S)")
    ax.plot(x, D, "o-", color=plotting.INK, markersize=3.5, label=size_label(models))
    ax.set(ylabel=r"dimensions per feature, $D^* = m / \|W\|_F^2$", xlabel="1 / (1 - S)")
    density_axis(ax)
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.9))


def density_axis(ax: Axes) -> None:
    """Make x a log axis with plain numbers at its ticks."""
    plotting.log_axis(ax.xaxis, [1, 1.5, 2, 3, 4, 5, 7, 10, 20, 50, 100])


def size_label(models: xr.Dataset) -> str:
    """Return n and m for a legend."""
    return f"n = {models.n:d}, m = {models.m:d}"


def squared_norm(models: xr.Dataset) -> xr.DataArray:
    """Return ||W||_F^2, about the number of represented features."""
    return (models.W**2).sum(["hidden", "feature"])


def plateau(models: xr.Dataset, level: float) -> tuple[float, float]:
    """Return the ends of the longest run of neighbouring 1 / (1 - S) with D* near the level.

    Both are NaN if there is none.
    """
    x = models.inverse_density.values
    near = np.abs(geometry.dimensions_per_feature(models.W).values - level) < WITHIN
    edges = np.flatnonzero(np.diff(near, prepend=False, append=False)).reshape(-1, 2)
    runs = [(x[begin], x[end - 1]) for begin, end in edges]
    return max(runs, key=lambda run: run[1] / run[0], default=(np.nan, np.nan))


def length(models: xr.Dataset, level: float) -> float:
    """Return the factor in 1 / (1 - S) that a plateau lasts, 1 if it is a single point or none."""
    low, high = plateau(models, level)
    return 1.0 if np.isnan(low) else high / low


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    sizes = best_models(data)
    first = sizes[0]
    D = geometry.dimensions_per_feature(first.W)
    yield UNIFORM.claim("Without sparsity there is a dimension for each feature (D*)").within(
        0.97, 1.03, tm.at(D, inverse_density=1)
    )
    whole = D.inverse_density.size > 1
    for level, least in ((1, 1.2), (0.5, 1.5)):
        measured = [length(first, level)] if whole else []
        yield UNIFORM.claim(
            f"D* sticks at {level:g} (factor in 1 / (1 - S) over which it is within {WITHIN:g})"
        ).above(least, measured)
    yield UNIFORM.claim(
        "Between the plateaus and beyond, sparser features have fewer dimensions (D* at the ends)"
    ).falls(D[[0, -1]] if whole else [])
    for other in sizes[1:]:
        if other.n // other.m == first.n // first.m:
            one, two = xr.align(squared_norm(first), squared_norm(other), join="inner")
            yield UNIFORM.claim(
                "||W||_F^2 grows in proportion to m at a given S (its ratio for m = "
                f"{other.m:d} and {first.m:d}, over that of m)"
            ).within(0.9, 1.1, two / one * (first.m / other.m).item())
        else:
            of_other = geometry.dimensions_per_feature(other.W)
            one, two = xr.align(D, of_other, join="inner")
            yield UNIFORM.claim(
                f"Where n is much larger than m, it does not matter (D* of {size_label(other)} "
                f"less that of {size_label(first)})"
            ).within(-0.1, 0.1, two - one)
    sparse = D.sel(inverse_density=slice(2.5, None))
    bound = theory.compressed_sensing_bound(1 / sparse.inverse_density.values)
    yield SENSING.claim(
        "D* stays above c (1 - S) log 1 / (1 - S), with 1 / (1 - S) from 2.5 on (D* over it)"
    ).above(0.5, sparse / bound)


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=SMOKE,
    paper=PAPER,
    describes=DESCRIBES,
)

if __name__ == "__main__":
    EXPERIMENT.main()
