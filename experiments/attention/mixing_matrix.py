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

Findings: more overlap between OV matrices (d_model 64, density .003) bends the pentagons of some
draws until five columns are no polygon. Six features in two heads are a pentagon and one short
column, not a square with doubled columns. A bias allows two heads no more features (5 of 8 with
one, 6 without).
"""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

import jax
import numpy as np

from experiments.attention._heads import MixingSpec, draws_of, train
from experiments.attention._shapes import color, draw_columns, shapes
from toymodels import (
    Axis,
    Claim,
    Experiment,
    OvDraw,
    best_of,
    geometry,
    join_sizes,
    plotting,
)
from toymodels.suite.cli import main
from toymodels.suite.spec import Count, Fraction, Range, Sparsities

WHERE = "Anthropic, January 2024 update"
BIAS = {"no bias": False, "bias": True}


@dataclass(frozen=True)
class Spec(MixingSpec):
    """Settings; the source gives none."""

    sparsity: Sparsities = (0.5, 0.8, 0.9, 0.97, 0.99, 0.997)
    """S, the probability that an entry of an attention pattern is zero; one column each."""
    d_model: Count = 128
    """Width of the residual stream."""
    ov_density: Fraction = 0.0008
    """Share of an OV matrix that is not zero."""
    other_features: tuple[Count, ...] = (3, 4, 5, 6, 8, 6, 8)
    """Other numbers of attentional features, their OV matrices in disjoint blocks of outputs."""
    other_heads: tuple[Count, ...] = (2, 2, 2, 2, 2, 3, 3)
    """Numbers of heads, one for each of these."""
    other_sparsity: Annotated[float, Range(0, below=1)] = 0.99
    """S of their patterns."""
    other_d_model: Count = 24
    """Width of their residual stream."""

    def check(self):
        super().check()
        if len(self.other_features) != len(self.other_heads):
            raise ValueError("other_features and other_heads must have one entry for each case")
        if any(heads > features for features, heads in self.other_cases()):
            raise ValueError("there must not be more heads than attentional features")
        if round(self.ov_density * self.d_model**2) < 1:
            raise ValueError(
                f"an OV density of {self.ov_density:g} leaves the matrices empty at d_model = "
                f"{self.d_model}: they need one of {self.d_model**2} entries at least"
            )
        if self.other_d_model < max(self.other_features):
            raise ValueError("other_d_model must be at least the largest of other_features")

    def other_cases(self):
        """Return pairs of numbers of features and of heads."""
        return list(zip(self.other_features, self.other_heads, strict=True))


def run(spec, key, runner):
    draws = draws_of(spec, key, spec.d_model)
    ovs = jax.vmap(lambda draw: draw.sparse(spec.ov_density))(draws)
    swept = [Axis("sparsity", spec.sparsity), Axis("ov_draw", np.arange(spec.ov_draws), ovs)]
    models = train(spec, key, runner, "sparse_ovs", swept, spec.heads)
    return models.merge(other_counts(spec, key, runner))


def other_counts(spec, key, runner):
    cases = []
    for features, heads in spec.other_cases():
        blocks = OvDraw.of(jax.random.fold_in(key, features), features, spec.other_d_model).blocks()
        swept = [
            Axis("sparsity", [spec.other_sparsity]),
            Axis("ov_draw", [0], blocks[None]),
        ]
        kinds = [
            train(spec, key, runner, f"K{features}_J{heads}_{int(bias)}", swept, heads, bias)
            for bias in BIAS.values()
        ]
        cases.append(join_sizes(kinds, "bias", list(BIAS)))
    joined = join_sizes(cases, "case", [f"{K} in {J}" for K, J in spec.other_cases()])
    return joined.isel(sparsity=0, ov_draw=0, drop=True)[["M", "b", "loss"]].rename(
        M="other_M", b="other_b", loss="other_loss",
        head="other_head", attentional_feature="other_feature",
    )  # fmt: skip


@plotting.style()
def plot(dataset):
    columns, cases = dataset.sizes["sparsity"], dataset.sizes["case"]
    figure = plotting.figure(max(1.55 * columns, 1.4 * cases) + 0.4, 7.9)
    top, bottom = figure.subfigures(2, 1, height_ratios=[4.9, 3.0])
    draw_sweep(top, dataset)
    draw_cases(bottom, dataset)
    return figure


def draw_sweep(figure, dataset):
    """Draw the best M of each sparsity, its Gram matrix, and the losses of all restarts."""
    best = best_of(dataset)
    seen = Counter()
    axes = figure.subplots(3, dataset.sizes["sparsity"], squeeze=False,
                           height_ratios=[1.3, 0.9, 1.1])  # fmt: skip
    for (arrows, gram, strip), S in zip(axes.T, dataset.sparsity.values, strict=True):
        M = best.M.sel(sparsity=S, ov_draw=0).values
        arrows.set_title(plotting.sparsity_label(S))
        draw_columns(arrows, M, 1.3, rays=M.shape[1])
        plotting.heat_map(gram, geometry.gram(M))
        gram.set_aspect("equal")
        here = dataset.sel(sparsity=S).transpose("ov_draw", "seed", ...)
        names = shapes(here.M.values)
        lowest = here.loss.values.min(axis=1, keepdims=True)
        for draw, (losses, row) in enumerate(zip(here.loss.values / lowest, names, strict=True)):
            place = draw + np.linspace(-0.3, 0.3, len(losses))
            strip.scatter(place, losses[np.argsort(losses)], s=9, linewidths=0,
                          color=[color(name) for name in row[np.argsort(losses)]])  # fmt: skip
        ((common, times),) = Counter(names.ravel()).most_common(1)
        strip.set_title(f"{common}: {times} of {names.size}", fontsize="small")
        seen.update(names.ravel())
        strip.set(xticks=range(len(names)), xlabel="OV draw")
        plotting.log_axis(strip.yaxis, [1, 1.1, 1.25, 1.5, 2])
        strip.set_ylim(0.98, max(1.15, 1.03 * (here.loss.values / lowest).max()))
    axes[0, 0].set_ylabel("columns of M")
    axes[1, 0].set_ylabel("$M^T M$")
    axes[2, 0].set_ylabel("loss / lowest of the draw")
    plotting.point_legend(figure, {name: color(name) for name, _ in seen.most_common()})


def draw_cases(figure, dataset):
    """Draw the best M of the other counts, without a bias and with one."""
    rows = [(bias, case) for bias in dataset.bias.values for case in dataset.case.values]
    cases = dataset.sizes["case"]
    for i, (bias, case) in enumerate(rows):
        M = other(dataset, case, bias)[0]
        ax = figure.add_subplot(2, cases, i + 1, projection="3d" if len(M) == 3 else None)
        plotting.feature_lines_3d(ax, M) if len(M) == 3 else draw_columns(ax, M, 1.3, M.shape[1])
        if i < cases:
            ax.set_title(case.replace(" in ", " features\nin ") + " heads")
        if i % cases == 0:
            ax.set_ylabel(bias)


def other(dataset, case, bias):
    """Return all M of another count, the one with the lowest loss first."""
    models = dataset.sel(case=case, bias=bias)
    M = models.other_M.values[np.argsort(models.other_loss.values)]
    heads, features = int(case.split()[-1]), int(case.split()[0])
    return M[:, :heads, :features]


def claims(dataset):
    sparse = dataset.sel(sparsity=0.99, method="nearest")
    dense = dataset.isel(sparsity=int(dataset.sparsity.values.argmin()))
    names = shapes(sparse.transpose("ov_draw", "seed", ...).M.values)
    polygon = {5: "pentagon"}.get(dataset.sizes["attentional_feature"], "polygon")
    best = shapes(best_of(sparse).M.values)
    where = f"S = {float(sparse.sparsity):g}"
    cones = shapes(dense.M.values) == "cone"
    found = [
        Claim(
            f"Sparse patterns, {where}: the best of {dataset.sizes['seed']} restarts is a "
            f"{polygon} (share of OV draws)",
            WHERE,
            1,
            (best == polygon).mean(),
            bool((best == polygon).all()),
        ),
        Claim.within(
            f"So are single restarts (their share, for each OV draw, {where})",
            "ours: the source shows single models",
            (0.5, 1),
            (names == polygon).mean(axis=1),
        ),
        Claim.within(
            "Dense patterns do not show superposition: ||M||_F^2 is the number of heads (best of "
            "each OV draw)",
            WHERE,
            (0.9 * dataset.sizes["head"], 1.1 * dataset.sizes["head"]),
            (best_of(dense).M.values ** 2).sum(axis=(1, 2)),
        ),
        Claim(
            "Dense patterns: the columns lie in a cone (share of all restarts)",
            "ours",
            "above the share with sparse patterns",
            [cones.mean(), (names == "cone").mean()],
            bool(cones.mean() > (names == "cone").mean()),
        ),
    ]
    return [*found, *claims_of_counts(dataset)]


def claims_of_counts(dataset):
    expected = {"3 in 2": "digon + 1", "4 in 2": "square", "5 in 2": "pentagon",
                "8 in 2": "pentagon"}  # fmt: skip
    cases = [case for case in dataset.case.values if case in expected]
    agree = [np.mean(shapes(other(dataset, case, "no bias")) == expected[case]) for case in cases]
    found = [
        Claim(
            "Other counts in two heads have the geometry of as many features in two dimensions ("
            + ", ".join(f"{case}: {expected[case]}" for case in cases)
            + "; share of restarts)",
            "ours",
            "above one half each",
            agree,
            bool(cases and min(agree) > 0.5),
        ),
        more_with_bias(dataset),
    ]
    octahedra = [octahedron_error(M) for M in other_if_there(dataset, "6 in 3")]
    if octahedra:
        found.append(
            Claim.within(
                "Six features in three heads form an octahedron (best restart: largest deviation "
                "of M^T M from it; median over restarts)",
                "ours",
                (0, 0.15),
                [octahedra[0], np.median(octahedra)],
            )
        )
    return found


def more_with_bias(dataset):
    """Count how many columns the best models of eight features in two heads represent."""
    counts = [
        geometry.represented(other(dataset, dataset.case.values[wide(dataset)], bias)[0]).sum()
        for bias in BIAS
    ]
    return Claim(
        "A bias allows two heads more than five features (represented columns of "
        f"{dataset.case.values[wide(dataset)]}: best without, best with a bias)",
        "ours: without a threshold interference is left to the ReLU and to sparsity",
        "more with a bias than without, and above 5",
        counts,
        bool(counts[1] > max(counts[0], 5)),
    )


def wide(dataset):
    """Return the case with the most features in the fewest heads."""
    sizes = [tuple(map(int, case.split(" in "))) for case in dataset.case.values]
    return max(range(len(sizes)), key=lambda i: (-sizes[i][1], sizes[i][0]))


def other_if_there(dataset, case):
    return other(dataset, case, "no bias") if case in dataset.case.values else []


def octahedron_error(M):
    """Return how far M^T M is from the octahedron's: lengths 1, one antipode each, else 0."""
    gram = geometry.gram(M)
    target = np.eye(len(gram))
    target[np.arange(len(gram)), gram.argmin(axis=1)] = -1
    return np.abs(gram - target).max()


EXPERIMENT = Experiment(
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
        other_features=(3, 6),
        other_heads=(2, 3),
        other_d_model=6,
    ),
    paper=Spec(ov_draws=8, restarts=64, steps=2000),
    sweeps="sparsity",
    deviations=(
        "The source gives no sizes, sparsities or optimiser: d_model 128, OV density .0008, 8 "
        "tokens, Adam 2e-2 along a cosine, 1,000 steps, batch 32, all entries uniform on [0, 1].",
        "OV matrices are scaled to equal Frobenius norm; patterns are neither causal nor "
        "normalised over tokens.",
        "Best of the restarts by test loss; all of them are kept and counted.",
        "Other counts, the bias and the repeated OV draws are ours.",
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
