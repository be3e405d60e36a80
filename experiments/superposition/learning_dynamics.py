"""Energy levels: features are learned in jumps, while the loss drops.

Source: Elhage et al. 2022, "Toy Models of Superposition", "Superposition and Learning Dynamics":
discrete "energy level" jumps.

A model of {n} features in {m} dimensions, at a sparsity where every learned feature is half of a
digon: all dimensionalities end at 0 or 1/2. Long after the others, the features of the last digon
still have almost no share. It grows slowly, while the loss stays on a plateau, and then jumps to
1/2, while the loss drops to the next plateau.

A jump is a change of a feature's dimensionality by more than 0.2 within {window} steps in which the
loss, always measured on the same samples, falls by more than three times the median of its changes
over as many steps. Most restarts begin with one, the common descent from small weights; the next
ones belong to the first nine digons. Then all restarts wait with 18 learned features, until they
jump to 20 at some step between 5,000 and 8,000. These few per cent of the steps have most of what
is left of the loss's fall.

Findings: at a learning rate of 1e-3, four restarts still wait with 18 features after 40,000 steps.
The levels are 0 and 1/2 for a range of sparsities: with two restarts each, all features end there
at S = 0.5, 0.6 and 0.7, but only nine in ten at S = 0.4, and three in four at S = 0.8.

Deviations:
- The source prints no settings: AdamW, learning rate {learning_rate:g}, no weight decay, batch
  {batch_size:,}, {steps:,} steps, and initial weights of {init_scale:g} times Xavier's scale.
- The source shows one model and no criterion of a jump; here jumps are found by a rule, in
  {restarts} restarts, of which the curves are those of the first.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry, jumps, plotting

PAPER = fig.Source("Elhage et al. 2022, Superposition and Learning Dynamics")
OURS = fig.Source("ours: the source shows one model and gives no criterion")


class Spec(fig.TrainingSpec):
    """Settings; the source prints none."""

    n: fig.Count = 100
    """Number of features."""
    m: fig.Count = 10
    """Number of hidden dimensions, at most n."""
    sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.55
    """S, the probability that a feature is inactive; from 0.5 to 0.7 all features end as digons."""
    init_scale: fig.Positive = 0.1
    """Factor on the initial weights, Xavier's."""
    every: fig.Count = 30
    """Steps from one measurement to the next."""
    window: fig.Count = 180
    """Steps within which a jump happens; a multiple of `every`, and at most `steps`."""
    restarts: fig.Count = 8
    steps: fig.Count = 12_000
    batch_size: fig.Count = 256
    learning_rate: fig.Positive = 5e-3
    weight_decay: fig.NonNegative = 0.0

    def check(self) -> None:
        if self.m > self.n:
            raise ValueError(f"m must be at most n; got m = {self.m} for n = {self.n}")
        if self.window > self.steps or self.every > self.steps:
            raise ValueError(
                f"window and every must be at most the {self.steps:,} steps of the run; got "
                f"{self.window:,} and {self.every:,}"
            )
        if self.window % self.every:
            raise ValueError(
                f"window must be a multiple of every; got {self.window} and {self.every}"
            )


def run(lab: fig.Lab[Spec]) -> xr.Dataset:
    spec = lab.spec

    def problem():
        features = tm.SparseFeatures(spec.n, sparsity=spec.sparsity)
        objective = tm.Reconstruction(
            features,
            lambda key: tm.ReluOutput(spec.n, spec.m, key=key, init_scale=spec.init_scale),
            spec.batch_size,
            test_samples=4096,
        )
        return objective, spec.adamw()

    def measure(objective, model, key):
        return {
            "feature_dimensionality": geometry.dimensionality(model.W[...]),
            # always on the same samples, so that its changes are those of the model
            "probed_loss": objective.test_loss(model, key),
        }

    probe = tm.Probe(
        measure,
        {"feature_dimensionality": ("feature",), "probed_loss": ()},
        range(0, spec.steps + 1, spec.every),
    )
    models = lab.train("relu_output", problem, probe=probe)
    records = ("seed", "probed", "feature")
    return models.transpose(*records, ...).assign_coords(sparsity=spec.sparsity, window=spec.window)


