"""Test loss and dimensionality of features and datapoints against dataset size.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figure 3.

A ReLU-output model with two hidden dimensions is trained on T fixed datapoints. Small T: the
datapoints have the dimensions, 2/T each, and the test loss is that of knowing nothing. Large T:
the features have them, five in a pentagon. In between neither does, and the test loss has a
bump: double descent. Where the bump lies differs by a factor of 4 to 7 between the source and
its replications, so the claims are about existence and order.
"""

import numpy as np

from experiments.memorization._models import best, draw_planes, largest, of_size
from experiments.memorization._runs import PAPER, SMOKE, Spec, run
from toymodels import Claim, Experiment, geometry, plotting, theory
from toymodels.cli import main

WHERE = "Henighan et al. 2023, figure 3"


@plotting.style()
def plot(dataset):
    sizes = dataset.dataset_size.values[trained(dataset)]
    figure = plotting.figure(11.4, 6.4)
    grid = figure.add_gridspec(4, len(sizes), height_ratios=[1.5, 1.9, 0.8, 0.8])
    loss, dims = figure.add_subplot(grid[0, :]), figure.add_subplot(grid[1, :])
    for T in sizes:
        models = of_size(dataset, T)
        loss.plot(
            np.full(models.test_loss.size, T),
            models.test_loss.values.ravel(),
            "o",
            color=plotting.MUTED,
            markersize=3,
        )
        model = best(dataset, T)
        for quantity, color, shift in [
            (model.feature_dimensionality, plotting.FEATURE, 1.03),
            (model.datapoint_dimensionality, plotting.DATAPOINT, 1 / 1.03),
        ]:
            dims.plot(
                np.full(quantity.size, T * shift),
                quantity.values,
                "o",
                color=color,
                markersize=2.5,
                alpha=0.5,
                markeredgewidth=0,
            )
    loss.plot(
        sizes, [float(of_size(dataset, T).test_loss.mean()) for T in sizes], color=plotting.INK
    )
    dims.plot(sizes, 2 / sizes, color=plotting.INK, linewidth=0.8)
    for ax in (loss, dims):
        plotting.log_axis(ax.xaxis, sizes)
    loss.set(ylabel="test loss")
    dims.set(ylabel="dimensionality", xlabel="dataset size T")
    for i, T in enumerate(sizes):
        draw_planes(
            figure.add_subplot(grid[2, i]), figure.add_subplot(grid[3, i]), best(dataset, T)
        )
    return figure


def trained(dataset):
    """Which dataset sizes the runs of the ordinary budget have."""
    return dataset.train_loss.sel(budget=1).notnull().any(["data_seed", "seed"]).values


def claims(dataset):
    sizes = dataset.dataset_size.values[trained(dataset)]
    test = np.array([float(of_size(dataset, T).test_loss.mean()) for T in sizes])
    peak = int(test.argmax())
    few = [T for T in sizes if 3 <= T <= 100]
    shares = [np.median(best(dataset, T).datapoint_dimensionality) * T / 2 for T in few]
    last = best(dataset, sizes[-1])
    features = largest(last.W.values)
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
            "maximum, test loss at the smallest T, there and at the largest T)",
            WHERE,
            "the second of the three losses is the largest, the last the smallest",
            [sizes[peak], test[0], test[peak], test[-1]],
            bool(test[-1] < test[0] < test[peak] and 0 < peak < len(sizes) - 1),
        ),
        Claim.within(
            "At the largest T the five longest features form a pentagon (angles between them)",
            WHERE,
            (62, 82),
            geometry.angular_gaps(features),
        ),
        Claim(
            "Their dimensionality is below 2/5, as all small features count in the denominator "
            "(of the five; the largest of any datapoint)",
            WHERE,
            "five between 0.1 and 0.4, more than any datapoint has",
            [
                *np.sort(last.feature_dimensionality.values)[-5:],
                last.datapoint_dimensionality.values.max(),
            ],
            bool(
                (
                    np.sort(last.feature_dimensionality.values)[-5:]
                    < theory.polygon_dimensionality(5)
                ).all()
                and np.sort(last.feature_dimensionality.values)[-5] > 0.1
                and last.feature_dimensionality.max() > last.datapoint_dimensionality.max()
            ),
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
)

if __name__ == "__main__":
    main(EXPERIMENT)
