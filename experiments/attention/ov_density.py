"""Superposition of attention heads against the density of the OV matrices.

Source: Anthropic, Circuits Updates January 2024, "Attention superposition": dense OV matrices
tend not to show superposition.

Five attentional features in two heads, with sparse patterns, and OV matrices from nearly empty to
full. Sparse ones make a pentagon, ||M||_F^2 near 5; dense ones a cone, ||M||_F^2 = 2, no more
than the heads there are: the ReLU can only absorb interference where other features do not write.
What counts is the number of entries that share an output, density times model dimension, whatever
the model dimension. It is the overlap of outputs, not sparsity as such: dense OV matrices in
disjoint blocks of outputs (stars) make pentagons. The mean dimensionality of M's columns is
heads / features everywhere and tells nothing, so ||M||_F^2 is the order parameter.

Deviations:
- The source gives no sizes, sparsities or optimiser: {tokens} tokens, Adam {learning_rate:g}
  ({schedule} schedule), {steps:,} steps, batch {batch_size:,}, all entries uniform on [0, 1], OV
  matrices of equal norm.
- OV matrices of one draw are nested: the sparser ones are part of the denser ones.
- Best of the {restarts} restarts by test loss for each of {ov_draws} OV draws, then the mean over
  draws.
- The control of disjoint blocks, and density x d_model as the coordinate, are ours.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

import toymodels as tm
from experiments.attention._heads import MixingSpec, ov_draws
from experiments.attention._shapes import draw_columns
from toymodels import geometry, plotting

PAPER = tm.Source("Anthropic, January 2024 update")
MATRIX = ["head", "attentional_feature"]


class Spec(MixingSpec):
    """Settings; the source gives none."""

    d_model: Annotated[tuple[tm.Count, ...], tm.Distinct()] = (16, 32, 64)
    """Widths of the residual stream, a line each; the first is that of the phase picture."""
    overlap: Annotated[tuple[tm.Positive, ...], tm.Distinct()] = (0.1, 0.3, 0.6, 1.2, 2.5, 5, 10)
    """OV density times d_model: entries of an OV matrix that write to the same output."""
    line_sparsity: Annotated[float, tm.Range(0, below=1)] = 0.99
    """S of the attention patterns of the lines, and of a row of the phase picture."""
    sparsity: tm.Sparsities = (0.9, 0.97, 0.99, 0.997)
    """S of the attention patterns in the phase picture."""
    restarts: tm.Count = 8

    def check(self) -> None:
        narrowest = min(self.d_model)
        if round(min(self.overlap) * narrowest) < 1 or max(self.overlap) > narrowest:
            raise ValueError("overlap must lie in [1 / d_model, d_model]: one entry, all of them")
        if narrowest < self.features:
            raise ValueError(f"d_model must be at least {self.features}: a block for each feature")
        if min(len(self.overlap), len({self.line_sparsity, *self.sparsity})) < 2:
            raise ValueError("the phase picture needs two values of overlap and of sparsity")


def run(lab: tm.Lab[Spec]) -> xr.DataTree:
    spec = lab.spec
    sparse: list[xr.Dataset] = []
    blocks: list[xr.Dataset] = []

    def on_sparse(sparsity, overlap, ov_draw):  # the sparser within the denser
        return spec.mixing(ov_draw.sparse(overlap / ov_draw.rank.shape[-1]), sparsity)

    def on_blocks(ov_draw):  # dense, in disjoint blocks of outputs
        return spec.mixing(ov_draw.blocks(), spec.line_sparsity)

    for d_model in spec.d_model:
        draws = ov_draws(lab, d_model)
        phase = () if sparse else spec.sparsity
        swept = (tm.Axis("sparsity", sorted({spec.line_sparsity, *phase})), "overlap", draws)
        sparse.append(lab.train(f"sparse_{d_model}", on_sparse, swept, shared_batches=True))
        blocks.append(lab.train(f"blocks_{d_model}", on_blocks, draws, shared_batches=True))
    lines = [models.sel(sparsity=spec.line_sparsity) for models in sparse]
    common: dict[str, Any] = {"d_model": list(spec.d_model), "sparsity": spec.line_sparsity}
    return tm.gather(
        [
            sparse[0].assign_coords(picture="phase"),
            xr.concat(lines, "d_model").assign_coords(picture="lines", **common),
            xr.concat(blocks, "d_model").assign_coords(picture="blocks", **common),
        ]
    )


def pictures(data: xr.DataTree) -> Iterator[xr.Dataset]:
    """Yield the best models of the phase picture, of the lines, and on disjoint blocks."""
    for name in ("phase", "lines", "blocks"):
        best = tm.best_of(tm.member(data, picture=name))
        yield best.transpose(..., "ov_draw", *MATRIX)


def frobenius(models: xr.Dataset) -> xr.DataArray:
    """Return ||M||_F^2, averaged over OV draws."""
    return (models.M**2).sum(MATRIX).mean("ov_draw")


def largest_gap(models: xr.Dataset) -> xr.DataArray:
    """Return the largest angle between neighbouring columns in degrees, averaged over draws."""
    gaps = xr.apply_ufunc(
        geometry.angular_gaps, models.M, input_core_dims=[MATRIX], output_core_dims=[MATRIX[1:]]
    )
    return gaps.max("attentional_feature").mean("ov_draw")


def relative_loss(models: xr.Dataset) -> xr.DataArray:
    """Return the loss over that of the sparsest OV matrices with the same patterns."""
    mean = models.loss.mean("ov_draw")
    return mean / mean.sel(overlap=mean.overlap.min())


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    phase, lines, blocks = pictures(data)
    figure = plotting.figure(11.4, 6.2)
    grid = figure.add_gridspec(2, 3, height_ratios=[1.15, 1])
    draw_lines(figure.add_subplot(grid[0, :2]), lines, blocks)
    draw_solutions(figure, grid[0, 2], lines, blocks)
    maps = {
        r"$\|M\|_F^2$": (frobenius(phase), phase.sizes["head"] + 1e-9),
        "largest angle between neighbours": (largest_gap(phase), 180.0),
        "loss over that of sparsest OVs": (relative_loss(phase), 1.0),
    }
    for i, (title, (values, centre)) in enumerate(maps.items()):
        ax = figure.add_subplot(grid[1, i])
        image = plotting.value_map(ax, phase.overlap, 1 - phase.sparsity, values, centre)
        ax.set(title=title, xlabel="OV density x d_model", ylabel="1 - S of the patterns")
        figure.colorbar(image, ax=ax)
    return figure


def draw_lines(ax: Axes, lines: xr.Dataset, blocks: xr.Dataset) -> None:
    """Draw ||M||_F^2 over density times d_model, a line for each d_model, the blocks as stars."""
    widths, features = lines.d_model.values, lines.sizes["attentional_feature"]
    colors = plotting.importance_colors(1.0 / widths[::-1] ** 2.0)
    for d_model, color in zip(widths, colors, strict=True):
        line, star = (frobenius(models.sel(d_model=d_model)) for models in (lines, blocks))
        ax.plot(lines.overlap, line, "o-", color=color, label=f"d_model = {d_model}")
        # one of `features` blocks is not zero: that is its density
        ax.plot(d_model / features, star, "*", color=color, markersize=11)
    for name, count in {"heads": lines.sizes["head"], "features": features}.items():
        ax.axhline(count, color=plotting.FAINT, linewidth=0.8, zorder=0)
        ax.annotate(name, (lines.overlap[0], count), color=plotting.MUTED, va="bottom")
    plotting.log_axis(ax.xaxis, lines.overlap)
    ax.set(xlabel="OV density x d_model (stars: dense, in disjoint blocks of outputs)",
           ylabel=r"$\|M\|_F^2$", ylim=(0, features + 0.8))  # fmt: skip
    ax.legend(loc="lower left")


def draw_solutions(
    figure: Figure, place: SubplotSpec, lines: xr.Dataset, blocks: xr.Dataset
) -> None:
    """Draw the columns of M at the ends and the middle of a line, and for blocks."""
    line, star = (models.isel(d_model=-1, ov_draw=0).M for models in (lines, blocks))
    shown = sorted({0, line.sizes["overlap"] // 2, line.sizes["overlap"] - 1})
    solutions = {f"overlap {line.overlap[i]:g}": line.isel(overlap=i) for i in shown}
    cells = place.subgridspec(2, 2)
    for i, (name, M) in enumerate((solutions | {"blocks": star}).items()):
        ax = figure.add_subplot(cells[divmod(i, 2)])
        draw_columns(ax, M.values)
        ax.set_title(name)


def claims(data: xr.DataTree) -> Iterator[tm.Claim]:
    phase, lines, blocks = pictures(data)
    overlap, heads = lines.overlap.values, phase.sizes["head"]
    features, rare = phase.sizes["attentional_feature"], bool(lines.sparsity >= 0.98)
    norms, gaps = frobenius(lines).values, largest_gap(lines).values
    yield PAPER.within(
        "Dense OV matrices show no superposition: ||M||_F^2 is the number of heads (at the "
        "largest overlaps, each d_model)",
        0.9 * heads, 1.15 * heads, norms[:, overlap >= 5],
    )  # fmt: skip
    yield PAPER.within(
        "Sparse ones do: ||M||_F^2 is near the number of features (overlap up to 0.6, each "
        "d_model)",
        0.75 * features, features, norms[:, overlap <= 0.6], when=rare,
    )  # fmt: skip
    yield tm.OURS.within(
        "Dense: the columns lie in a cone (largest angle between neighbours, mean over draws)",
        180, 360, gaps[:, overlap >= 5],
    )  # fmt: skip
    yield tm.OURS.within(
        "The transition is at the same density x d_model for each d_model (where ||M||_F^2 is "
        "half way)",
        0.6, 2.5, [crossing(overlap, row, (heads + features) / 2) for row in norms],
        when=rare and len(norms) > 1,
    )  # fmt: skip
    yield tm.OURS.within(
        "Dense OV matrices in disjoint blocks of outputs make pentagons (largest angle between "
        "neighbours, each d_model)",
        72, 90, largest_gap(blocks), when=rare and features == 5,
    )  # fmt: skip
    D = geometry.dimensionality(phase.M.values).mean(axis=-1)
    yield tm.Source("ours: sum D_i = rank(M) for a tight frame").within(
        "The mean dimensionality of M's columns is heads / features in every cell, and tells "
        "nothing (least, most)",
        0.95 * heads / features, 1.001 * heads / features, [D.min(), D.max()],
    )  # fmt: skip


def crossing(overlap: np.ndarray, norms: np.ndarray, level: float) -> float:
    """Interpolate where a falling line first crosses a level, on a log scale; NaN if nowhere."""
    i = int((norms < level).argmax())
    if i == 0:  # below it everywhere, or nowhere
        return np.nan
    at = np.interp(level, norms[[i, i - 1]], np.log(overlap[[i, i - 1]]))
    return float(np.exp(at))


EXPERIMENT = tm.Experiment(
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
    sweeps="sparsity",
    weights={"M": ("head", "attentional_feature")},
)

if __name__ == "__main__":
    EXPERIMENT.main()