def jumps_of(model: xr.Dataset) -> list[jumps.Jump]:
    """Return the jumps of one restart."""
    window = int(model.window) // int(model.probed[1] - model.probed[0])
    return jumps.find_jumps(model.feature_dimensionality, model.probed_loss, window=window)


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    figure = plotting.figure(7.6, 6.4)
    shares, loss, all_jumps = figure.subplots(3, 1, sharex=True, height_ratios=[1.6, 1, 0.8])
    found = [jumps_of(data.isel(seed=i)) for i in range(data.sizes["seed"])]
    first, steps = data.isel(seed=0), data.probed.values
    draw_shares(shares, first, found[0])
    loss.plot(steps[1:], first.probed_loss[1:], color=plotting.INK)
    # without the common descent at the start, beside which the jumps are small
    later = first.probed_loss.where(data.probed >= data.window)
    margin = 0.05 * (later.max() - later.min()).item()
    loss.set_title("loss, without the descent at the start")
    loss.set(ylabel="loss", ylim=(later.min().item() - margin, later.max().item() + margin))
    for begin, end, _ in found[0]:
        for ax in (shares, loss):
            ax.axvspan(steps[begin], steps[end], color=plotting.AMBER, alpha=0.3, linewidth=0)
    for i, own in enumerate(found):
        for begin, end, _ in own:
            span = [max(steps[begin], steps[1]), steps[end]]
            all_jumps.plot(span, [i, i], color=plotting.AMBER, linewidth=4, solid_capstyle="butt")
    all_jumps.set(ylabel="restart", xlabel="step", ylim=(len(found) - 0.5, -0.5))
    all_jumps.set_title("jumps of all restarts")
    plotting.log_axis(all_jumps.xaxis)
    all_jumps.set_xlim(steps[1], max(steps[-1], 2 * steps[1]))
    figure.align_ylabels()
    return figure


def draw_shares(ax: Axes, model: xr.Dataset, found: list[jumps.Jump]) -> None:
    """Draw the dimensionality of each feature, blue if it takes part in the last jump."""
    steps, shares = model.probed[1:], model.feature_dimensionality[1:]
    ax.plot(steps, shares, color=plotting.MUTED, linewidth=0.5)
    if found:
        ax.plot(steps, shares[:, list(found[-1].features)], color=plotting.FEATURE, linewidth=1.4)
    ax.set(ylabel="dimensionality")
    ax.set_title(
        f"restart 0, {plotting.sparsity_label(model.sparsity.item())}: amber the jumps, blue the "
        "features of the last one"
    )


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    restarts = [data.isel(seed=i) for i in range(data.sizes["seed"])]
    found = [jumps_of(one) for one in restarts]
    yield PAPER.claim(
        "Features jump between dimensionalities while the loss drops (share of restarts with jumps)"
    ).share_above(0.9, [len(own) > 0 for own in found])
    if not 0.5 <= data.sparsity <= 0.7:
        return
    end = data.feature_dimensionality.isel(probed=-1)
    is_level = (abs(end) < 0.05) | (abs(end - 0.5) < 0.05)
    yield PAPER.claim(
        f"At {plotting.sparsity_label(data.sparsity.item())} all features end as digons or not "
        "learned (share with a dimensionality near 1/2 or 0, each restart)"
    ).above(0.95, is_level.mean("feature"))
    yield from of_the_last_digon(data, restarts, found)


def of_the_last_digon(
    data: xr.Dataset, restarts: list[xr.Dataset], found: list[list[jumps.Jump]]
) -> Iterator[fig.Claim]:
    """Judge the jumps after a fifth of the run, when the first digons are made."""
    begin, dimensions = data.probed.size // 5, data.sizes["hidden"]
    late = [[jump for jump in own if jump.begin >= begin] for own in found]
    yield OURS.claim(
        "Long after the first digons, there is a jump from a plateau (share of restarts with a "
        "jump after a fifth of the steps)"
    ).share_above(0.5, [len(own) > 0 for own in late])
    learned = (data.feature_dimensionality > 0.4).sum("feature")
    waits = learned.isel(probed=begin) == 2 * dimensions - 2
    ends = learned.isel(probed=-1) == 2 * dimensions
    yield OURS.claim(
        "It makes the last digon: 2m - 2 features are learned after a fifth of the steps, and 2m "
        "at the end (share of restarts)"
    ).share_above(0.5, waits & ends)
    losses = [one.probed_loss.values for one in restarts]
    jumped = [
        sum(loss[jump.begin] - loss[jump.end] for jump in own) / (loss[begin] - loss[-1])
        for loss, own in zip(losses, late, strict=True)
    ]
    yield OURS.claim(
        "After a fifth of the steps most of the loss's fall happens in jumps (share of the fall, "
        "mean of the restarts)"
    ).above(0.5, np.mean(jumped))
    width = sum(jump.end - jump.begin for own in late for jump in own) / len(found)
    yield OURS.claim("These jumps take few of the steps (share, mean of the restarts)").below(
        0.1, width / (data.probed.size - 1 - begin)
    )


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(n=20, m=4, restarts=2, steps=100, every=10, window=20, batch_size=64),
    paper=Spec(steps=100_000, every=100, window=500, batch_size=1024, learning_rate=1e-3),
    describes={
        "probed_loss": "expected loss at the step, always on the same samples",
        "probed": "optimiser step of the measurement",
        "window": "steps within which a jump happens",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
