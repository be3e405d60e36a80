"""Test loss and dimensionality of features and datapoints against dataset size.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figure 3.

A ReLU-output model with two hidden dimensions is trained on T fixed datapoints. Small T: the
datapoints have the dimensions, 2/T each, and the test loss is that of knowing nothing. Large T:
the features have them, five in a pentagon. In between neither does, and the test loss has a
bump: double descent. Where the bump lies differs by a factor of 4 to 7 between the source and
its replications, so the claims are about existence and order.

Findings, at `paper`: the bump is at T = 1,000 to 5,000 and hundreds high, where the source has
1.01 and a replication one that reaches up to 5,000: the models memorise nearly all the way to the
onset of features, between T = 5,000 and 10,000. Where some datapoints are given up, near the
origin (T = 15 to 100), the others have 10 to 25 % more than 2/T.

Deviations:
- Here n = {n:,}, S = {sparsity:g} and {steps:,} steps; the source has 10,000, 0.999 and 50,000.
- All models of one T and restart start from the same weights; they differ in their datapoints.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import toymodels as tm
from experiments.memorization._models import (
    best,
    draw_planes,
    longest,
    mean_test_loss,
    reaches_features,
    same_size,
    sizes,
)
from experiments.memorization._runs import PAPER, SMOKE, WEIGHTS, Spec, run
from toymodels import geometry, plotting

HENIGHAN = tm.Source("Henighan et al. 2023, figure 3")


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    shown = sizes(data)
    figure = plotting.figure(11.4, 6.6)
    (upper,), (lower,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[3.4, 1.5])
    loss, dims = upper.subplots(2, 1, height_ratios=[1.5, 1.9])
    draw_losses(loss, data)
    draw_dimensionality(dims, [best(data, T) for T in shown])
    draw_planes(lower, [best(data, T) for T in shown])
    for ax in (loss, dims):
        plotting.log_axis(ax.xaxis, shown)
        ax.set_xlim(shown[0] / 1.25, shown[-1] * 1.25)
    loss.set_xticklabels([])
    dims.set_xlabel("dataset size T")
    upper.align_ylabels()
    return figure


def draw_losses(ax: Axes, data: xr.DataTree) -> None:
    """Draw the test loss of every model, and the mean for each dataset size."""
    for T in sizes(data):
        losses = same_size(data, T).test_loss.values
        ax.plot(np.full(losses.size, T), losses, "o", color=plotting.MUTED, markersize=3)
    ax.plot(sizes(data), mean_test_loss(data), color=plotting.INK)
    ax.axhline(1, color=plotting.FAINT, linewidth=0.8, zorder=0)
    plotting.log_axis(ax.yaxis, np.array([1, 2, 4, 10, 30, 100, 300, 1000]))
    ax.set(ylabel="test loss", ylim=(0.9, None))


def draw_dimensionality(ax: Axes, models: list[xr.Dataset]) -> None:
    """Draw each model's features in blue and its datapoints in red, beside the share 2/T."""
    plotting.fraction_guides(ax, ("1", "2/3", "2/5", "0"))
    for model in models:
        for quantity, color, shift in [
            (model.feature_dimensionality, plotting.FEATURE, 1.03),
            (model.datapoint_dimensionality, plotting.DATAPOINT, 1 / 1.03),
        ]:
            place = np.full(quantity.size, model.dataset_size * shift)
            ax.scatter(place, quantity, s=5, color=color, alpha=0.5, linewidths=0)
    polygon = np.geomspace(3, max(4, models[-1].dataset_size.item()))
    ax.plot(polygon, 2 / polygon, color=plotting.INK, linewidth=0.8)
    ax.annotate("2 / T", (15, 2 / 15), xytext=(6, 6), textcoords="offset points")
    ax.set_ylabel("dimensionality")


def claims(data: xr.DataTree) -> Iterator[tm.Claim]:
    shown, loss = sizes(data), mean_test_loss(data)
    few = [T for T in shown if 3 <= T <= 100]
    yield HENIGHAN.within(
        "Up to T = 100 the datapoints share the two dimensions, 2/T each (median of D T / 2 "
        f"for T = {', '.join(map(str, few))})",
        0.9, 1.1, [np.median(best(data, T).datapoint_dimensionality) * T / 2 for T in few],
    )  # fmt: skip
    yield HENIGHAN.falls(
        "Double descent: the mean test loss has its maximum inside the range of T and ends below "
        f"where it begins (at the maximum, T = {shown[loss.argmax()]}, at the smallest T and at "
        "the largest)",
        [loss.max(), loss[0], loss[-1]], when=len(shown) > 2 and reaches_features(data),
    )  # fmt: skip
    last = best(data, shown[-1])
    features = np.sort(last.feature_dimensionality)[-5:]
    yield HENIGHAN.within(
        "With most datapoints the five longest features form a pentagon (angles between "
        "neighbours)",
        62, 82, geometry.angular_gaps(longest(last.W.values)), when=reaches_features(data),
    )  # fmt: skip
    yield HENIGHAN.below(
        "Their dimensionality is below 2/5, as all small features count in the denominator (the "
        "five largest)",
        0.39, features, when=reaches_features(data),
    )  # fmt: skip
    yield HENIGHAN.first_before(
        "It is above any datapoint's (the largest of datapoints; the five largest of features)",
        last.datapoint_dimensionality.max(), features, when=reaches_features(data),
    )  # fmt: skip


EXPERIMENT = tm.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=SMOKE,
    paper=PAPER,
    sweeps="dataset_size",
    weights=WEIGHTS,
)

if __name__ == "__main__":
    EXPERIMENT.main()
