"""Superposition of attention heads against the density of the OV matrices.

Source: Anthropic, Circuits Updates January 2024, "Attention superposition": dense OV matrices
tend not to show superposition.

Five attentional features in two heads, with sparse patterns, and OV matrices from nearly empty to
full. Sparse ones give a pentagon, ||M||_F^2 near 5; dense ones a cone, ||M||_F^2 = 2, the number
of heads: the ReLU absorbs interference only at outputs to which other features do not write. The
geometry depends on the number of entries that share an output, density times model dimension, at
every model dimension. It depends on the overlap of outputs, not on sparsity as such: dense OV
matrices in disjoint blocks of outputs (stars) give pentagons. The mean dimensionality of M's
columns is always heads / features, so ||M||_F^2 is the order parameter.

Deviations:
- The source gives no sizes, sparsities or optimiser: {tokens} tokens, Adam {learning_rate:g}
  ({schedule} schedule), {steps:,} steps, batch {batch_size:,}, all entries uniform on [0, 1], OV
  matrices of equal norm.
- OV matrices of one draw are nested: the sparser ones are part of the denser ones.
- Best of the {restarts} restarts by test loss for each of {ov_draws} OV draws, then their mean.
- The control of disjoint blocks, and density x d_model as the coordinate, are ours.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

import toymodels as tm
from experiments.attention._heads import ANTHROPIC, MATRIX, MixingSpec, mixing, ov_draws
from toymodels import figure as fig
from toymodels import geometry, plotting

TIGHT_FRAME = fig.Source("ours: sum D_i = rank(M) for a tight frame")
PICTURES = "phase", "lines", "blocks"
OVERLAP = "overlap, OV density x d_model"


class Spec(MixingSpec):
    """Settings; the source gives none."""

    d_model: fig.Sizes = (16, 32, 64)
    """Widths of the residual stream, a line each; the first is that of the phase picture."""
    overlap: fig.PositiveSweep = (0.1, 0.3, 0.6, 1.2, 2.5, 5, 10)
    """OV density times d_model: entries of an OV matrix that write to the same output."""
    line_sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """S of the attention patterns of the lines, and of a row of the phase picture."""
    sparsity: fig.Sparsities = (0.9, 0.97, 0.99, 0.997)
    """S of the attention patterns in the phase picture."""
    restarts: fig.Count = 8

    def check(self) -> None:
        narrowest = min(self.d_model)
        if round(min(self.overlap) * narrowest) < 1 or max(self.overlap) > narrowest:
            raise ValueError("overlap must lie in [1 / d_model, d_model]: one entry, all of them")
        if narrowest < self.features:
            raise ValueError(f"d_model must be at least {self.features}: a block for each feature")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    widths = {d_model: train(lab, d_model) for d_model in lab.spec.d_model}
    phase, _ = widths[lab.spec.d_model[0]]
    S, along = lab.spec.line_sparsity, xr.Variable("d_model", list(widths))
    lines = xr.concat([sparse.sel(sparsity=S) for sparse, _ in widths.values()], along)
    blocks = xr.concat([dense for _, dense in widths.values()], along)
    pictures = {"phase": phase, "lines": lines, "blocks": blocks.assign_coords(sparsity=S)}
    return tm.gather(models.assign_coords(picture=name) for name, models in pictures.items())


def train(lab: fig.Lab[Spec], d_model: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Train on sparse OV matrices, and on dense ones in disjoint blocks of outputs."""
    spec = lab.spec

    def on_sparse(sparsity, overlap, ov_draw):
        return mixing(spec, ov_draw.sparse(overlap / d_model), sparsity)

    def on_blocks(ov_draw):
        return mixing(spec, ov_draw.blocks(), spec.line_sparsity)

    draws = ov_draws(lab, d_model)
    sparsities = {spec.line_sparsity, *(spec.sparsity if d_model == spec.d_model[0] else ())}
    axes = tm.Axis("sparsity", sorted(sparsities)), "overlap", draws
    sparse = lab.train(f"sparse_{d_model}", on_sparse, axes, shared_batches=True)
    return sparse, lab.train(f"blocks_{d_model}", on_blocks, draws, shared_batches=True)


