"""A ReLU on the hidden layer makes its neurons a privileged basis.

Source: Elhage et al. 2022, "Toy Models of Superposition", "Superposition in a Privileged Basis".

Above, the ReLU-output model h = W x, x' = relu(W^T h + b); below, the ReLU-hidden model with
h = relu(W x). Each column of a heat map, and the column of the stack plot below it, is a neuron.
Without the ReLU, every rotation of W is as good as W, and all features are spread over all
neurons. With it, neurons align with features: at S = 0.5 each neuron serves a single feature, at
S = 0.7 some serve a single and others several features, and at S = 0.9 nearly all serve several.

Right, the share of the largest weight in the weights of a neuron, in the mean over the neurons of
each model, divided by its mean over random rotations of the same W. It is 1 where neurons are no
special basis. Without the ReLU it is near 1, and rather below. With it, it falls to 1 as well where
features are sparse: at S = 0.97 neurons are as mixed as rotated ones.

Deviations:
- The source prints neither sizes nor S nor the optimiser: n = {n}, m = {m} and importances
  {importance_decay:g}^i follow a public replication; AdamW, learning rate {learning_rate:g}
  ({schedule} schedule), weight decay {weight_decay:g}, batch {batch_size:,}, {steps:,} steps. Each
  picture is the best of {restarts} restarts by test loss.
- The ratio to random rotations is not in the source.
"""

from collections.abc import Iterator

import jax
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

import toymodels as tm
from experiments.superposition._neurons import NeuronSpec, names_of
from toymodels import figure as fig
from toymodels import neurons, plotting

PAPER = fig.Source("Elhage et al. 2022, Superposition in a Privileged Basis")
ROTATIONS = fig.Source("ours: neurons against random rotations of them")
MODELS = {"linear": tm.ReluOutput, "ReLU": tm.ReluHidden}
"""The model by its hidden layer."""


class Spec(NeuronSpec):
    """Settings; the source prints neither sizes nor optimiser."""

    sparsity: fig.ActiveSparsities = (0.0, 0.5, 0.7, 0.9, 0.97)
    rotations: fig.Count = 100
    """Random rotations of each W."""
    restarts: fig.Count = 32
    steps: fig.Count = 3000
    batch_size: fig.Count = 512

    def check(self) -> None:
        super().check()
        if self.m > self.n:
            raise ValueError(f"m must be at most n; got {self.m} neurons")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec = lab.spec
    rotations = jax.random.orthogonal(lab.key("rotations"), spec.m, (spec.rotations,))
    return tm.gather([train(lab, hidden, np.asarray(rotations)) for hidden in MODELS])


def train(lab: fig.Lab[Spec], hidden: str, rotations: np.ndarray) -> xr.Dataset:
    """Train one of the models, and compare its neurons with rotations of them."""
    spec, kind = lab.spec, MODELS[hidden]

    def problem(sparsity):
        features = tm.SparseFeatures(spec.n, sparsity=sparsity, importance=spec.importance)
        model = lambda key: kind(spec.n, spec.m, key=key)  # noqa: E731
        return tm.Reconstruction(features, model, spec.batch_size), spec.adamw()

    # both models have the same initial weights and samples
    models = lab.train(hidden, problem, axes="sparsity", stream="models")
    rotated = [neurons.largest_share(Q @ models.W.values).mean(axis=-1) for Q in rotations]
    return models.assign(
        importance=("feature", spec.importance),
        rotated_share=(("sparsity", "seed"), np.mean(rotated, axis=0)),
    ).assign_coords(hidden_layer=hidden)


def alignment(models: xr.Dataset) -> xr.DataArray:
    """Return the mean share of a neuron's largest weight, over its mean under rotations."""
    return neurons.largest_share(models.W).mean("hidden") / models.rotated_share


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    figure = plotting.figure(11.4, 6.4)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[3.4, 1])[0]
    best = [
        tm.best_of(tm.select(data, hidden_layer=hidden)).sortby("sparsity") for hidden in MODELS
    ]
    limits = plotting.stack_limits(*(model.W for model in best))
    for part, models in zip(left.subfigures(2, 1), best, strict=True):
        draw_models(part, models, limits)
    key, features, ratios = right.subplots(3, 1, height_ratios=[1, 0.16, 1.3])
    draw_keys(key, features, models.sizes["feature"])
    draw_alignment(ratios, data)
    return figure


