"""Test loss over dataset size and hidden dimensions: double descent along both.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figure 5.

The test loss of the ReLU-output model trained on T datapoints with m hidden dimensions, averaged
over datasets. Along a row, the loss rises with the number of datapoints before it falls; along a
column, it does the same with the number of hidden dimensions. The ridge separates memorised
datapoints from learned features. The source prints no ranges: the claims are that the ridge exists
in both directions, not where it lies.

Deviations:
- The source's ranges of T and m are not in its text; ours are chosen.
- Here n = {n:,}, S = {sparsity:g}, {steps:,} steps and {datasets} datasets a cell; the source has
  10,000, 0.999, 50,000 and four.
- Adam's epsilon is 1e-8 n, as for a loss averaged over features: see `adam_epsilon`.
- All models of one T, m and restart start from the same weights; they differ in their datapoints.
"""

from collections.abc import Iterator

import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from experiments.memorization._runs import FiniteSpec, datapoints, train
from toymodels import figure as fig
from toymodels import plotting

HENIGHAN = fig.Source("Henighan et al. 2023, figure 5")
RIDGE = fig.Source("ours: memorising more datapoints takes more dimensions")


class Spec(FiniteSpec):
    """Settings; one model is trained on each dataset at each m."""

    m: fig.Sizes = (2, 3, 4, 8)
    """Numbers of hidden dimensions."""
    dataset_size: fig.Sizes = (100, 350, 600, 1000)
    """T, the number of datapoints."""
    datasets: fig.Count = 2
    """Datasets drawn of each size."""
    steps: fig.Count = 3000
    """Full-batch steps."""


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    models, test = [], datapoints(lab, "test points", lab.spec.test_points)
    for T in lab.spec.dataset_size:
        datasets = datapoints(lab, f"datapoints, T={T}", lab.spec.datasets, T)
        models += [train(lab, datasets, test, m=m) for m in lab.spec.m]
    return tm.gather(models)


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
    cells = tm.select_all(data)
    means = [models.test_loss.mean().expand_dims(["m", "dataset_size"]) for models in cells]
    return xr.combine_by_coords(means).test_loss.transpose("m", "dataset_size")


def peaks_inside(loss: xr.DataArray, dim: str) -> xr.DataArray:
    """Return which curves along `dim` have an interior maximum, 2 % above both ends."""
    return loss.max(dim) > 1.02 * loss.isel({dim: [0, -1]}).max(dim)


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    loss, n = mean_loss(data), tm.select_all(data)[0].sizes["feature"]
    # learning features takes about n datapoints
    reaches_features = loss.sizes["dataset_size"] > 2 and loss.dataset_size[-1] >= n
    if reaches_features:
        yield HENIGHAN.claim(
            "Double descent in the dataset size: the test loss has an interior maximum, 2 % above "
            "both ends (widths m where it has)"
        ).somewhere(loss.m, peaks_inside(loss, "dataset_size"))
    if loss.sizes["m"] > 2:
        yield HENIGHAN.claim(
            "Double descent in the width, in the same way (dataset sizes T where it is)"
        ).somewhere(loss.dataset_size, peaks_inside(loss, "m"))
    if reaches_features:
        yield RIDGE.claim(
            "The ridge: the T of the largest test loss does not fall with m (that T, m = "
            f"{loss.m.values.tolist()})"
        ).does_not_fall(loss.idxmax("dataset_size").astype(int))


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        n=100,
        sparsity=0.9,
        m=(2,),
        dataset_size=(5, 40, 100),
        datasets=2,
        steps=100,
        test_points=256,
    ),
    paper=Spec(
        n=10_000,
        sparsity=0.999,
        datasets=4,
        steps=50_000,
        m=(2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64),
        dataset_size=(10, 30, 100, 300, 1000, 2000, 5000, 10_000, 30_000, 100_000),
    ),
)

if __name__ == "__main__":
    EXPERIMENT.main()
