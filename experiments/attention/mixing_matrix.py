"""Five attentional features in two heads: the columns of the mixing matrix.

Source: Anthropic, Circuits Updates January 2024, "Attention superposition": a toy model with one
mixing matrix for attention patterns and OV matrices.

The target is relu(sum_k A_k x O_k), with a fixed random OV matrix and a fresh sparse pattern for
each attentional feature; two heads mix the patterns and the OVs of five features by the same
matrix M. By y = relu(sum_kl (M^T M)_kl A_k x O_l) this is the toy model of features with M in
the place of W, and the columns of M arrange themselves as the features do: dense patterns leave
them in a cone, sparse ones make a pentagon. The source gives neither sizes nor an optimiser: all
settings are ours. The draw of the OV matrices is an axis of its own, as it bends the polygons;
what is shown is the best of `restarts` for one draw, and how often each geometry came out. Below:
other numbers of features and heads, with OV matrices of disjoint outputs, with and without a bias.

Findings: the outputs that OV matrices share by chance bend the pentagons of some draws until five
columns are no polygon: at S = .99 the best model is a pentagon for 4 of 6 draws (d_model 64,
density .0016), and more density bends more. Six features in two heads are a pentagon, the sixth
column short or beside one of the five, not a square with doubled columns. A bias allows two heads
no more features (5 of 8 with one, 5 without).

Deviations:
- The source gives no sizes, sparsities or optimiser: d_model {d_model}, OV density {ov_density:g},
  {tokens} tokens, Adam {learning_rate:g} ({schedule} schedule), {steps:,} steps, batch
  {batch_size:,}, all entries uniform on [0, 1].
- OV matrices are scaled to equal Frobenius norm; patterns are neither causal nor normalised over
  tokens.
- Best of the {restarts} restarts by test loss; all of them are kept and counted.
- Other counts, the bias and the {ov_draws} OV draws are ours.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

import toymodels as tm
from experiments.attention._heads import MixingSpec, ov_draws
from experiments.attention._shapes import color, draw_columns, shapes
from toymodels import geometry, plotting

PAPER = tm.Source("Anthropic, January 2024 update")
SPARSE = 0.98  # S from which on polygons are expected
POLYGONS = {3: "digon + 1", 4: "square", 5: "pentagon", 8: "pentagon"}


class Spec(MixingSpec):
    """Settings; the source gives none."""

    sparsity: tm.Sparsities = (0.5, 0.9, 0.97, 0.99, 0.997)
    """S, the probability that an entry of an attention pattern is zero; one column each."""
    d_model: tm.Count = 64
    """Width of the residual stream."""
    ov_density: tm.Fraction = 0.0016
    """Share of an OV matrix that is not zero."""
    ov_draws: tm.Count = 6
    other_features: tm.Counts = (3, 4, 5, 6, 8, 6, 8)
    """Other numbers of attentional features, their OV matrices in disjoint blocks of outputs."""
    other_heads: tuple[Annotated[int, tm.Range(2, 3)], ...] = (2, 2, 2, 2, 2, 3, 3)
    """Numbers of heads, one for each of these."""
    other_bias: Annotated[tuple[bool, ...], tm.Distinct()] = (False, True)
    """Whether these have a bias; one row each."""
    other_sparsity: Annotated[float, tm.Range(0, below=1)] = 0.99
    """S of their patterns."""
    other_d_model: tm.Count = 24
    """Width of their residual stream."""
    others = tm.zipped("other_features", "other_heads")

    def check(self) -> None:
        if round(self.ov_density * self.d_model**2) < 1:
            raise ValueError(f"ov_density must be at least 1 / {self.d_model}^2: one entry")
        if any(case.other_heads > case.other_features for case in self.others):
            raise ValueError("there must not be more of other_heads than of other_features")
        if self.other_d_model < max(self.other_features):
            raise ValueError("other_d_model must be at least the largest of other_features")


def run(lab: tm.Lab[Spec]) -> xr.DataTree:
    spec = lab.spec

    def problem(sparsity, ov_draw):
        return spec.mixing(ov_draw.sparse(spec.ov_density), sparsity)

    draws = ov_draws(lab, spec.d_model)
    sweep = lab.train("sparse_ovs", problem, ["sparsity", draws], shared_batches=True)
    sweep = sweep.assign_coords(ovs="sparse", features=spec.features, heads=2, bias=False)
    others = [
        one for case in spec.others for one in in_blocks(lab, case.other_features, case.other_heads)
    ]
    return tm.gather([sweep, *others])


def in_blocks(lab: tm.Lab[Spec], features: int, heads: int) -> Iterator[xr.Dataset]:
    """Train on OV matrices of disjoint outputs, without a bias and with one."""
    spec, name = lab.spec, f"{features}_in_{heads}"
    ovs = tm.OvDraw.of(lab.key(f"ovs_{name}"), features, spec.other_d_model).blocks()
    for bias in spec.other_bias:
        models = lab.train(
            f"{name}_bias" if bias else name,
            lambda ovs, bias=bias: spec.mixing(ovs, spec.other_sparsity, heads, bias),
            data={"ovs": ovs},
            shared_batches=True,
            stream=name,  # the same starting points and samples: all that differs is the bias
        )
        yield models.assign_coords(
            ovs="blocks", features=features, heads=heads, bias=bias, sparsity=spec.other_sparsity
        )


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    sweep, cases = tm.member(data, ovs="sparse"), len(tm.members(data, ovs="blocks", bias=False))
    figure = plotting.figure(max(1.55 * sweep.sizes["sparsity"], 1.4 * cases) + 0.4, 7.9)
    (top,), (bottom,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[4.9, 3.0])
    draw_sweep(top, sweep)
    draw_others(bottom, data)
    return figure


def draw_sweep(figure: FigureBase, sweep: xr.Dataset) -> None:
    """Draw the best M of each sparsity, its Gram matrix, and the losses of all restarts."""
    rows = ["columns of M", "$M^T M$", "loss / lowest of the draw"]
    columns = [plotting.sparsity_label(S) for S in sweep.sparsity.values]
    axes = plotting.panels(figure, rows, columns, height_ratios=[1.3, 0.9, 1.1])
    for i, (arrows, gram, strip) in enumerate(axes.T):
        here = sweep.isel(sparsity=i)
        M = tm.best_of(here.isel(ov_draw=0)).M.values
        draw_columns(arrows, M)
        plotting.heat_map(gram, geometry.gram(M))
        gram.set_aspect("equal")
        draw_losses(strip, here.loss.values, shapes(here.M.values))
    seen = Counter(shapes(sweep.M.values).ravel()).most_common()
    plotting.point_legend(figure, {name: color(name) for name, _ in seen})


def draw_losses(ax: Axes, loss: np.ndarray, names: np.ndarray) -> None:
    """Draw the sorted losses of all restarts, side by side for the draws [ov_draw, seed]."""
    ratios, order = loss / loss.min(axis=1, keepdims=True), loss.argsort(axis=1)
    draws, restarts = loss.shape
    x = np.arange(draws)[:, None] + np.linspace(-0.3, 0.3, restarts)
    colors = [color(name) for name in np.take_along_axis(names, order, 1).ravel()]
    ax.scatter(x, np.take_along_axis(ratios, order, 1), s=9, linewidths=0, color=colors)
    ((common, times),) = Counter(names.ravel()).most_common(1)
    ax.set_title(f"{common}: {times} of {names.size}", fontsize="small")
    ax.set(xticks=range(draws), xlabel="OV draw")
    plotting.log_axis(ax.yaxis, [1, 1.1, 1.25, 1.5, 2])
    ax.set_ylim(0.98, max(1.15, 1.03 * ratios.max()))


def draw_others(figure: FigureBase, data: xr.DataTree) -> None:
    """Draw the best M of the other counts: a column for each count, a row for each bias."""
    found = tm.members(data, ovs="blocks")
    found.sort(key=lambda one: (one.bias, one.heads, one.features))
    columns = len({(one.sizes["head"], one.sizes["attentional_feature"]) for one in found})
    for i, one in enumerate(found):
        M = tm.best_of(one).M.values
        solid = len(M) == 3
        ax = figure.add_subplot(
            -(-len(found) // columns), columns, i + 1, projection="3d" if solid else None
        )
        (plotting.feature_lines_3d if solid else draw_columns)(ax, M)
        if i < columns:
            ax.set_title(f"{one.features.item()} features\nin {one.heads.item()} heads")
        if i % columns == 0:
            ax.set_ylabel("bias" if one.bias else "no bias")


def claims(data: xr.DataTree) -> Iterator[tm.Claim]:
    sweep = tm.member(data, ovs="sparse")
    sparse = sweep.sel(sparsity=0.99, method="nearest")
    dense = sweep.sortby("sparsity").isel(sparsity=0)
    names, five = shapes(sparse.M.values), sweep.sizes["attentional_feature"] == 5
    is_sparse, is_dense = bool(sparse.sparsity >= SPARSE), bool(dense.sparsity <= 0.5)
    yield PAPER.equal(
        f"Sparse patterns, S = {sparse.sparsity:g}: the best of {sweep.sizes['seed']} restarts is "
        "a pentagon (share of OV draws)",
        1, np.mean(shapes(tm.best_of(sparse).M.values) == "pentagon"), when=is_sparse and five,
    )  # fmt: skip
    yield tm.Source("ours: the source shows single models").within(
        f"So are single restarts (their share, for each OV draw, S = {sparse.sparsity:g})",
        0.5, 1, (names == "pentagon").mean(axis=1), when=is_sparse and five,
    )  # fmt: skip
    yield PAPER.within(
        "Dense patterns do not show superposition: ||M||_F^2 is the number of heads (best of "
        "each OV draw)",
        1.8, 2.2, (tm.best_of(dense).M ** 2).sum(["head", "attentional_feature"]), when=is_dense,
    )  # fmt: skip
    yield tm.OURS.falls(
        "The columns lie in a cone more often with dense patterns than with sparse ones (shares "
        "of all restarts)",
        [np.mean(shapes(dense.M.values) == "cone"), np.mean(names == "cone")],
        when=is_dense and is_sparse,
    )
    yield from claims_of_counts(data)


def claims_of_counts(data: xr.DataTree) -> Iterator[tm.Claim]:
    """Judge the other counts, where they were trained at sparse patterns."""
    found = {K: M for K in POLYGONS if len(M := by_loss(data, K, 2))}
    yield tm.OURS.above(
        "Other counts in two heads have the geometry of as many features in two dimensions ("
        + ", ".join(f"{K}: {name}" for K, name in POLYGONS.items()) + "; share of restarts)",
        0.5, [np.mean(shapes(M) == POLYGONS[K]) for K, M in found.items()],
    )  # fmt: skip
    without, with_bias = (
        geometry.represented(by_loss(data, 8, 2, bias)[:1]).sum(axis=1) for bias in (False, True)
    )
    yield tm.Source("ours: without a threshold interference is left to ReLU and sparsity").above(
        "A bias allows two heads more than five features of eight, and more than there are without "
        "one (represented columns of the best)",
        max([5, *without]), with_bias, when=len(without) > 0,
    )  # fmt: skip
    octahedra = octahedron_error(by_loss(data, 6, 3))
    yield tm.OURS.within(
        "Six features in three heads form an octahedron (best restart: largest deviation of "
        "M^T M from it; median over restarts)",
        0, 0.15, [octahedra[0], np.median(octahedra)] if len(octahedra) else [],
    )  # fmt: skip


def by_loss(data: xr.DataTree, features: int, heads: int, bias: bool = False) -> np.ndarray:
    """Return all M of another count at sparse patterns, the lowest loss first, if there are any."""
    for one in tm.members(data, ovs="blocks", features=features, heads=heads, bias=bias):
        if one.sparsity >= SPARSE:
            return one.sortby("loss").M.values
    return np.empty((0, heads, features))


def octahedron_error(M: np.ndarray) -> np.ndarray:
    """Return how far M^T M is from an octahedron's: lengths 1, one antipode each, else 0."""
    gram = geometry.gram(M)
    antipodes = np.arange(gram.shape[-1]) == gram.argmin(axis=-1)[..., None]
    return np.abs(gram - np.eye(gram.shape[-1]) + antipodes).max(axis=(-1, -2))


EXPERIMENT = tm.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        sparsity=(0.5, 0.99),
        d_model=10,
        ov_density=0.05,
        ov_draws=2,
        restarts=3,
        steps=20,
        batch_size=8,
        test_samples=64,
        other_features=(6,),
        other_heads=(3,),
        other_bias=(False,),
        other_d_model=6,
    ),
    paper=Spec(
        sparsity=(0.5, 0.8, 0.9, 0.97, 0.99, 0.997),
        d_model=128,
        ov_density=0.0008,
        ov_draws=8,
        restarts=64,
        steps=2000,
    ),
    sweeps="sparsity",
    weights={"M": ("head", "attentional_feature")},
)

if __name__ == "__main__":
    EXPERIMENT.main()
