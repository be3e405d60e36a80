"""How the geometry of two correlated sets is learned: direction by direction, to an octahedron.

Source: Elhage et al. 2022, "Toy Models of Superposition", "Superposition and Learning Dynamics":
learning as geometric transformations.

Two sets of three correlated features, in three dimensions. Below, the loss of all restarts over
p = 1 - S. The dark one is of the restart that spends the most steps with all features in one
direction; its models are drawn above, each from the middle of a stage. One colour is one set; thin
lines are the edges of the polytope, broad ones join antipodes.

A: all features have one direction, as in PCA with one component. B: the sets separate, and each has
one direction, as in PCA with two. C: the sets spread into orthogonal bases of the whole space; many
restarts pause halfway, where each set has two directions and the loss is half of that of B. D: the
bases turn until each feature is antipodal to one of the other set, an octahedron. All restarts end
there, and no antipodes are of one set.

Findings: only about one of eight restarts passes through A, the others begin with B. The reason is
Adam, whose first steps have the same size in every weight: from small initial weights, each set
starts along a diagonal of the cube of signs, and the cosine between the sets is 1/3, -1/3, 1 or -1
in all restarts. Two random corners agree with probability 1/8. From initial weights of 0.1 times
Xavier's and at a learning rate of 5e-3 the plateaus are short, and the sets are spread within 1,000
steps; there too, 16 of 16 restarts end as octahedra.

Deviations:
- The source prints no settings: S = {sparsity}, AdamW, learning rate {learning_rate:g}, no weight
  decay, {steps:,} steps of batch {batch_size:,} given that a set is active, initial weights
  {init_scale:g} times Xavier's.
- The source shows one run, and names its stages by eye; here {restarts} restarts are counted, and
  their stages are measured.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry, membership, plotting, polytopes, theory

PAPER = fig.Source("Elhage et al. 2022, Superposition and Learning Dynamics")
OURS = fig.Source("ours: the source shows one run and gives no numbers")
STAGES = ("all in one direction", "one direction a set", "sets spread", "antipodal pairs")
TOGETHER, APART, SPREAD, PAIRED = range(len(STAGES))
PAIR = ("feature", "feature_other")


class Spec(fig.TrainingSpec):
    """Settings; the source prints none."""

    n: fig.Count = 6
    """Number of features, for three dimensions."""
    sets: Annotated[fig.Count, Field(ge=2)] = 2
    """Sets of correlated features; they divide n, and each has at least two members."""
    sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """S, the probability that a set is inactive."""
    init_scale: fig.Positive = 0.01
    """Factor on the initial weights, Xavier's."""
    every: fig.Count = 20
    """Steps from one snapshot to the next, at most `steps`."""
    restarts: fig.Count = 32
    steps: fig.Count = 12_000
    batch_size: fig.Count = 256
    learning_rate: fig.Positive = 1e-3
    weight_decay: fig.NonNegative = 0.0

    def check(self) -> None:
        fig.check_sets(self.n, self.sets)
        if self.every > self.steps:
            raise ValueError(
                f"every must be at most the {self.steps:,} steps of the run; got {self.every:,}"
            )


