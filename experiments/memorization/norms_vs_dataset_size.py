"""Norms of weights and biases against dataset size, and what the step budget does to them.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figure 4.

Memorising T datapoints as a polygon takes weights and biases that grow with T: the curve is the
smallest exact memoriser, rho^2 = 1 / (1 - cos(2 pi / T)), ||W||_F = rho sqrt(T), ||b|| =
|rho^2 - 1| sqrt(T). The trained norms follow it, peak near T = 30 and fall, to the sqrt(5) of
five features where there are many datapoints. A conjecture of ours: Adam moves no coordinate
further than the sum of its learning rates, so that the peak is where the steps no longer
suffice. The runs of `longer` times the steps test it: then the peak must move to larger T.
Location and height of the peak differ between the source and its replications.

Findings, at `paper`: the norms go on growing to T = 2,000, where the source's peak is near 30, and
fall at once where features take over; only the hidden vectors are longest near T = 30. Up to
T = 8 the trained norms lie 15 to 32 % (W) above the exact memoriser's: nothing makes the smallest
one the one that is found. At T = 10,000 ||W||_F is 3.6 and not sqrt(5), as thousands of small
columns add to the five long ones. Four times the steps raise the norms at nearly every T of 15
and more, and the peak is beyond the largest T of these runs: at fixed T the budget limits the
norm, but where the peak lies is decided by the features' onset.

Deviations:
- Here n = {n:,}, S = {sparsity:g} and {steps:,} steps; the source has 10,000, 0.999 and 50,000.
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
    best,
    draw_planes,
    reaches_features,
    same_size,
    sizes,
)
from experiments.memorization._runs import PAPER, SMOKE, WEIGHTS, Spec, run
from toymodels import plotting, theory

HENIGHAN = tm.Source("Henighan et al. 2023, figure 4")


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    models = [best(data, T) for T in sizes(data)]
    figure = plotting.figure(11.4, 5.4)
    (upper,), (lower,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[2.8, 1.6])
    draw_norms(upper.subplots(), data)
    limits = [plotting.shared_limit(*(model[name] for model in models)) for name in ("h", "W")]
    draw_planes(lower, models, limits=limits)
    return figure


def draw_norms(ax: Axes, data: xr.DataTree) -> None:
    """Draw the mean norms for both budgets of steps, over those of the exact memoriser."""
    T = np.arange(3, 31)
    exact = theory.memoriser_norms(T)
    for name, color, wanted in [
        ("W", plotting.FEATURE, exact.weight_norm),
        ("b", plotting.MUTED, np.where(T == 4, np.nan, exact.bias_norm)),  # 0, on a log scale
    ]:
        norm = r"$\|W\|_F$" if name == "W" else r"$\|b\|$"
        ax.plot(T, wanted, color=color, linewidth=5, alpha=0.2, label=f"{norm}, exact T-gon")
        for budget in tm.values_of(data, "budget"):
            label = norm if budget == 1 else f"{norm}, {budget} times the steps"
            line, there = "-" if budget == 1 else "--", sizes(data, budget)
            mean = mean_norms(data, name, there, budget)
            ax.plot(there, mean, line, color=color, marker="o", label=label)
    plotting.log_axis(ax.xaxis, sizes(data))
    plotting.log_axis(ax.yaxis)
    ax.set(xlabel="dataset size T", ylabel="norm", ylim=(0.5, None))
    ax.legend(ncols=2, handlelength=3.5)


def mean_norms(data: xr.DataTree, name: str, sizes: np.ndarray, budget: int = 1) -> np.ndarray:
    """Return the Frobenius norm of W or b for each dataset size, the mean of all models."""
    weights = [same_size(data, T, budget)[name].transpose("model", ...).values for T in sizes]
    return np.array(
        [np.linalg.norm(all_, axis=tuple(range(1, all_.ndim))).mean() for all_ in weights]
    )


def claims(data: xr.DataTree) -> Iterator[tm.Claim]:
    shown, enough = sizes(data), reaches_features(data)
    W, b = (mean_norms(data, name, shown) for name in ("W", "b"))
    few = (shown >= 3) & (shown <= 8)
    exact = theory.memoriser_norms(shown[few])
    yield tm.Source("derived here; the source says that such solutions exist").within(
        "Up to T = 8 the norms are those of the exact memoriser (trained over exact, W then b "
        f"where T is not 4, T = {', '.join(map(str, shown[few]))})",
        0.9, 1.1, [*W[few] / exact.weight_norm, *(b[few] / exact.bias_norm)[shown[few] != 4]],
    )  # fmt: skip
    golden = tm.Source("derived here: rho exceeds the golden ratio from T = 7 on")
    yield golden.below(
        "||b|| is below ||W|| up to T = 6 (||b|| over ||W||, from T = 4 on)",
        1, (b / W)[(shown >= 4) & (shown <= 6)],
    )  # fmt: skip
    yield golden.above(
        "||b|| is above ||W|| at T = 7 and 8 (||b|| over ||W||)",
        1, (b / W)[(shown == 7) | (shown == 8)],
    )  # fmt: skip
    yield HENIGHAN.first_before(
        "||W|| rises to a peak and falls again (norm at the smallest T and at the largest; at its "
        f"peak, T = {shown[W.argmax()]})",
        W[[0, -1]], W.max(), when=len(shown) > 2 and enough,
    )  # fmt: skip
    yield HENIGHAN.within(
        "At the largest T ||W|| is near sqrt(5) (norm over sqrt(5))",
        0.85, 1.15, W[-1] / np.sqrt(5), when=enough,
    )  # fmt: skip
    budgets = sorted(tm.values_of(data, "budget"))
    both = np.intersect1d(sizes(data, budgets[0]), sizes(data, budgets[-1]))
    peaks = [both[mean_norms(data, "W", both, budget).argmax()] for budget in budgets]
    yield tm.OURS.rises(
        f"With {budgets[-1]} times the steps ||W|| peaks at larger T, so that the peak is a matter "
        f"of the budget (T of the peak, of {', '.join(map(str, both))})",
        peaks, when=len(both) > 1,
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
