"""Neurons of a ReLU hidden layer, from monosemantic to polysemantic as features get sparser.

Source: Elhage et al. 2022, "Toy Models of Superposition", "Superposition in a Privileged Basis".

Above, the best of {restarts:,} ReLU-hidden models, h = relu(W x), x' = relu(W^T h + b), for each S:
each column is a neuron, each block a weight. Below, the share of the largest weight among the
weights of each neuron of all models, as a histogram, with the neurons of the best model as dots;
the number of polysemantic neurons, those with another weight of at least 0.3 of the largest; and
the number of configurations among the ten best models. A configuration says which features each
neuron has, in any order of the neurons.

Dense features are spread over the neurons of most models, though less so in the best. At S = 0.3
and 0.5 all neurons of the best models are monosemantic, one for each of the five most important
features. At S = 0.7 and 0.8 the two neurons of the least important features are polysemantic: they
serve three features with weights of both signs. At S = 0.9 and 0.95 all are polysemantic. From
S = 0.3 to 0.8 the ten best models have one configuration. At S = 0.95 each has another, so that
"the best configuration" is one of many of nearly the same loss.

Deviations:
- The source prints neither S nor the optimiser: AdamW, learning rate {learning_rate:g} ({schedule}
  schedule), weight decay {weight_decay:g}, batch {batch_size:,}, {steps:,} steps. All {restarts:,}
  models of an S are trained on the same batches.
- The histogram and the counts are not in the source.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import toymodels as tm
from experiments.superposition._neurons import NeuronSpec, names_of
from toymodels import figure as fig
from toymodels import neurons, plotting

PAPER = fig.Source("Elhage et al. 2022, Superposition in a Privileged Basis, over sparsity")
MANY = fig.Source("ours: all trained models, not the best alone")
TEN = 10
"""The number of best models whose configurations are compared."""


class Spec(NeuronSpec):
    """Settings; the source prints n, m, the importances and the number of restarts."""

    importance_decay: fig.Positive = 0.75
    sparsity: fig.ActiveSparsities = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
    restarts: fig.Count = 1000
    steps: fig.Count = 2000
    batch_size: fig.Count = 128


def run(lab: fig.Lab[Spec]) -> xr.Dataset:
    spec = lab.spec

    def problem(sparsity):
        features = tm.SparseFeatures(spec.n, sparsity=sparsity, importance=spec.importance)
        model = lambda key: tm.ReluHidden(spec.n, spec.m, key=key)  # noqa: E731
        return tm.Reconstruction(features, model, spec.batch_size), spec.adamw()

    return lab.train("models", problem, axes="sparsity", shared_batches=True)


def polysemantic(models: xr.Dataset) -> xr.DataArray:
    """Return the number of neurons of each model that have several features."""
    return (neurons.feature_count(models.W) > 1).sum("hidden")


def configurations(models: xr.Dataset) -> xr.DataArray:
    """Return the number of configurations among the ten best models of each S."""
    counts = [
        len({configuration(W) for W in one.W.isel(seed=np.argsort(one.loss.values)[:TEN]).values})
        for one in (
            models.isel(sparsity=i).transpose("seed", ...) for i in range(len(models.sparsity))
        )
    ]
    return xr.DataArray(counts, {"sparsity": models.sparsity.values}, ("sparsity",))


def configuration(W: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Return the features of each neuron of W [m, n], the neurons in a fixed order."""
    size = np.abs(W)
    has = size >= 0.3 * size.max(axis=1, keepdims=True)
    return tuple(sorted(tuple(np.flatnonzero(row).tolist()) for row in has))


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    models = data.sortby("sparsity")
    best, n = tm.best_of(models), data.sizes["feature"]
    figure = plotting.figure(11.4, 6.0)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[1, 1])[:, 0]
    titles = [plotting.sparsity_label(S) for S in best.sparsity.values]
    ratios = {"width_ratios": [1] * len(titles) + [1.2]}
    *stacks, key = plotting.panels(above, ["weights of each neuron"], [*titles, ""], **ratios)[0]
    limits = plotting.stack_limits(best.W)
    for ax, W in zip(stacks, best.W, strict=True):
        order = neurons.by_main_feature(W).values
        plotting.stack_plot(
            ax, W.isel(hidden=order), plotting.feature_colors(n), limits, names_of(n)
        )
    for ax in stacks[1:]:
        ax.set_yticklabels([])
    plotting.stack_key(key, plotting.feature_colors(n))
    shares, counts, kinds = below.subplots(1, 3, width_ratios=[1.7, 1, 1])
    draw_shares(shares, models, best)
    plotting.restart_counts(
        counts, range(len(titles)), polysemantic(models).values, polysemantic(best).values
    )
    counts.set_title(f"polysemantic neurons of {models.sizes['seed']:,} models, line: the best")
    kinds.plot(range(len(titles)), configurations(models), "o-", color=plotting.INK)
    kinds.set(ylim=(0, TEN + 0.5), title=f"configurations among the {TEN} best models")
    for ax in (shares, counts, kinds):
        plotting.even_axis(ax.xaxis, best.sparsity)
        ax.set_xlabel("S")
    return figure


