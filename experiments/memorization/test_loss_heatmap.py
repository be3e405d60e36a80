"""Test loss over dataset size and hidden dimensions: double descent along both.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figure 5.

The test loss of the ReLU-output model trained on T datapoints with m hidden dimensions, averaged
over datasets. Along a row, more datapoints make it worse before they make it better; along a
column, more hidden dimensions do the same: a ridge between the datapoints that can be memorised
and the features that can be learned. The source prints no ranges: where the ridge lies is not
claimed, only that it is there in both directions.

Finding, with 5,000 steps and more of both sizes: the ridge runs from T = 350 at m = 2 to
T = 2,000 at m = 8. From m = 12 on, which `quick` leaves out, the test loss stays at or below that
of predicting zero, and there is no ridge to follow.

Deviations:
- The source's ranges of T and m are not in its text; ours are chosen.
- Here n = {n:,}, S = {sparsity:g}, {steps:,} steps and {datasets} datasets a cell; the source has
  10,000, 0.999, 50,000 and four.
- All models of one T, m and restart start from the same weights; they differ in their datapoints.
"""

from collections.abc import Iterator

import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from experiments.memorization._runs import FiniteSpec, draw, train
from toymodels import figure as fig
from toymodels import plotting

HENIGHAN = fig.Source("Henighan et al. 2023, figure 5")


class Spec(FiniteSpec):
    """Settings; a model is trained on each dataset at each width."""

    m: fig.Sizes = (2, 3, 4, 8)
    """Numbers of hidden dimensions."""
    dataset_size: fig.Sizes = (100, 350, 600, 1000)
    """T, the number of datapoints."""
    datasets: fig.Count = 2
    """Datasets drawn of each size."""
    steps: fig.Count = 3000
    """Full-batch steps."""


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    return tm.gather(cells(lab))


def cells(lab: fig.Lab[Spec]) -> Iterator[xr.Dataset]:
    """Train models of each width on the same datasets of each size."""
    test = draw(lab, "test points", lab.spec.test_points)
    for T in lab.spec.dataset_size:
        datasets = draw(lab, f"datapoints, T={T}", lab.spec.datasets, T)
        for m in lab.spec.m:
            yield train(lab, datasets, test, m=m)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    loss, datasets = mean_loss(data), tm.select_all(data)[0].sizes["dataset"]
    figure = plotting.figure(7.2, 4.05)
    ax, bar = figure.subplots(1, 2, width_ratios=[1, 0.035])
    image = plotting.ratio_table(ax, loss.dataset_size, loss.m, loss)
    ax.set(xlabel="dataset size T", ylabel="hidden dimensions m")
    ax.set_title(
        f"test loss, over that of predicting zero, which is 1 (mean of {datasets} datasets)"
    )
    plotting.ratio_key(bar, image, "blue: better than zero, red: worse")
    return figure


def mean_loss(data: xr.DataTree) -> xr.DataArray:
    """Return the test loss [m, dataset_size], averaged over datasets and restarts."""
    means = [one.test_loss.mean().expand_dims(["m", "dataset_size"]) for one in tm.select_all(data)]
    return xr.combine_by_coords(means).test_loss.transpose("m", "dataset_size")


def peaks_inside(loss: xr.DataArray, along: str) -> xr.DataArray:
    """Which curves have their maximum inside, 2 % above both their ends."""
    return loss.max(along) > 1.02 * loss.isel({along: [0, -1]}).max(along)


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    loss = mean_loss(data)
    m, T = loss.m.values.tolist(), loss.dataset_size.values
    # features are learned from about n datapoints on
    enough = len(T) > 2 and T[-1] >= tm.select_all(data)[0].sizes["feature"]
    yield HENIGHAN.claim(
        "Double descent in the dataset size: the test loss has an interior maximum, 2 % above both "
        "ends (widths m where it has)",
        when=enough,
    ).somewhere(m, peaks_inside(loss, "dataset_size"))
    yield HENIGHAN.claim(
        "Double descent in the width, in the same way (dataset sizes T where it is)",
        when=len(m) > 2,
    ).somewhere(T, peaks_inside(loss, "m"))
    yield (
        fig.Source("ours: memorising more datapoints takes more dimensions")
        .claim(
            f"The ridge: the T of the largest test loss does not fall with m (that T, m = {m})",
            when=enough,
        )
        .does_not_fall(T[loss.argmax("dataset_size")])
    )


EXPERIMENT = fig.Experiment(
    __file__, Spec, run, plot, claims,
    smoke=Spec(
        n=100, sparsity=0.9, m=(2,), dataset_size=(5, 40), datasets=2, steps=100, test_points=256
    ),
    paper=Spec(
        n=10_000, sparsity=0.999, datasets=4, steps=50_000,
        m=(2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64),
        dataset_size=(10, 30, 100, 300, 1000, 2000, 5000, 10_000, 30_000, 100_000),
    ),
    describes={"budget": "multiple of the steps that the model was trained for"},
)  # fmt: skip

if __name__ == "__main__":
    EXPERIMENT.main()
