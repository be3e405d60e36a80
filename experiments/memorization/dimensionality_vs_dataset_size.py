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
"""

import numpy as np

from experiments.memorization._models import (
    DEVIATIONS,
    best,
    draw_planes,
    largest,
    mean_test_loss,
    same_size,
    sizes,
)
from experiments.memorization._runs import PAPER, SMOKE, Spec, run
from toymodels import Claim, Experiment, geometry, plotting
from toymodels.suite.cli import main

WHERE = "Henighan et al. 2023, figure 3"


@plotting.style()
def plot(dataset):
    shown = sizes(dataset)
    figure = plotting.figure(11.4, 6.6)
    grid = figure.add_gridspec(4, len(shown), height_ratios=[1.5, 1.9, 0.75, 0.75])
    loss, dims = figure.add_subplot(grid[0, :]), figure.add_subplot(grid[1, :])
    plotting.fraction_guides(dims, ("1", "2/3", "2/5", "0"))
    for i, T in enumerate(shown):
        losses = same_size(dataset, T).test_loss.values.ravel()
        loss.plot(np.full(losses.size, T), losses, "o", color=plotting.MUTED, markersize=3)
        model = best(dataset, T)
        for quantity, color, shift in [
            (model.feature_dimensionality, plotting.FEATURE, 1.03),
            (model.datapoint_dimensionality, plotting.DATAPOINT, 1 / 1.03),
        ]:
            place = np.full(quantity.size, T * shift)
            dims.scatter(place, quantity, s=5, color=color, alpha=0.5, linewidths=0)
        panels = [figure.add_subplot(grid[row, i]) for row in (2, 3)]
        draw_planes(*panels, model)
        panels[0].set_title(f"T = {plotting.plain_number(T)}")
    loss.axhline(1, color=plotting.FAINT, linewidth=0.8, zorder=0)
    loss.plot(shown, mean_test_loss(dataset), color=plotting.INK)
    polygon = np.geomspace(max(3, shown[0]), shown[-1])
    dims.plot(polygon, 2 / polygon, color=plotting.INK, linewidth=0.8)
    dims.annotate("2 / T", (15, 2 / 15), xytext=(6, 6), textcoords="offset points")
    for ax in (loss, dims):
        plotting.log_axis(ax.xaxis, shown)
        ax.set_xlim(shown[0] / 1.25, shown[-1] * 1.25)
    plotting.log_axis(loss.yaxis)
    loss.set(ylabel="test loss", xticklabels=[], ylim=(0.9, None))
    dims.set(ylabel="dimensionality", xlabel="dataset size T")
    panels = figure.axes[2:4]
    panels[0].set_ylabel("h", color=plotting.DATAPOINT)
    panels[1].set_ylabel("W", color=plotting.FEATURE)
    figure.align_ylabels([loss, dims])
    return figure


def claims(dataset):
    shown, test = sizes(dataset), mean_test_loss(dataset)
    peak = int(test.argmax())
    few = [T for T in shown if 3 <= T <= 100]
    shares = [np.median(best(dataset, T).datapoint_dimensionality) * T / 2 for T in few]
    last = best(dataset, shown[-1])
    features = np.sort(last.feature_dimensionality.values)[-5:]
    datapoint = last.datapoint_dimensionality.values.max()
    return [
        Claim.within(
            "Up to T = 100 the datapoints share the two dimensions, 2/T each (median of D T / 2 "
            f"for T = {', '.join(map(str, few))})",
            WHERE,
            (0.9, 1.1),
            shares,
        ),
        Claim(
            "Double descent: the mean test loss has its maximum inside the range of T (T of the "
            "maximum; test loss at the smallest T, there and at the largest T)",
            WHERE,
            "the loss is largest there, and at the largest T lower than at the smallest",
            [shown[peak], test[0], test[peak], test[-1]],
            bool(test[-1] < test[0] < test[peak] and peak < len(shown) - 1),
        ),
        Claim.within(
            "With most datapoints the five longest features form a pentagon (angles between "
            "neighbours)",
            WHERE,
            (62, 82),
            geometry.angular_gaps(largest(last.W.values)),
        ),
        Claim(
            "Their dimensionality is below 2/5, as all small features count in the denominator, "
            "and above any datapoint's (the five largest of features; the largest of datapoints)",
            WHERE,
            "five between the largest of a datapoint and 0.39",
            [*features, datapoint],
            bool(datapoint < features.min() and features.max() < 0.39),
        ),
    ]


EXPERIMENT = Experiment(
    Spec,
    run,
    plot,
    claims,
    smoke=SMOKE,
    paper=PAPER,
    sweeps="dataset_size",
    deviations=DEVIATIONS,
)

if __name__ == "__main__":
    main(EXPERIMENT)
