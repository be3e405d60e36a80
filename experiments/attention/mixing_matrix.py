"""Five attentional features in two heads: the columns of the mixing matrix.

Source: Anthropic, Circuits Updates January 2024, "Attention superposition": a toy model with one
mixing matrix for attention patterns and OV matrices.

The target is relu(sum_k A_k x O_k), with a fixed random OV matrix and a fresh sparse pattern for
each attentional feature; two heads mix patterns and OVs of five features by the same matrix M. As
y = relu(sum_kl (M^T M)_kl A_k x O_l), this is the toy model of features with M instead of W, and
the columns of M have the same arrangements: a cone with dense patterns, a pentagon with sparse
ones. The draw of the OV matrices, which distorts the polygons, is a separate axis; the figure shows
the best of `restarts` for one draw, and the number of restarts with each geometry. Below: other
numbers of features and heads, with OV matrices of disjoint outputs, with and without a bias.

Findings: six features in two heads are a pentagon, the sixth column short or beside one of the
five, not a square with doubled columns. A bias allows two heads no more features (5 of 8 with one,
5 without).

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
from typing import Annotated, Any

import jax
import xarray as xr
from matplotlib.figure import Figure, FigureBase
from pydantic import AfterValidator, Field

import toymodels as tm
from experiments.attention._heads import ANTHROPIC, MATRIX, MixingSpec, mixing, ov_draws
from toymodels import figure as fig
from toymodels import geometry, plotting

RESTARTS = fig.Source("ours: the source shows single models")
BIAS = fig.Source("ours: without a threshold interference is left to ReLU and sparsity")
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
        self.check_distinct("other_features", "other_heads")
        if any(case.other_heads > case.other_features for case in self.others):
            raise ValueError("there must not be more of other_heads than of other_features")
        if self.other_d_model < max(self.other_features):
            raise ValueError("other_d_model must be at least the largest of other_features")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec = lab.spec

    def problem(sparsity, ov_draw):
        return mixing(spec, ov_draw.sparse(spec.ov_density), sparsity)

    axes = "sparsity", ov_draws(lab, spec.d_model)
    sweep = lab.train("sparse_ovs", problem, axes, shared_batches=True)
    models = [sweep.assign_coords(ovs="sparse", features=spec.features, heads=2, bias=False)]
    for case in spec.others:
        features, heads = case.other_features, case.other_heads
        key = lab.key(f"ovs_{features}_in_{heads}")
        ovs = tm.OvDraw.of(features, spec.other_d_model, key=key).blocks()
        models += [train_blocks(lab, ovs, heads, bias) for bias in spec.other_bias]
    return tm.gather(models)


def train_blocks(lab: fig.Lab[Spec], ovs: jax.Array, heads: int, bias: bool) -> xr.Dataset:
    """Train on OV matrices [features, d_model, d_model] with disjoint outputs."""
    spec, features = lab.spec, len(ovs)
    stream = f"{features}_in_{heads}"  # same initial M and samples with and without a bias
    models = lab.train(
        f"{stream}_bias" if bias else stream,
        lambda ovs: mixing(spec, ovs, spec.other_sparsity, heads, bias=bias),
        data={"ovs": ovs},
        shared_batches=True,
        stream=stream,
    )
    return models.assign_coords(
        ovs="blocks", features=features, heads=heads, bias=bias, sparsity=spec.other_sparsity
    )


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    sweep = tm.select(data, ovs="sparse")
    by_bias = [tm.select_all(data, ovs="blocks", bias=bias) for bias in (False, True)]
    cases = list(zip(*filter(None, by_bias), strict=True))  # with and without a bias, or one
    columns = -(-len(cases) // 4)
    figure = plotting.figure(11.4, 6.4)
    widths = [1.2 + sweep.sizes["sparsity"], columns]
    ((left, right),) = figure.subfigures(1, 2, squeeze=False, wspace=0.04, width_ratios=widths)
    draw_sweep(left, sweep)
    S = plotting.sparsity_label(cases[0][0].sparsity.item())
    words = f"features in heads, {S}, disjoint outputs;\nlong: columns above 1/2 in length"
    right.suptitle(words, fontsize=8)
    best = [tm.best_of(models).M for models, *_ in cases]
    plotting.vector_panels(right, [title_of(case) for case in cases], best, columns)
    return figure


def title_of(case: tuple[xr.Dataset, ...]) -> str:
    """Return a title with the numbers of features, heads and represented features."""
    counts = [
        f"{long_columns(models):d} {'with bias' if models.bias else 'long'}" for models in case
    ]
    return f"{case[0].features:d} in {case[0].heads:d} heads:\n{', '.join(counts)}"


def long_columns(models: xr.Dataset) -> int:
    """Count the features that the best model represents."""
    return geometry.represented_count(tm.best_of(models).M).item()


def draw_sweep(figure: FigureBase, sweep: xr.Dataset) -> None:
    """Draw the best M of each sparsity, its Gram matrix, and the losses of all restarts."""
    rows = ["columns of M, a colour each", "$M^T M$ from red, -1, by\nwhite, 0, to blue, 1", ""]
    columns = [plotting.sparsity_label(S) for S in sweep.sparsity.values]
    axes = plotting.panels(
        figure, rows, columns, sharex="row", sharey="row", height_ratios=[4, 3.6, 5]
    )
    best, names = tm.best_of(sweep).isel(ov_draw=0), geometry.arrangement(sweep.M)
    frequent = [name for name, _ in Counter(names.values.flat).most_common(8)]
    for S, (arrows, heat, losses) in zip(sweep.sparsity, axes.T, strict=True):
        M = best.M.sel(sparsity=S)
        plotting.polygon_arrows(arrows, M)
        plotting.heat_map(heat, geometry.gram(M)).axes.set_aspect("equal")
        outcomes = names.sel(sparsity=S)
        plotting.losses_by_outcome(losses, sweep.loss.sel(sparsity=S), outcomes, frequent)
    figure.suptitle("S, the share of the attention patterns' entries that are zero", fontsize=8)
    figure.supxlabel(
        "test loss over the lowest with the same OV matrices, restarts by outcome; "
        f"dark: the best for each of {sweep.sizes['ov_draw']} draws of these",
    )


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    sweep = tm.select(data, ovs="sparse")
    best, names = tm.best_of(sweep), geometry.arrangement(sweep.M)
    if sweep.sizes["attentional_feature"] == 5:
        yield ANTHROPIC.claim(
            f"Sparse, S = 0.99: for most OV draws the best of {sweep.sizes['seed']} restarts is a "
            "pentagon (share of draws)"
        ).share_above(0.5, tm.at(geometry.arrangement(best.M), sparsity=0.99) == "pentagon")
        yield RESTARTS.claim("So are single restarts, S = 0.99 (share of all)").share_above(
            0.5, tm.at(names, sparsity=0.99) == "pentagon"
        )
    yield ANTHROPIC.claim(
        "Dense patterns show no superposition: ||M||_F^2 is the number of heads (best, each draw)"
    ).within(1.8, 2.2, tm.at((best.M**2).sum(MATRIX), sparsity=0.5))
    cones = (names == "cone").mean(["ov_draw", "seed"])
    yield fig.OURS.claim(
        "Columns lie in a cone more often with dense patterns than with sparse ones (shares of all "
        "restarts)"
    ).falls([*tm.at(cones, sparsity=0.5), *tm.at(cones, sparsity=0.99)])
    if tm.select_all(data, ovs="blocks")[0].sparsity >= 0.98:
        yield from claims_of_counts(data)


def claims_of_counts(data: xr.DataTree) -> Iterator[fig.Claim]:
    """Measure other numbers of features and heads, at sparse patterns."""
    shares = [
        (geometry.arrangement(models.M) == name).mean()
        for features, name in POLYGONS.items()
        for models in tm.select_all(data, ovs="blocks", features=features, heads=2, bias=False)
    ]
    yield fig.OURS.claim(
        "Two heads arrange other counts of features as two dimensions do ("
        + ", ".join(f"{features}: {name}" for features, name in POLYGONS.items())
        + "; share of restarts)"
    ).above(0.5, shares)
    eight = tm.select_all(data, ovs="blocks", features=8, heads=2)
    long = {bool(models.bias): long_columns(models) for models in eight}
    if len(long) == 2:
        yield BIAS.claim(
            "With a bias two heads represent more than five of eight features, and more than "
            "without one (number in the best restart)"
        ).above(max(5, long[False]), long[True])
    for models in tm.select_all(data, ovs="blocks", features=6, heads=3, bias=False):
        error = geometry.cross_polytope_error(models.M)
        best = tm.best_of(models.assign(error=error)).error
        yield fig.OURS.claim(
            "Six features in three heads form an octahedron (largest deviation of M^T M from it: "
            "best restart, median)"
        ).within(0, 0.15, [best, error.median()])


EXPERIMENT = fig.Experiment(
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
        other_features=(6,),
        other_heads=(3,),
        other_bias=(False,),
        other_d_model=6,
        restarts=3,
        steps=20,
        batch_size=8,
        test_samples=64,
    ),
    paper=Spec(
        sparsity=(0.5, 0.8, 0.9, 0.97, 0.99, 0.997),
        d_model=128,
        ov_density=0.0004,
        ov_draws=8,
        restarts=64,
        steps=2000,
    ),
    describes={
        "ovs": "kind of OV matrices",
        "features": "number of attentional features",
        "bias": "whether the model has a bias",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