def draw_shares(ax: Axes, models: xr.Dataset, best: xr.Dataset) -> None:
    """Draw histograms of the largest share of all neurons at each S, the best model's as dots."""
    edges = np.linspace(0, 1, 51)
    middles = (edges[1:] + edges[:-1]) / 2
    for i in range(models.sizes["sparsity"]):
        every = neurons.largest_share(models.W.isel(sparsity=i)).values.ravel()
        counts = np.histogram(every, edges)[0]
        ax.fill_betweenx(
            middles, i, i + 0.75 * counts / counts.max(), color=plotting.FAINT, linewidth=0
        )
        own = neurons.largest_share(best.W.isel(sparsity=i))
        ax.plot(np.full(own.size, i), own, "o", color=plotting.INK, markersize=3)
    ax.set(ylim=(0, 1.03), title="share of a neuron's largest weight: all models, dots: the best")


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    models = data.sortby("sparsity")
    best = tm.best_of(models)
    yield PAPER.claim(
        "S = 0.5: every neuron of the best model is monosemantic (numbers of features)"
    ).equal(1, neurons.feature_count(tm.at(best, sparsity=0.5).W))
    mixed = polysemantic(tm.at(best, sparsity=0.7))
    yield PAPER.claim(
        "S = 0.7: the best model has neurons of both kinds (number of polysemantic ones)"
    ).within(1, models.sizes["hidden"] - 1, mixed)
    yield PAPER.claim(
        "S = 0.95: every neuron of the best model is polysemantic (numbers of features)"
    ).above(1, neurons.feature_count(tm.at(best, sparsity=0.95).W))
    sparse = models.sel(sparsity=slice(0.5, None))
    yield PAPER.claim(
        "From S = 0.5 on, sparser features have more polysemantic neurons (mean of all models, "
        "each S)"
    ).rises(polysemantic(sparse).mean("seed"))
    ends = tm.at(models, sparsity=0), tm.at(models, sparsity=0.5)
    shares = [neurons.largest_share(one.W).mean().item() for one in ends if one.sparsity.size]
    yield MANY.claim(
        "Neurons of dense features are less pure than at S = 0.5 (mean share of the largest "
        "weight, S = 0 and 0.5)"
    ).rises(shares)
    kinds = configurations(models)
    yield PAPER.claim(
        "S = 0.3 and 0.5: the best models agree (configurations among the ten best)"
    ).equal(1, kinds.sel(sparsity=slice(0.3, 0.5)))
    yield MANY.claim(
        "From S = 0.8 to 0.95: the best models agree less and less (configurations among the ten "
        "best, each S)"
    ).rises(kinds.sel(sparsity=slice(0.8, 0.95)))


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(sparsity=(0.0, 0.5, 0.9), restarts=12, steps=50),
    paper=Spec(steps=20_000, batch_size=1024),
)

if __name__ == "__main__":
    EXPERIMENT.main()
