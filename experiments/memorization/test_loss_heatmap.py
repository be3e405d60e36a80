"""Test loss over dataset size and hidden dimensions: double descent along both.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figure 5.

The test loss of the ReLU-output model trained on T datapoints with m hidden dimensions, averaged
over data seeds. Along a row, more datapoints make it worse before they make it better; along a
column, more hidden dimensions do the same: a ridge between the datapoints that can be memorised
and the features that can be learned. The source prints no ranges: where the ridge lies is not
claimed, only that it is there in both directions.

Finding, at `quick`: the ridge runs from T = 350 at m = 2 to T = 2,000 at m = 8. From m = 12 on
the test loss stays at or below that of predicting zero, and there is no ridge to follow.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments.memorization._runs import DatasetSizes, FiniteSpec, test_set, train
from toymodels import Claim, Experiment, join_sizes, plotting
from toymodels.suite.cli import main
from toymodels.suite.spec import Count, Distinct

WHERE = "Henighan et al. 2023, figure 5"


@dataclass(frozen=True)
class Spec(FiniteSpec):
    """Settings; a model is trained on each dataset at each width."""

    m: Annotated[tuple[Count, ...], Distinct()] = (2, 3, 4, 6, 8, 12, 16, 24, 32)
    """Numbers of hidden dimensions."""
    dataset_size: DatasetSizes = (10, 30, 60, 100, 200, 350, 600, 1000, 2000)
    """T, the number of datapoints."""
    data_seeds: Count = 2
    """Datasets drawn of each size."""
    steps: Count = 5000
    """Full-batch steps."""


def run(spec, key, runner):
    features, test = test_set(spec, key)
    return join_sizes([
        join_sizes(
            [
                train(spec, key, runner, features, test, f"m{m}_T{T}", T, m, spec.data_seeds)
                for T in spec.dataset_size
            ],
            "dataset_size",
            spec.dataset_size,
        )
        for m in spec.m
    ], "m", spec.m)  # fmt: skip


@plotting.style()
def plot(dataset):
    figure = plotting.figure(7.2, 4.4)
    ax, bar = figure.subplots(1, 2, width_ratios=[1, 0.035])
    image = plotting.value_map(
        ax, dataset.dataset_size.values, dataset.m.values, mean_loss(dataset), centre=1.0
    )
    ax.set(xlabel="dataset size T", ylabel="hidden dimensions m")
    ax.set_title(f"mean test loss of {dataset.sizes['data_seed']} datasets; "
                 "white: that of predicting zero")  # fmt: skip
    figure.colorbar(image, bar)
    return figure


def mean_loss(dataset):
    """Return the test loss [m, T], averaged over datasets and restarts."""
    return dataset.test_loss.mean(["data_seed", "seed"]).transpose("m", "dataset_size").values


def inside(losses):
    """Which curves [curve, place] have their maximum inside, 2 % above both their ends."""
    ends = np.maximum(losses[:, 0], losses[:, -1])
    return losses[:, 1:-1].max(axis=1, initial=0) > 1.02 * ends


def claims(dataset):
    loss = mean_loss(dataset)
    rows, columns = inside(loss), inside(loss.T)
    return [
        Claim(
            "Double descent in the dataset size: the test loss has an interior maximum (widths m "
            "where it has, 2 % above both ends)",
            WHERE,
            "at least one",
            dataset.m.values[rows],
            bool(rows.any()),
        ),
        Claim(
            "Double descent in the width: the test loss has an interior maximum (dataset sizes T "
            "where it has, 2 % above both ends)",
            WHERE,
            "at least one",
            dataset.dataset_size.values[columns],
            bool(columns.any()),
        ),
        Claim(
            "The ridge: the T of the largest test loss does not grow smaller with m (that T, for "
            "each m)",
            "ours: memorising more datapoints takes more dimensions",
            "non-decreasing",
            dataset.dataset_size.values[loss.argmax(axis=1)],
            bool((np.diff(loss.argmax(axis=1)) >= 0).all()),
        ),
    ]


EXPERIMENT = Experiment(
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        n=100,
        sparsity=0.9,
        m=(2, 4),
        dataset_size=(5, 10, 40),
        data_seeds=2,
        steps=100,
        test_points=256,
    ),
    paper=Spec(
        n=10_000,
        sparsity=0.999,
        m=(2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64),
        dataset_size=(10, 30, 100, 300, 1000, 2000, 5000, 10_000, 30_000, 100_000),
        data_seeds=4,
        steps=50_000,
    ),
    sweeps="dataset_size",
    deviations=(
        "The source's ranges of T and m are not in its text; ours are chosen.",
        "quick has n = 1,000, S = .99, 5,000 steps and two datasets a cell; the source n = 10,000, "
        "S = .999, 50,000 steps and four.",
        "All models of one T start from the same weights; they differ in their datapoints.",
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
