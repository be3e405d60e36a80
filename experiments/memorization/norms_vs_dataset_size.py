"""Norms of weights and biases against dataset size, and what the step budget does to them.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figure 4.

To memorise T datapoints as a polygon, weights and biases must grow with T: the curve is the
exact memoriser of least norm, rho^2 = 1 / (1 - cos(2 pi / T)), ||W||_F = rho sqrt(T), ||b|| =
|rho^2 - 1| sqrt(T). The source's norms follow it, peak near T = 30 and fall, to the sqrt(5) of
five features for large T. Our conjecture was that Adam moves no coordinate further than the sum of
its learning rates, so that the peak is where the number of steps no longer suffices, and lies at
larger T after `longer` times the steps. It does not: the norms grow, and the peak stays where it
is. Location and height of the peak differ between the source and its replications.

Deviations:
- Here n = {n:,}, S = {sparsity:g} and {steps:,} steps; the source has 10,000, 0.999 and 50,000.
- Up to T = {few}: {few_steps:,} steps, weight decay {few_weight_decay:g} in place of 0.01, and the
  best of {few_restarts} restarts by training loss and, among equals, by norm.
- Up to T = {disjoint}, datapoints share no active feature. At the source's size a pair shares one
  with probability 0.01, here with 0.1, which bends the polygons.
- Adam's epsilon is 1e-8 n, as for a loss averaged over features: see `adam_epsilon`.
- All models of one T and restart start from the same weights; they differ in their datapoints.
- The runs with {longer} times the steps, and the exact memoriser, are ours.
"""

from collections.abc import Iterator

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
    reaches_features,
)
from experiments.memorization._runs import PAPER, SMOKE, Spec, run
from toymodels import figure as fig
from toymodels import plotting, theory

HENIGHAN = fig.Source("Henighan et al. 2023, figure 4")
DERIVED = fig.Source("derived here; the source says that such solutions exist")
GOLDEN = fig.Source("derived here: rho exceeds the golden ratio from T = 7 on")


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    models = best_models(data)
    figure = plotting.figure(11.4, 6.0)
    (upper,), (lower,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[2.8, 1.7])
    draw_norms(upper.subplots(), data)
    limits = [plotting.shared_limit(*(model[name] for model in models)) for name in ("h", "W")]
    draw_planes(lower, models, limits=limits)
    lower.supxlabel("all panels of a row on one scale")
    return figure


def draw_norms(ax: Axes, data: xr.DataTree) -> None:
    """Draw the mean norms for both step budgets, and those of the exact memoriser."""
    T = np.arange(3, 31)
    exact = theory.memoriser_norms(T)
    for name, label, color, wanted in [
        ("W", r"weights, $\|W\|_F$", plotting.FEATURE, exact.weight_norm),
        # log scale: the exact norm of b is 0 at T = 4
        ("b", r"biases, $\|b\|$", plotting.MUTED, np.where(T > 4, exact.bias_norm, np.nan)),
    ]:
        ax.plot(T, wanted, color=color, linewidth=5, alpha=0.2, label="smallest that memorise all")
        for budget in tm.settings(data, "budget"):
            norms = mean_norms(data, name, budget)
            (line,) = ax.plot(norms.dataset_size, norms, color=color, marker="o", label=label)
            if budget > 1:
                line.set(linestyle=(0, (2, 2)), markerfacecolor="white", markersize=5)
                line.set_label(f"the same after {budget} times the steps")
    plotting.log_axis(ax.xaxis, mean_norms(data, "W").dataset_size)
    plotting.log_axis(ax.yaxis)
    ax.set(xlabel="dataset size T", ylabel="norm")
    ax.legend(ncols=2, handlelength=5)


def mean_norms(data: xr.DataTree, name: str, budget: int = 1) -> xr.DataArray:
    """Return the norm of W or b for each dataset size, of the best restarts of the datasets."""
    own = {"W": ["hidden", "feature"], "b": ["feature"]}[name]
    sizes = tm.select_all(data, budget=budget)
    return by_size(
        sizes, lambda models: np.sqrt((best_of_equals(models)[name] ** 2).sum(own)).mean()
    )


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    W, b = mean_norms(data, "W"), mean_norms(data, "b")
    few_W, few_b = (norms.sel(dataset_size=slice(3, 8)) for norms in (W, b))
    few_b = few_b.drop_sel(dataset_size=4, errors="ignore")  # the memoriser's bias is 0 there
    exact_W = theory.memoriser_norms(few_W.dataset_size.values).weight_norm
    exact_b = theory.memoriser_norms(few_b.dataset_size.values).bias_norm
    yield DERIVED.claim(
        "Up to T = 8 the norms are those of the exact memoriser (trained over exact, W then b "
        f"where T is not 4, T = {few_W.dataset_size.values.tolist()})"
    ).within(0.9, 1.1, [*few_W / exact_W, *few_b / exact_b])
    ratio = b / W
    yield GOLDEN.claim("||b|| is below ||W|| at T = 4 to 6 (over ||W||)").below(
        1, ratio.sel(dataset_size=slice(4, 6))
    )
    yield GOLDEN.claim("||b|| is above ||W|| at T = 7 and 8 (over ||W||)").above(
        1, ratio.sel(dataset_size=slice(7, 8))
    )
    if reaches_features(best_models(data)[-1]):
        yield HENIGHAN.claim(
            f"||W|| rises to a peak, at T = {int(W.idxmax())}, and falls again (norms)"
        ).peaks_inside(W)
        yield HENIGHAN.claim("At the largest T ||W|| is near sqrt(5) (ratio)").within(
            0.85, 1.15, W[-1] / 5**0.5
        )
    longer = max(tm.settings(data, "budget"))
    usual, more = xr.align(W, mean_norms(data, "W", longer), join="inner")
    if usual.size > 1:
        yield fig.OURS.claim(
            f"With {longer} times the steps ||W|| is larger (over that of the usual steps, T = "
            f"{usual.dataset_size.values.tolist()})"
        ).above(1, more / usual)
        yield fig.OURS.claim(
            "Its peak is at the same T (T of the peak less that of the usual steps)"
        ).equal(0, int(more.idxmax()) - int(usual.idxmax()))


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
