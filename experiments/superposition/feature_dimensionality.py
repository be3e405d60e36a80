"""The dimensionality of each feature clusters at the fractions of polytopes.

Source: Elhage et al. 2022, "Toy Models of Superposition", "The Geometry of Superposition":
feature dimensionality, and which features share dimensions.

Each point is a feature: its dimensionality D_i over 1 / (1 - S). The line is D*, the dimensions per
represented feature. D_i clusters at fractions: 1/2 for antipodal pairs, 2/5 for pentagons, 3/8 for
square antiprisms, 0 for features that are not learned. Below, the graphs of the models with most
features alone and in each polytope: nodes are represented features, edges are as wide as
|W_i . W_j|. Features are connected if the cosine between them is above 1/4; each
component has the colour of the polytope that it matches.

Tetrahedra do not form here, and triangles in few runs: other polytopes save more. The best
radius and bias of a polytope, alone in its space, and the exact loss give the loss saved per
dimension: at 1 / (1 - S) = 2 it is 0.132 for antipodal pairs, 0.120 for pentagons, 0.118 for
triangles, 0.114 for tetrahedra and 0.104 for a feature alone. Pairs save most from 1.75 to 4,
pentagons at 5 and 6; triangles at 1.5 only, by 1 %, and tetrahedra nowhere. Near D = 2/3 are mostly
features alone in a dimension that many weak features share. Where D* is below 3/8, D_i stays in a
narrow band around D* and matches no fraction.

Deviations:
- The source prints no optimiser: AdamW, learning rate {learning_rate:g} ({schedule} schedule),
  weight decay {weight_decay:g}, batch {batch_size:,}, {steps:,} steps, {restarts} model each, with
  initial weights {init_scale:g} times Xavier's.
- The source does not say how it matches polytopes: here by the distance of Gram matrices.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.superposition._many_features import (
    DESCRIBES,
    PAPER,
    SMOKE,
    Spec,
    best_models,
    run,
)
from toymodels import figure as fig
from toymodels import geometry, plotting, polytopes

UNIFORM = fig.Source("Elhage et al. 2022, The Geometry of Superposition, feature dimensionality")
FRACTIONS = {
    "3/4": "tetrahedron",
    "2/3": "triangle",
    "1/2": "digon",
    "2/5": "pentagon",
    "3/8": "square antiprism",
    "0": "not learned",
}
NAMED = ("tetrahedron", "triangle", "digon", "pentagon", "square antiprism")
SHADES = plotting.kind_colors(6)
COLORS = {
    "tetrahedron": SHADES[0],
    "triangle": SHADES[1],
    "digon": SHADES[2],
    "pentagon": SHADES[3],
    "square antiprism": SHADES[5],
    "single": plotting.FEATURE,
    "other": plotting.MUTED,
}
OVERLAP = 0.25  # cosine from which features are connected
WITHIN = 0.02  # of a fraction


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    models = best_models(data)[0]
    figure = plotting.figure(11.4, 6.4)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.25, 1])[:, 0]
    chosen = choose(models)
    ax = above.subplots()
    draw_dimensionality(ax, models)
    letters = "abcde"[: len(chosen)]
    for letter, x in zip(letters, models.inverse_density.values[chosen], strict=True):
        ax.axvline(x, color=plotting.MUTED, linewidth=0.6, linestyle=":", zorder=0)
        ax.annotate(
            letter,
            (x, 1),
            xytext=(0, 2),
            xycoords=ax.get_xaxis_transform(),
            textcoords="offset points",
            ha="center",
            fontweight="bold",
        )
    axes = np.ravel(below.subplots(1, len(chosen), squeeze=False))
    for ax, letter, i in zip(axes, letters, chosen, strict=True):
        draw_graph(ax, models.isel(inverse_density=i), letter)
    return figure


def draw_dimensionality(ax: Axes, models: xr.Dataset) -> None:
    """Draw the dimensionality of each feature, and D*, over 1 / (1 - S)."""
    x, D = models.inverse_density, geometry.dimensionality(models.W)
    plotting.fraction_guides(ax, FRACTIONS)
    # side by side, so that equal values stay visible
    wide = 0.2 * np.diff(np.log(x), append=np.log(x[-1] + 0.1)).mean()
    spread = np.exp(np.linspace(-wide, wide, D.sizes["feature"]))
    places, values = np.broadcast_arrays(x.values[:, None] * spread, D)
    ax.scatter(places, values, s=2.5, color=plotting.FEATURE, alpha=0.6, linewidths=0)
    ax.plot(x, geometry.dimensions_per_feature(models.W), color=plotting.INK, label="D*")
    ax.set(xlabel="1 / (1 - S)", ylabel=r"dimensionality $D_i$")
    plotting.log_axis(ax.xaxis, [1, 1.5, 2, 3, 4, 5, 7, 10, 20, 50, 100])
    ax.legend(loc="upper right")


def draw_graph(ax: Axes, model: xr.Dataset, letter: str) -> None:
    """Draw the components of one model, with the number of each polytope."""
    kinds = list(COLORS)
    parts = sorted(found(model), key=lambda part: (kinds.index(kind(part)), len(part.features)))
    shades = [COLORS[kind(part)] for part in parts]
    plotting.feature_graph(ax, model.W, [part.features for part in parts], shades)
    ax.set_anchor("N")
    ax.set_title(f"{letter}: 1 / (1 - S) = {model.inverse_density.item():.2f}")
    counts = Counter(map(kind, parts))
    words = {f"{count} {plural(name, count)}": COLORS[name] for name, count in counts.items()}
    plotting.point_legend(ax, words, loc="center left", bbox_to_anchor=(1, 0.5), handletextpad=0)


def kind(part: polytopes.Polytope) -> str:
    """Return the name of a component, "other" for those without a colour."""
    return part.name if part.name in COLORS else "other"


def plural(name: str, count: int) -> str:
    """Return the name for this number of polytopes, short enough for a legend."""
    if name == "tetrahedron":
        return "tetrahedron" if count == 1 else "tetrahedra"
    short = {"square antiprism": "antiprism", "single": "alone"}.get(name, name)
    return short if count == 1 or name in ("single", "other") else f"{short}s"


def found(model: xr.Dataset) -> list[polytopes.Polytope]:
    """Return the components of one model."""
    return polytopes.find_polytopes(model.W, overlap=OVERLAP)


def features_in(models: xr.Dataset) -> xr.DataArray:
    """Count the features of each model alone and in polytopes, [inverse_density, polytope]."""
    names = ("single", *NAMED)
    counts = [
        [sum(len(part.features) for part in parts if part.name == name) for name in names]
        for parts in (found(models.isel(inverse_density=i)) for i in range(models.W.shape[0]))
    ]
    return xr.DataArray(
        counts,
        {"inverse_density": models.inverse_density.values, "polytope": list(names)},
        ("inverse_density", "polytope"),
    )


def choose(models: xr.Dataset) -> list[int]:
    """Return the positions of the models with most features alone and in each polytope."""
    counts = features_in(models)
    most = counts.argmax("inverse_density")[counts.max("inverse_density").values > 0]
    return sorted(set(most.values.tolist())) or [len(counts) - 1]


def near(D: np.ndarray, *values: float) -> np.ndarray:
    """Whether each dimensionality is near one of the values."""
    return (np.abs(D[:, None] - np.array(values)) < WITHIN).any(axis=1)


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    models = best_models(data)[0]
    D = geometry.dimensionality(models.W)
    filled = D.sum("feature") / models.sizes["hidden"]
    yield UNIFORM.claim(
        "Features fill the dimensions, and no dimension twice (sum of D_i over m, least and "
        "largest)"
    ).within(0.97, 1 + 1e-4, [filled.min(), filled.max()])
    shares = geometry.dimensions_per_feature(models.W)
    described = (shares >= 3 / 8).values  # below, no fraction is low enough
    learned = D.values[described][geometry.represented(models.W).values[described]]
    yield UNIFORM.claim(
        "D_i clusters at 3/4, 2/3, 1/2, 2/5 and 3/8 (share of represented features within "
        f"{WITHIN:g} of one, in models with D* from 3/8 on; 0.18 if D_i were even on [0, 1])"
    ).share_above(0.5, near(learned, 3 / 4, 2 / 3, 1 / 2, 2 / 5, 3 / 8))
    counts = features_in(models)
    for name in NAMED:
        yield UNIFORM.claim(f"Some features form a {name} (features, of all models)").above(
            0, counts.sel(polytope=name).sum() if learned.size else []
        )
    yield UNIFORM.claim(
        "Polytopes with unlike corners split into 2/3 and 1/2, and there is no cluster at 3/5 "
        "(features within 0.02 of 3/5, over those of 2/3)"
    ).below(0.5, near(learned, 3 / 5).sum() / max(near(learned, 2 / 3).sum(), 1))
    pairs = counts.sel(polytope="digon") / geometry.represented_count(models.W)
    yield UNIFORM.claim(
        "Where D* is near 1/2, represented features are in antipodal pairs (share, each model)"
    ).above(0.9, pairs[np.abs(shares.values - 0.5) < 0.03])


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
