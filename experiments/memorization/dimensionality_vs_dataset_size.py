"""Test loss and dimensionality of features and datapoints against dataset size.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figure 3.

A ReLU-output model with two hidden dimensions is trained on T fixed datapoints. Small T: the model
represents datapoints, of dimensionality 2/T each, and the test loss is that of predicting zero.
With a dozen datapoints and more it gives some up, and the others share the two dimensions. At
T = 3 alone the exact memoriser has a positive bias, whose output on the datapoints' features costs
1/3 on fresh data. With 6,000 steps 30 datapoints are partly and 100 not yet memorised, and of 100
a seventh has no direction of its own, so that the others' D lies above 2/T.
Large T: it represents five features in a pentagon. In between it represents neither well, and the
test loss has a maximum: double descent. The location of the maximum differs by a factor of 4 to 7
between the source and its replications, so the claims are about existence and order.

Deviations:
- Here n = {n:,}, S = {sparsity:g} and {steps:,} steps; the source has 10,000, 0.999 and 50,000.
- Up to T = {few}: {few_steps:,} steps, weight decay {few_weight_decay:g} in place of 0.01, and the
  best of {few_restarts} restarts by training loss and, among equals, by norm.
- Up to T = {disjoint}, datapoints share no active feature. At the source's size a pair shares one
  with probability 0.01, here with 0.1, which bends the polygons.
- Adam's epsilon is 1e-8 n, as for a loss averaged over features: see `adam_epsilon`.
- All models of one T and restart start from the same weights; they differ in their datapoints.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import toymodels as tm
from experiments.memorization._models import (
    best_models,
    best_of_equals,
    by_size,
    draw_planes,
    longest,
    memorised,
    reaches_features,
)
from experiments.memorization._runs import PAPER, SMOKE, Spec, run
from toymodels import figure as fig
from toymodels import geometry, plotting

HENIGHAN = fig.Source("Henighan et al. 2023, figure 3")


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    models = best_models(data)
    T = [model.dataset_size.item() for model in models]
    figure = plotting.figure(11.4, 6.4)
    (upper,), (lower,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[3.4, 1.5])
    loss, dims = upper.subplots(2, 1, height_ratios=[1.5, 1.9], sharex=True)
    draw_losses(loss, data)
    draw_dimensionality(dims, models)
    draw_planes(lower, models)
    plotting.log_axis(dims.xaxis, T)
    dims.set(xlabel="dataset size T", xlim=(T[0] / 1.25, T[-1] * 1.25))
    upper.align_ylabels()
    return figure


def mean_test_loss(data: xr.DataTree) -> xr.DataArray:
    """Return the test loss for each dataset size, averaged over datasets, of the best restarts."""
    sizes = tm.select_all(data, budget=1)
    return by_size(sizes, lambda models: best_of_equals(models).test_loss.mean())


def draw_losses(ax: Axes, data: xr.DataTree) -> None:
    """Draw the test loss of every model, and the mean for each dataset size."""
    for models in tm.select_all(data, budget=1):
        loss, T = xr.broadcast(models.test_loss, models.dataset_size)
        (dots,) = ax.plot(T.values.flat, loss.values.flat, "o", color=plotting.MUTED, markersize=3)
    dots.set_label("each model")
    mean = mean_test_loss(data)
    ax.plot(mean.dataset_size, mean, color=plotting.INK, label="mean of the datasets")
    ax.axhline(1, color=plotting.FAINT, zorder=0, label="predicting zero")
    top = max(1.2, 1.1 * mean.max().item())
    plotting.log_axis(ax.yaxis, [1, 1.2, 1.4, 1.6, 1.8] if top < 2 else [1, 3, 10, 30, 100, 300])
    ax.set(ylabel="test loss", ylim=(0.9, top))
    ax.legend(loc="upper center")


def draw_dimensionality(ax: Axes, models: list[xr.Dataset]) -> None:
    """Draw dimensionalities of features (blue) and datapoints (red), and the share 2/T."""
    kinds = [("feature", plotting.FEATURE, 1.04), ("datapoint", plotting.DATAPOINT, 1 / 1.04)]
    for model, (kind, color, shift) in product(models, kinds):
        share = model[f"{kind}_dimensionality"]
        place = np.full(share.size, model.dataset_size * shift)
        ax.scatter(place, share, s=6, color=color, alpha=0.5, linewidths=0)
    T = np.array([models[0].dataset_size, models[-1].dataset_size])
    ax.plot(T, 2 / T, color=plotting.INK, linewidth=0.8)
    ax.axhline(2 / 5, color=plotting.FAINT, zorder=0)
    plotting.log_axis(ax.yaxis, [1, 0.4, 0.1, 0.01, 0.001])
    ax.set(ylabel="dimensionality D", ylim=(0.4 / T[-1], 1.4))
    names = {f"{kind}s": color for kind, color, _ in kinds}
    plotting.point_legend(ax, names, loc="upper right", ncols=2)
    ax.set_title(
        "D: the share of a dimension that each of them has; black: 2 / T, what T datapoints "
        "share evenly; 0.4: a pentagon",
        fontsize="medium",
    )


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    models, loss = best_models(data), mean_test_loss(data)
    over_even, kept = by_size(models, share_over_even), by_size(models, memorised_share)
    few, more = slice(3, 15), slice(16, 100)
    yield HENIGHAN.claim(
        "Few datapoints share both dimensions evenly (median of D over 2/T; memorised are "
        f"{kept.sel(dataset_size=few).round(2).values.tolist()} of T = "
        f"{over_even.sel(dataset_size=few).dataset_size.values.tolist()})"
    ).within(0.9, 1.1, over_even.sel(dataset_size=few))
    yield HENIGHAN.claim(
        "So do more, up to 100, of which most are not memorised yet (median of D over 2/T; "
        f"memorised are {kept.sel(dataset_size=more).round(2).values.tolist()} of T = "
        f"{over_even.sel(dataset_size=more).dataset_size.values.tolist()})"
    ).within(0.9, 1.1, over_even.sel(dataset_size=more))
    if reaches_features(models[-1]):
        yield from claims_of_many(models[-1], loss)


def share_over_even(model: xr.Dataset) -> xr.DataArray:
    """Return the median dimensionality of datapoints over an even share of two dimensions.

    Where some datapoints are memorised and others given up, the former share the dimensions.
    """
    kept = memorised(model)
    if not kept.any() or memorised_share(model) < 0.5:
        return model.datapoint_dimensionality.median() * model.dataset_size / 2
    return model.datapoint_dimensionality.where(kept).median() * kept.sum() / 2


def memorised_share(model: xr.Dataset) -> xr.DataArray:
    """Return the share of the datapoints that are memorised."""
    return memorised(model).mean()


def claims_of_many(largest: xr.Dataset, loss: xr.DataArray) -> Iterator[fig.Claim]:
    """Measure the model with the largest dataset, and the test loss over dataset sizes."""
    loss = loss.sel(dataset_size=slice(4, None))
    if loss.size > 2:
        yield HENIGHAN.claim(
            "Double descent: from T = 4 on the mean test loss has its maximum inside and ends "
            f"below where it begins (at the maximum, T = {int(loss.idxmax())}, at the smallest T "
            "and at the largest)"
        ).falls([loss.max(), loss[0], loss[-1]])
    yield HENIGHAN.claim(
        "With most datapoints the five longest features form a pentagon (angles of neighbours)"
    ).within(62, 82, geometry.angular_gaps(longest(largest.W)))
    features = np.sort(largest.feature_dimensionality)[-5:]
    yield HENIGHAN.claim(
        "Their dimensionality is below 2/5: all small features count in the denominator (theirs)"
    ).below(0.39, features)
    yield HENIGHAN.claim(
        "It is above any datapoint's (the largest of datapoints; the five largest of features)"
    ).first_before(largest.datapoint_dimensionality.max(), features)


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=SMOKE,
    paper=PAPER,
)

if __name__ == "__main__":
    EXPERIMENT.main()