def draw_models(part: FigureBase, models: xr.Dataset, limits: tuple[float, float]) -> None:
    """Draw the best models of each S: W as a heat map, a column for each neuron, and as stacks."""
    n = models.sizes["feature"]
    layer = {"linear": "h = W x", "ReLU": "h = relu(W x)"}[models.hidden_layer.item()]
    titles = [plotting.sparsity_label(S) for S in models.sparsity.values]
    rows = ["feature\n(blue +, red -)", "weights"]
    axes = plotting.panels(part, rows, titles, sharey="row")
    for i, (heat, stack) in enumerate(axes.T):
        W = models.W.isel(sparsity=i)
        W = W.isel(hidden=neurons.by_main_feature(W).values)
        plotting.heat_map(heat, W.transpose("feature", "hidden"))
        plotting.stack_plot(stack, W, plotting.feature_colors(n), limits, names_of(n))
    axes[0, 0].set_yticks([0, n - 1], [1, n])
    part.suptitle(layer, fontsize=9)


def draw_keys(key: Axes, features: Axes, n: int) -> None:
    """Explain the stack plots and the features' colours."""
    plotting.stack_key(key, plotting.feature_colors(n))
    plotting.feature_key(
        features, plotting.feature_colors(n), names_of(n), "feature, by importance"
    )


def draw_alignment(ax: Axes, data: xr.DataTree) -> None:
    """Draw the alignment of the neurons with features over S, of every restart."""
    ratios = {}
    for hidden in MODELS:
        models = tm.select(data, hidden_layer=hidden).sortby("sparsity")
        ratios[f"{hidden} hidden layer"] = alignment(models).transpose("sparsity", "seed")
    plotting.restart_sweeps(ax, models.sparsity, ratios)
    ax.axhline(1, color=plotting.FAINT, zorder=0)
    ax.set(ylim=(0, None), xlabel="S", title="share of a neuron's largest weight,\nover rotations")
    ax.legend()


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    linear, relu = (tm.select(data, hidden_layer=name).sortby("sparsity") for name in MODELS)
    shares = [neurons.largest_share(models.W).mean(["hidden", "seed"]) for models in (linear, relu)]
    yield PAPER.claim(
        "The ReLU aligns features with neurons (mean share of a neuron's largest weight, with the "
        "ReLU over without, each S)"
    ).above(1.1, shares[1] / shares[0])
    yield PAPER.claim(
        "With the ReLU, S = 0.5: every neuron of the best model is monosemantic (shares of the "
        "largest weights)"
    ).above(0.8, neurons.largest_share(tm.at(tm.best_of(relu), sparsity=0.5).W))
    yield PAPER.claim(
        "With the ReLU, S = 0.7: the best model has neurons of one feature and of several "
        "(numbers of features, least and most)"
    ).rises(extremes(neurons.feature_count(tm.at(tm.best_of(relu), sparsity=0.7).W)))
    yield ROTATIONS.claim(
        "Without the ReLU the neurons are no special basis (share over that of random rotations, "
        "mean of all restarts, each S)"
    ).within(0.8, 1.1, alignment(linear).mean("seed"))
    yield ROTATIONS.claim(
        "With the ReLU, S = 0.5 and 0.7: neurons are aligned with features (the same ratio)"
    ).above(1.5, alignment(relu).sel(sparsity=slice(0.5, 0.7)).mean("seed"))


def extremes(counts: xr.DataArray) -> list[int]:
    """Return the least and the largest count, or nothing if there are none."""
    return [int(counts.min()), int(counts.max())] if counts.size else []


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(n=6, m=3, sparsity=(0.0, 0.5, 0.9), rotations=5, restarts=2, steps=50),
    paper=Spec(restarts=128, steps=10_000, batch_size=1024),
    describes={
        "hidden_layer": "linear, or with a ReLU",
        "rotated_share": "mean share of a neuron's largest weight, over random rotations of W",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