def measure(data: xr.DataTree, picture: str) -> xr.Dataset:
    """Return the best models of one panel, with `norm` and `gap`.

    `norm` is ||M||_F^2, `gap` the largest angle between neighbouring columns of M in degrees.
    """
    best = tm.best_of(tm.select(data, picture=picture))
    gap = geometry.angular_gaps(best.M).max("gap")
    return best.assign(norm=(best.M**2).sum(MATRIX), gap=gap)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    phase, lines, blocks = (measure(data, name) for name in PICTURES)
    heads, features = (phase.sizes[name] for name in MATRIX)
    figure = plotting.figure(11.4, 6.4)
    (top,), (bottom,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.4, 1])
    ((left, right),) = top.subfigures(1, 2, squeeze=False, width_ratios=[2, 1])
    draw_lines(left.subplots(), lines.mean("ov_draw"), blocks.mean("ov_draw"))
    widest, dense = (models.isel(d_model=-1, ov_draw=0).M for models in (lines, blocks))
    last = widest.sizes["overlap"] - 1
    shown = [widest.isel(overlap=i) for i in sorted({0, (last + 1) // 2, last})]
    titles = [f"overlap {M.overlap:g}" for M in shown]
    plotting.vector_panels(right, [*titles, "dense, no overlap"], [*shown, dense], 2)
    right.suptitle(f"columns of M, d_model = {lines.d_model[-1]:d}", fontsize=8)
    mean, apart = phase.mean("ov_draw"), 360 / features
    norm, gap = bottom.subplots(1, 2)
    norm.set_title(f"$\\|M\\|_F^2$: blue {heads} or less, nothing shared; red {features}, all")
    gap.set_title(
        f"largest gap between columns: red {apart:g}°, a polygon; blue 180° or more, a cone"
    )
    blue_to_red, red_to_blue = plotting.SUPERPOSITION_CMAP, plotting.SUPERPOSITION_CMAP.reversed()
    for ax, values, low, high, cmap, digits in (
        (norm, mean.norm, heads, features, blue_to_red, 1),
        (gap, mean.gap, apart, 180, red_to_blue, 0),
    ):
        cells = mean.overlap, 1 - mean.sparsity, values, low, high
        plotting.value_table(ax, *cells, cmap=cmap, digits=digits)
        ax.set(xlabel=OVERLAP, ylabel="1 - S, active share of patterns")
    return figure


def draw_lines(ax: Axes, lines: xr.Dataset, blocks: xr.Dataset) -> None:
    """Draw ||M||_F^2 over density times d_model, a line for each d_model, the blocks as stars."""
    widths, features = lines.d_model.values, lines.sizes["attentional_feature"]
    colors = plotting.ordered_colors(len(widths))
    for d_model, line, star, color in zip(widths, lines.norm, blocks.norm, colors, strict=True):
        ax.plot(lines.overlap, line, "o-", color=color, label=f"d_model = {d_model}")
        # the density is 1 / features: one block of `features` is not zero
        ax.plot(d_model / features, star, "*", color=color, markersize=11)
    for name, count in {"heads": lines.sizes["head"], "features": features}.items():
        ax.axhline(count, color=plotting.FAINT, linewidth=0.8, zorder=0)
        ax.annotate(name, (lines.overlap[0], count), color=plotting.MUTED, va="bottom")
    ax.plot([], [], "*", color=plotting.INK, markersize=8, label="dense, but no overlap:\nblocks")
    plotting.log_axis(ax.xaxis, lines.overlap)
    ax.set(xlabel=f"{OVERLAP}: entries of an OV matrix that write to the same output")
    ax.set(ylabel=r"$\|M\|_F^2$: how many features M holds", ylim=(None, features + 0.4))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 0.15))


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    phase, lines, blocks = (measure(data, name) for name in PICTURES)
    heads, features = (phase.sizes[name] for name in MATRIX)
    mean, is_rare = lines[["norm", "gap"]].mean("ov_draw").sortby("overlap"), lines.sparsity >= 0.98
    sparse, dense = mean.sel(overlap=slice(0, 0.6)), mean.sel(overlap=slice(5, None))
    yield ANTHROPIC.claim(
        "Dense OV matrices show no superposition: ||M||_F^2 is the number of heads (overlap >= 5, "
        "each d_model)"
    ).within(0.9 * heads, 1.15 * heads, dense.norm)
    if is_rare and features <= 5:
        yield ANTHROPIC.claim(
            "Sparse ones do: ||M||_F^2 is near the number of features (overlap <= 0.6, each "
            "d_model)"
        ).within(0.75 * features, features, sparse.norm)
    yield fig.OURS.claim(
        "Dense: the columns lie in a cone (largest angle between neighbours, mean over draws)"
    ).within(180, 360, dense.gap)
    if is_rare and lines.sizes["d_model"] > 1:
        half = (heads + features) / 2
        yield fig.OURS.claim(
            "The transition is at one density x d_model for all d_model (where ||M||_F^2 is half "
            "way)"
        ).within(0.6, 2.5, [crossing(norm, half) for norm in mean.norm])
    if is_rare and features == 5:
        yield fig.OURS.claim(
            "Dense OV matrices with disjoint outputs make pentagons (largest angle between "
            "neighbours, each d_model)"
        ).within(72, 90, blocks.gap.mean("ov_draw"))
    share = geometry.dimensionality(phase.M).mean("attentional_feature")
    yield TIGHT_FRAME.claim(
        "The mean dimensionality of M's columns is heads / features in every cell, and tells "
        "nothing (least, most)"
    ).within(0.95 * heads / features, 1.001 * heads / features, [share.min(), share.max()])


def crossing(norm: xr.DataArray, level: float) -> float:
    """Return the overlap, interpolated on a log scale, where `norm` first falls below a level.

    NaN if it never does, or is below it everywhere.
    """
    first = (norm < level).values.argmax()
    if first == 0:  # below the level everywhere or nowhere
        return np.nan
    around = norm.isel(overlap=[first, first - 1])
    return np.exp(np.interp(level, around, np.log(around.overlap)))


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        d_model=(5,),
        overlap=(0.5, 5.0),
        sparsity=(0.9, 0.99),
        ov_draws=2,
        restarts=2,
        steps=20,
        batch_size=8,
        test_samples=64,
    ),
    paper=Spec(d_model=(16, 32, 64, 128), ov_draws=8, restarts=32, steps=2000),
    describes={
        "overlap": "OV density times d_model: entries of an OV matrix on the same output",
        "picture": "part of the figure",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
