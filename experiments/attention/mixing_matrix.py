"""Five attentional features in two heads: the columns of the mixing matrix.

Source: Anthropic, Circuits Updates January 2024, "Attention superposition": a toy model with one
mixing matrix for attention patterns and OV matrices.

The target is relu(sum_k A_k x O_k), with a fixed random OV matrix and a fresh sparse pattern for
each attentional feature; two heads mix patterns and OVs of five features by the same matrix M. As
y = relu(sum_kl (M^T M)_kl A_k x O_l), this is the toy model of features with M in the place of W,
and the columns of M arrange themselves alike: in a cone with dense patterns, in a pentagon with
sparse ones. The draw of the OV matrices, which bends the polygons, is an axis of its own; shown is
the best of `restarts` for one draw, and how often each geometry came out. Below: other numbers of
features and heads, with OV matrices of disjoint outputs, with and without a bias.

Findings: outputs that OV matrices share by chance bend the pentagons of some draws until five
columns are no polygon. Of 8 draws, d_model 64 and S = .99, the best model is a pentagon for 7 and 6
(two seeds) at density .0008, and for 6 and 5 at twice that. Six features in two heads are a
pentagon, the sixth column short or beside one of the five, not a square with doubled columns. A
bias allows two heads no more features (5 of 8 with one, 5 without).

Deviations:
- The source gives no sizes, sparsities or optimiser: d_model {d_model}, OV density {ov_density:g},
  {tokens} tokens, Adam {learning_rate:g} ({schedule} schedule), {steps:,} steps, batch
  {batch_size:,}, all entries uniform on [0, 1].
- OV matrices have equal Frobenius norm; patterns are neither causal nor normalised over tokens.
- Best of the {restarts} restarts by test loss; all of them are kept and counted.
- Other counts, the bias and the {ov_draws} OV draws are ours.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure, FigureBase
from pydantic import AfterValidator, Field

import toymodels as tm
from experiments.attention._heads import ANTHROPIC, MATRIX, MixingSpec, ov_draws
from toymodels import figure as fig
from toymodels import geometry, plotting

SPARSE = 0.98  # S from which on polygons are expected
POLYGONS = {3: "digon + 1", 4: "square", 5: "pentagon", 8: "pentagon"}

Switches = Annotated[tuple[bool, ...], Field(min_length=1), AfterValidator(fig.distinct)]


class Spec(MixingSpec):
    """Settings; the source gives none."""

    sparsity: fig.Sparsities = (0.5, 0.9, 0.97, 0.99, 0.997)
    """S, the probability that an entry of an attention pattern is zero; one column each."""
    d_model: fig.Count = 64
    """Width of the residual stream."""
    ov_density: fig.Fraction = 0.0008
    """Share of an OV matrix that is not zero."""
    ov_draws: fig.Count = 6
    other_features: fig.Counts = (3, 4, 5, 6, 8, 6, 8)
    """Other numbers of attentional features, their OV matrices in disjoint blocks of outputs."""
    other_heads: tuple[Annotated[int, Field(ge=2, le=3)], ...] = (2, 2, 2, 2, 2, 3, 3)
    """Numbers of heads, one for each of these."""
    other_bias: Switches = (False, True)
    """Whether these have a bias; one row each."""
    other_sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """S of their patterns."""
    other_d_model: fig.Count = 24
    """Width of their residual stream."""

    @property
    def others(self) -> list[Any]:
        """An object with other_features and other_heads for each case."""
        return self.zipped("other_features", "other_heads")

    def check(self) -> None:
        if round(self.ov_density * self.d_model**2) < 1:
            raise ValueError(f"ov_density must be at least 1 / {self.d_model}^2: one entry")
        if len({(case.other_features, case.other_heads) for case in self.others}) < len(
            self.others
        ):
            raise ValueError("other_features and other_heads must not name the same case twice")
        if any(case.other_heads > case.other_features for case in self.others):
            raise ValueError("there must not be more of other_heads than of other_features")
        if self.other_d_model < max(self.other_features):
            raise ValueError("other_d_model must be at least the largest of other_features")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec = lab.spec

    def problem(sparsity, ov_draw):
        return spec.mixing(ov_draw.sparse(spec.ov_density), sparsity)

    swept = "sparsity", ov_draws(lab, spec.d_model)
    sweep = lab.train("sparse_ovs", problem, swept, shared_batches=True)
    members = [sweep.assign_coords(ovs="sparse", features=spec.features, heads=2, bias=False)]
    for case in spec.others:
        features, heads = case.other_features, case.other_heads
        name = f"{features}_in_{heads}"
        ovs = tm.OvDraw.of(features, spec.other_d_model, key=lab.key(f"ovs_{name}")).blocks()
        for bias in spec.other_bias:
            models = lab.train(
                f"{name}_bias" if bias else name,
                partial(spec.mixing, sparsity=spec.other_sparsity, heads=heads, bias=bias),
                data={"ovs": ovs},
                shared_batches=True,
                stream=name,  # the same starting points and samples: all that differs is the bias
            )
            models = models.assign_coords(ovs="blocks", features=features, heads=heads, bias=bias)
            members.append(models.assign_coords(sparsity=spec.other_sparsity))
    return tm.gather(members)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    sweep, others = tm.select(data, ovs="sparse"), tm.select_all(data, ovs="blocks")
    biases = len(tm.settings(data, "bias"))
    cases = [others[i : i + biases] for i in range(0, len(others), biases)]
    columns = -(-len(cases) // 4)
    figure = plotting.figure(11.4, 6.4)
    widths = [1.2 + sweep.sizes["sparsity"], columns]
    ((left, right),) = figure.subfigures(1, 2, squeeze=False, wspace=0.04, width_ratios=widths)
    draw_sweep(left, sweep)
    S = plotting.sparsity_label(others[0].sparsity.item())
    words = f"features in heads, {S}, disjoint outputs;\nlong: columns above 1/2 in length"
    right.suptitle(words, fontsize=8)
    best = [[tm.best_of(one).M.values for one in case] for case in cases]
    titles = [title_of(*of) for of in zip(cases, best, strict=True)]
    plotting.vector_panels(right, titles, [M for M, *_ in best], columns)
    return figure


def title_of(case: list[xr.Dataset], best: list[np.ndarray]) -> str:
    """Say how many features are in how many heads, and how many columns are long."""
    long = [geometry.represented(M).sum() for M in best]
    names = ["with bias" if one.bias else "long" for one in case]
    held = [f"{n} {name}" for n, name in zip(long, names, strict=True)]
    return f"{case[0].features:d} in {case[0].heads:d} heads:\n{', '.join(held)}"


def draw_sweep(figure: FigureBase, sweep: xr.Dataset) -> None:
    """Draw the best M of each sparsity, its Gram matrix, and the losses of all restarts."""
    rows = ["columns of M, a colour each", "$M^T M$ from red, -1, by\nwhite, 0, to blue, 1", ""]
    columns = [plotting.sparsity_label(S) for S in sweep.sparsity.values]
    axes = plotting.panels(
        figure, rows, columns, sharex="row", sharey="row", height_ratios=[4, 3.6, 5]
    )
    best, names = tm.best_of(sweep).isel(ov_draw=0), geometry.arrangement(sweep.M.values)
    seen = [name for name, _ in Counter(names.ravel()).most_common(8)]
    for M, loss, named, panels in zip(best.M.values, sweep.loss, names, axes.T, strict=True):
        plotting.polygon_arrows(panels[0], M)
        plotting.heat_map(panels[1], geometry.gram(M)).axes.set_aspect("equal")
        plotting.losses_by_outcome(panels[2], loss, named, seen)
    figure.suptitle("S, the share of the attention patterns' entries that are zero", fontsize=8)
    figure.supxlabel(
        "test loss over the lowest with the same OV matrices, restarts by outcome; "
        f"dark: the best for each of {sweep.sizes['ov_draw']} draws of these",
        fontsize=8,
    )


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    sweep = tm.select(data, ovs="sparse").sortby("sparsity")
    dense, sparse = sweep.isel(sparsity=0), sweep.sel(sparsity=0.99, method="nearest")
    names, best = (geometry.arrangement(one.M.values) for one in (sparse, tm.best_of(sparse)))
    is_dense, is_sparse = bool(dense.sparsity <= 0.5), bool(sparse.sparsity >= SPARSE)
    pentagons = is_sparse and sweep.sizes["attentional_feature"] == 5
    S, restarts = sparse.sparsity.item(), sweep.sizes["seed"]
    yield ANTHROPIC.claim(
        f"Sparse, S = {S:g}: for most OV draws the best of {restarts} restarts is a pentagon "
        "(share of draws)",
        when=pentagons,
    ).share_above(0.5, best == "pentagon")
    yield (
        fig.Source("ours: the source shows single models")
        .claim(f"So are single restarts, S = {S:g} (share of all)", when=pentagons)
        .share_above(0.5, names == "pentagon")
    )
    yield ANTHROPIC.claim(
        "Dense patterns show no superposition: ||M||_F^2 is the number of heads (best, each draw)",
        when=is_dense,
    ).within(1.8, 2.2, (tm.best_of(dense).M ** 2).sum(MATRIX))
    yield fig.OURS.claim(
        "Columns lie in a cone more often with dense patterns than with sparse ones (shares of all "
        "restarts)",
        when=is_dense and is_sparse,
    ).falls([np.mean(geometry.arrangement(one.M.values) == "cone") for one in (dense, sparse)])
    yield from claims_of_counts(data)


def claims_of_counts(data: xr.DataTree) -> Iterator[fig.Claim]:
    """Judge the other counts, where they were trained at sparse patterns."""
    by_loss = {
        (one.features.item(), one.heads.item(), one.bias.item()): one.sortby("loss").M.values
        for one in tm.select_all(data, ovs="blocks")
        if one.sparsity >= SPARSE
    }
    found = {K: by_loss[K, 2, False] for K in POLYGONS if (K, 2, False) in by_loss}
    yield fig.OURS.claim(
        "Two heads arrange other counts of features as two dimensions do ("
        + ", ".join(f"{K}: {name}" for K, name in POLYGONS.items())
        + "; share of restarts)"
    ).above(0.5, [np.mean(geometry.arrangement(M) == POLYGONS[K]) for K, M in found.items()])
    eight = [by_loss[8, 2, bias][0] for bias in (False, True) if (8, 2, bias) in by_loss]
    without, *with_bias = [int(geometry.represented(M).sum()) for M in eight] or [0]
    yield (
        fig.Source("ours: without a threshold interference is left to ReLU and sparsity")
        .claim(
            "With a bias two heads represent more than five of eight features, and more than "
            "without one (number in the best restart)"
        )
        .above(max(5, without), with_bias)
    )
    octahedra = geometry.cross_polytope_error(by_loss.get((6, 3, False), np.empty((0, 3, 6))))
    yield fig.OURS.claim(
        "Six features in three heads form an octahedron (largest deviation of M^T M from it: best "
        "restart, median)"
    ).within(0, 0.15, [octahedra[0], np.median(octahedra)] if len(octahedra) else [])


EXPERIMENT = fig.Experiment(
    __file__, Spec, run, plot, claims,
    smoke=Spec(
        sparsity=(0.5, 0.99), d_model=10, ov_density=0.05, ov_draws=2,
        other_features=(6,), other_heads=(3,), other_bias=(False,), other_d_model=6,
        restarts=3, steps=20, batch_size=8, test_samples=64,
    ),
    paper=Spec(
        sparsity=(0.5, 0.8, 0.9, 0.97, 0.99, 0.997), d_model=128, ov_density=0.0004, ov_draws=8,
        restarts=64, steps=2000,
    ),
    describes={
        "ov_draw": "draw of the OV matrices",
        "ovs": "kind of OV matrices",
        "features": "number of attentional features",
        "heads": "number of heads",
        "bias": "whether the model has a bias",
    },
)  # fmt: skip

if __name__ == "__main__":
    EXPERIMENT.main()
