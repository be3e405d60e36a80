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
"""

from dataclasses import dataclass
from typing import Annotated

import jax
import numpy as np

from experiments.attention._heads import MixingSpec, draws_of, train
from experiments.attention._shapes import draw_columns
from toymodels import Axis, Claim, Experiment, best_of, geometry, join_sizes, plotting
from toymodels.suite.cli import main
from toymodels.suite.spec import Count, Distinct, Positive, Range, Sparsities

WHERE = "Anthropic, January 2024 update"


@dataclass(frozen=True)
class Spec(MixingSpec):
    """Settings; the source gives none."""

    d_model: Annotated[tuple[Count, ...], Distinct()] = (16, 32, 64)
    """Widths of the residual stream, at the middle sparsity; a line each."""
    overlap: Annotated[tuple[Positive, ...], Distinct()] = (0.1, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0)
    """OV density times d_model: entries of an OV matrix that write to the same output."""
    sparsity: Sparsities = (0.9, 0.97, 0.99, 0.997)
    """S of the attention patterns in the phase picture."""
    phase_d_model: Count = 32
    """Width of the residual stream in the phase picture."""
    line_sparsity: Annotated[float, Range(0, below=1)] = 0.99
    """S of the attention patterns of the lines."""
    restarts: Count = 8
    """Models trained for each draw of the OV matrices."""

    def check(self):
        super().check()
        for d_model in {*self.d_model, self.phase_d_model}:
            densities = np.asarray(self.overlap) / d_model
            if round(densities.min() * d_model**2) < 1:
                raise ValueError(
                    f"an overlap of {min(self.overlap):g} leaves OV matrices of d_model = "
                    f"{d_model} empty: it takes at least {1 / d_model:g}"
                )
            if densities.max() > 1:
                raise ValueError(
                    f"an overlap of {max(self.overlap):g} is a density above 1 at d_model = "
                    f"{d_model}"
                )
            if d_model < self.features:
                raise ValueError(f"d_model = {d_model} has no block for each of {self.features}")


def run(spec, key, runner):
    phase = swept(spec, key, runner, "phase", spec.phase_d_model, spec.sparsity)
    lines, blocks = [], []
    for d_model in spec.d_model:
        middle = [spec.line_sparsity]
        lines.append(swept(spec, key, runner, f"line{d_model}", d_model, middle))
        ovs = jax.vmap(lambda draw: draw.blocks())(draws_of(spec, key, d_model))
        axes = [Axis("sparsity", middle), Axis("ov_draw", np.arange(spec.ov_draws), ovs)]
        blocks.append(train(spec, key, runner, f"block{d_model}", axes, spec.heads))
    lines, blocks = (
        join_sizes([one[["M", "loss"]].isel(sparsity=0, drop=True) for one in kind],
                   "d_model", spec.d_model).rename(M=f"{name}_M", loss=f"{name}_loss")
        for name, kind in {"line": lines, "block": blocks}.items()
    )  # fmt: skip
    return phase.merge(lines).merge(blocks)


def swept(spec, key, runner, name, d_model, sparsity):
    """Train over sparsities, overlaps and draws, the sparser OV matrices within the denser."""
    draws = draws_of(spec, key, d_model)
    axes = [
        Axis("sparsity", sparsity),
        Axis("overlap", spec.overlap),
        Axis("ov_draw", np.arange(spec.ov_draws), draws),
    ]
    return train(spec, key, runner, name, axes, spec.heads)


def frobenius(M):
    """Return ||M||_F^2 of mixing matrices, averaged over OV draws."""
    return (M**2).sum(["head", "attentional_feature"]).mean("ov_draw")


def largest_gap(M):
    """Return the largest angle between neighbouring columns in degrees, averaged over draws."""
    M = M.transpose(..., "head", "attentional_feature")
    gaps = geometry.angular_gaps(M.values).max(axis=-1)
    return M.isel(head=0, attentional_feature=0, drop=True).copy(data=gaps).mean("ov_draw")


@plotting.style()
def plot(dataset):
    best, lines = best_of(dataset), best_of(dataset, by="line_loss").line_M
    blocks = best_of(dataset, by="block_loss").block_M
    figure = plotting.figure(11.4, 6.2)
    grid = figure.add_gridspec(2, 3, height_ratios=[1.15, 1])
    ax = figure.add_subplot(grid[0, :2])
    draw_lines(ax, lines, blocks)
    thumbnails = grid[0, 2].subgridspec(2, 2)
    widest, ends = lines.isel(d_model=-1, ov_draw=0), (0, -1)
    for i, M in enumerate([*(widest.isel(overlap=end) for end in ends), blocks[-1, 0]]):
        panel = figure.add_subplot(thumbnails[i // 2, i % 2])
        M = M.transpose("head", "attentional_feature").values
        draw_columns(panel, M, 1.3, rays=M.shape[1])
        panel.set_title(f"overlap {dataset.overlap.values[ends[i]]:g}" if i < 2 else "blocks")
    maps = {
        r"$\|M\|_F^2$": (frobenius(best.M), dataset.sizes["head"] + 1e-9),
        "largest angle between neighbours": (largest_gap(best.M), 180.0),
        "loss over that of sparsest OVs": (relative_loss(best.loss), 1.0),
    }
    for place, (title, (values, centre)) in zip(
        [grid[1, i] for i in range(3)], maps.items(), strict=True
    ):
        panel = figure.add_subplot(place)
        image = plotting.value_map(
            panel, dataset.overlap.values, 1 - dataset.sparsity.values,
            values.transpose("sparsity", "overlap").values, centre,
        )  # fmt: skip
        panel.set_title(title)
        panel.set(xlabel="OV density x d_model", ylabel="1 - S of the patterns")
        figure.colorbar(image, ax=panel)
    return figure


def draw_lines(ax, lines, blocks):
    """Draw ||M||_F^2 over density times d_model, a line for each d_model, the blocks as stars."""
    colors = plotting.importance_colors(1.0 / lines.d_model.values[::-1] ** 2)
    for d_model, color in zip(lines.d_model.values, colors, strict=True):
        ax.plot(lines.overlap, frobenius(lines.sel(d_model=d_model)), "o-", color=color,
                label=f"d_model = {d_model}")  # fmt: skip
        star = float(frobenius(blocks.sel(d_model=d_model)))
        ax.plot(float(lines.overlap[-1]), star, "*", color=color, markersize=11)
    for count, name in [(lines.sizes["head"], "heads"),
                        (lines.sizes["attentional_feature"], "features")]:  # fmt: skip
        ax.axhline(count, color=plotting.FAINT, linewidth=0.8, zorder=0)
        ax.annotate(name, (float(lines.overlap[0]), count), color=plotting.MUTED, va="bottom")
    plotting.log_axis(ax.xaxis, lines.overlap.values)
    ax.set(xlabel="OV density x d_model (star: dense, in disjoint blocks of outputs)",
           ylabel=r"$\|M\|_F^2$", ylim=(0, lines.sizes["attentional_feature"] + 0.8))  # fmt: skip
    ax.legend()


def relative_loss(loss):
    """Return the loss over that of the sparsest OV matrices with the same patterns."""
    mean = loss.mean("ov_draw")
    return mean / mean.isel(overlap=0)


def claims(dataset):
    lines = best_of(dataset, by="line_loss").line_M
    blocks = best_of(dataset, by="block_loss").block_M
    norms = frobenius(lines).transpose("d_model", "overlap").values
    heads, features = dataset.sizes["head"], dataset.sizes["attentional_feature"]
    gaps = largest_gap(lines).transpose("d_model", "overlap").values
    overlap = dataset.overlap.values
    sparse, dense = overlap <= 0.6, overlap >= 5
    crossings = [crossing(overlap, row, (heads + features) / 2) for row in norms]
    D = geometry.dimensionality(best_of(dataset).M.values).mean(axis=-1)
    stars = largest_gap(blocks).values
    return [
        Claim.within(
            "Dense OV matrices show no superposition: ||M||_F^2 is the number of heads (at the "
            "largest overlaps, each d_model)",
            WHERE,
            (0.9 * heads, 1.15 * heads),
            norms[:, dense].ravel(),
        ),
        Claim.within(
            "Sparse ones do: ||M||_F^2 is near the number of features (overlap up to 0.6, each "
            "d_model)",
            WHERE,
            (0.75 * features, features),
            norms[:, sparse].ravel(),
        ),
        Claim.within(
            "Dense: the columns lie in a cone (largest angle between neighbours, mean over draws)",
            "ours",
            (180, 360),
            gaps[:, dense].ravel(),
        ),
        Claim.within(
            "The transition is at the same density x d_model for each d_model (where ||M||_F^2 is "
            "half way)",
            "ours",
            (0.6, 2.5),
            crossings,
        ),
        Claim.within(
            "Dense OV matrices in disjoint blocks of outputs make pentagons (largest angle between "
            "neighbours, each d_model)",
            "ours",
            (72, 90),
            stars,
        ),
        Claim.within(
            "The mean dimensionality of M's columns is heads / features in every cell, and tells "
            "nothing (least, most)",
            "ours: sum D_i = rank(M) for a tight frame",
            (0.95 * heads / features, 1.001 * heads / features),
            [D.min(), D.max()],
        ),
    ]


def crossing(overlap, norms, level):
    """Interpolate where a falling line crosses a level, on a log scale; NaN if it does not."""
    below = norms < level
    if below.all() or not below.any():
        return np.nan
    i = int(below.argmax())
    share = (norms[i - 1] - level) / (norms[i - 1] - norms[i]) if i else 0.0
    return float(overlap[i - 1] ** (1 - share) * overlap[i] ** share)


EXPERIMENT = Experiment(
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        d_model=(5, 10),
        phase_d_model=5,
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
    deviations=(
        "The source gives no sizes, sparsities or optimiser: 8 tokens, Adam 2e-2 along a cosine, "
        "1,000 steps, batch 32, all entries uniform on [0, 1], OV matrices of equal norm.",
        "OV matrices of one draw are nested: the sparser ones are part of the denser ones.",
        "Best of the restarts by test loss for each OV draw, then the mean over draws.",
        "The control of disjoint blocks, and density x d_model as the coordinate, are ours.",
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