def run(lab: fig.Lab[Spec]) -> xr.Dataset:
    spec = lab.spec

    def problem():
        features = tm.CorrelatedFeatures([spec.n // spec.sets] * spec.sets, sparsity=spec.sparsity)
        objective = tm.Reconstruction(
            features,
            lambda key: tm.ReluOutput(spec.n, 3, key=key, init_scale=spec.init_scale),
            spec.batch_size,
            test_samples=2**14,
            given_active=True,
        )
        return objective, spec.adamw()

    def measure(objective, model, key):
        # always on the same samples, so that its changes are those of the model
        return {"probed_loss": objective.test_loss(model, key)}

    steps = range(0, spec.steps + 1, spec.every)
    probe = tm.Probe(measure, {"probed_loss": ()}, steps)
    models = lab.train("relu_output", problem, probe=probe, snapshots=steps)
    covariance = theory.correlated_covariance(models.set.values, 1 - spec.sparsity)
    pca = [float(theory.pca_loss(covariance, k)) for k in (1, spec.sets)]
    models = models.assign_coords(sparsity=spec.sparsity, sets=spec.sets)
    return models.assign(pca_loss=("directions", pca)).transpose("seed", "snapshot", "probed", ...)


def stages(models: xr.Dataset) -> xr.DataArray:
    """Return the stage of each snapshot, an index of STAGES, or -1: [seed, snapshot]."""
    own, other = membership.set_cosines(models.W_history, models.set)
    each = own.min(PAIR) > 0.9
    together = each & (other.min(PAIR) > 0.9)
    antipodes = (other.min("feature_other") < -0.95).all("feature")
    paired = antipodes & (abs(own).max(PAIR) < 0.2)
    long = geometry.represented(models.W_history).all("feature")
    conditions = [condition.values for condition in (together, each, paired, long)]
    return each.copy(data=np.select(conditions, [TOGETHER, APART, PAIRED, SPREAD], -1))


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    reached = stages(data)
    first = int((reached == TOGETHER).sum("snapshot").argmax("seed"))
    one, shown = data.isel(seed=first), middles(reached[first].values)
    figure = plotting.figure(8.6, 5.4)
    grid = figure.add_gridspec(2, len(shown), height_ratios=[1.25, 1])
    curve = figure.add_subplot(grid[1, :])
    draw_losses(curve, data, first)
    frame = principal_frame(one.W_history[shown[min(1, len(shown) - 1)][1]].values)
    for i, (name, at) in enumerate(shown):
        ax = figure.add_subplot(grid[0, i], projection="3d")
        ax.set_title(f"{'ABCD'[i]}  {name}\nstep {one.snapshot[at]:,}")
        draw_model(ax, frame @ one.W_history[at].values, data)
        loss = one.probed_loss[at] / (1 - one.sparsity)
        plotting.hang_snapshot(curve, (one.snapshot[max(at, 1)].item(), loss.item()), ax)
    return figure


def middles(reached: np.ndarray) -> list[tuple[str, int]]:
    """Return name and middle snapshot of each stage of one restart; the end if it has none."""
    found = [np.flatnonzero(reached == stage) for stage in range(len(STAGES))]
    shown = [
        (name, int(at[at.size // 2])) for name, at in zip(STAGES, found, strict=True) if at.size
    ]
    return sorted(shown, key=lambda one: one[1]) or [("end", reached.size - 1)]


def principal_frame(W: np.ndarray) -> np.ndarray:
    """Return the change of basis, orthogonal, that shows W's two main directions from the front."""
    return np.linalg.svd(W)[0].T[[0, 2, 1]]


def draw_model(ax: Any, W: np.ndarray, data: xr.Dataset) -> None:
    """Draw the features, coloured by set, and join antipodes."""
    sets = data.set.values
    cosines = geometry.cosines(W)
    plotting.joined_pairs_3d(ax, W, np.argwhere(np.triu(cosines < -0.95)))
    colors = plotting.feature_colors(data.sets.item())[sets]
    plotting.feature_lines_3d(ax, W, 0.95, hull=True, colors=colors)


def draw_losses(ax: Axes, data: xr.Dataset, first: int) -> None:
    """Draw the losses over the step in units of p, and those of PCA."""
    loss = (data.probed_loss / (1 - data.sparsity)).transpose("probed", "seed")
    steps = data.probed[1:]
    ax.plot(steps, loss[1:], color=plotting.MUTED, linewidth=0.5, alpha=0.6)
    ax.plot(steps, loss[1:, first], color=plotting.INK, linewidth=1.6)
    names = ("PCA, 1 direction", f"PCA, {data.sets:d} directions")
    for name, level in zip(names, data.pca_loss.values / (1 - data.sparsity.item()), strict=True):
        ax.axhline(level, color=plotting.FAINT, zorder=0)
        ax.annotate(name, (0.005, 0.97 * level), xycoords=("axes fraction", "data"), va="top")
    for axis in (ax.xaxis, ax.yaxis):
        plotting.log_axis(axis)
    ax.set(xlabel="step", ylabel="loss / p", xlim=(steps[0], max(steps[-1], 2 * steps[0])))


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    reached, steps = stages(data), data.snapshot
    first = [
        steps.where(reached == stage).min("snapshot").fillna(np.inf)
        for stage in (APART, SPREAD, PAIRED)
    ]
    yield PAPER.claim(
        "Each set learns one direction, then spreads, then forms antipodal pairs, in this order "
        "(share of restarts)"
    ).share_above(0.9, (first[0] < first[1]) & (first[1] < first[2]) & (first[2] < np.inf))
    if data.sizes["feature"] == 6 and data.sets == 2:
        yield from of_the_end(data)
    yield from of_the_plateaus(data, reached)
    yield from of_the_begin(data, reached)


def of_the_end(data: xr.Dataset) -> Iterator[fig.Claim]:
    """Judge the models after training, of two sets of three."""
    octahedra = [
        [part.name for part in polytopes.find_polytopes(data.W.isel(seed=i))] == ["digon"] * 3
        for i in range(data.sizes["seed"])
    ]
    yield PAPER.claim(
        "It ends as an octahedron: three antipodal pairs, orthogonal to each other (share of "
        "restarts)"
    ).share_above(0.9, octahedra)
    cosines = membership.set_cosines(data.W, data.set)
    own, other = ((each < -0.95).any("feature_other") for each in cosines)
    pairs = own | other
    yield PAPER.claim(
        "Antipodes always belong to different sets (share of the features with an antipode)"
    ).equal(1, (other & ~own).sum() / pairs.sum() if pairs.any() else [])


def of_the_plateaus(data: xr.Dataset, reached: xr.DataArray) -> Iterator[fig.Claim]:
    """Compare the loss in the first two stages with that of PCA."""
    staged = reached.transpose("seed", "snapshot").values
    losses = data.probed_loss.transpose("seed", "probed").values
    names = ("All in one direction", "One direction a set")
    for stage, (name, optimum) in enumerate(zip(names, data.pca_loss.values, strict=True)):
        during = [loss[own == stage] for loss, own in zip(losses, staged, strict=True)]
        level = [np.mean(abs(loss / optimum - 1) < 0.05) for loss in during if loss.size]
        yield PAPER.claim(
            f"{name}: the loss stays on the plateau of PCA with as many directions (share of the "
            "stage's snapshots within 5%, mean of the restarts that pass through it)"
        ).above(0.5, np.mean(level) if level else [])


def of_the_begin(data: xr.Dataset, reached: xr.DataArray) -> Iterator[fig.Claim]:
    """Judge the directions into which Adam's first steps, of equal size in each weight, lead."""
    own, other = membership.set_cosines(data.W_history, data.set)
    begin = (own.min(PAIR) > 0.995).argmax("snapshot")
    cosines = abs(other.isel(snapshot=begin))
    off_corner = abs(abs(cosines - 2 / 3) - 1 / 3).mean(PAIR)  # 0 at 1/3 and at 1
    yield OURS.claim(
        "The first directions of the sets are diagonals of a cube: |cosine| 1/3 or 1 (share of "
        "restarts within 0.05)"
    ).share_above(0.9, off_corner < 0.05)
    yield OURS.claim(
        "All features begin in one direction in about one of eight restarts, as for random "
        "corners of a cube (share of restarts)"
    ).within(0.02, 0.3, (reached == TOGETHER).any("snapshot").mean())


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(restarts=2, steps=100, every=10, batch_size=64),
    paper=Spec(restarts=128, steps=50_000, every=50, batch_size=1024),
    describes={
        "W_history": "weights at the snapshot, a column per feature",
        "b_history": "biases at the snapshot",
        "snapshot": "optimiser step of the snapshot",
        "pca_loss": "expected loss of PCA with one direction, and with one for each set",
        "probed_loss": "expected loss at the step, always on the same samples",
        "probed": "optimiser step of the measurement",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
