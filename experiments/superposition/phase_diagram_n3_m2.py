"""Phase diagram of three features in two dimensions: theory and training.

Source: Elhage et al. 2022, "Toy Models of Superposition", "Superposition as a Phase Change".

Two features of importance 1 and a third one of relative importance r share two hidden dimensions.
The theory compares four simple solutions: the third feature is dropped, or one of the others is, or
the third and another one are an antipodal pair, or the other two are. The colour is the third
feature's: white where it is not learned, blue where it has a dimension, red where it shares one.
For r < 1 the boundary is that of two features in one dimension; for r > 1 the third feature has its
dimension anyway, and at p = 4/7, whatever r, the other two begin to share theirs: the dashed line,
which the colour does not show. The trained panel is the best of {restarts} models a cell by exact
expected loss, a sum over the eight sets of active features.

A finding: for r > 1 the weaker of the other two is not dropped at p = 4/7 but fades: its length is
0.89 at p = 0.58, 0.77 at 0.68, 0.44 at 0.79 and 0.39 at 0.93, for all r alike. The two are equally
important, which is the column of the triple point in the diagram of two features, where the exact
optimum changes continuously as well. The claim that one of them is dropped fails for that.

Deviations:
- Grid and optimiser are ours: {cells} x {cells} cells, AdamW, learning rate {learning_rate:g},
  {schedule} schedule, weight decay {weight_decay:g}, batch {batch_size:,}, {steps:,} steps.
- The source averages models; here the best of {restarts} by exact expected loss is shown.
- The exact optimum is not computed for three features.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

import toymodels as tm
from experiments.superposition._phases import (
    BAND,
    PAPER,
    PhaseSpec,
    away_from_boundaries,
    train_cells,
)
from toymodels import figure as fig
from toymodels import geometry, plotting, theory

CELL = ("sparsity", "relative_importance")


class Spec(PhaseSpec):
    """Settings; the source prints no optimiser and no grid."""

    cells: Annotated[fig.Count, Field(ge=2)] = 30
    restarts: fig.Count = 20
    batch_size: fig.Count = 512


def run(lab: fig.Lab[Spec]) -> xr.Dataset:
    p, r = lab.spec.p, lab.spec.r
    models = train_cells(lab, 3, 2, test_samples=1024)
    models = models.assign(
        probability=(("sparsity", "feature"), np.repeat(p[:, None], 3, axis=1)),
        importance=(("relative_importance", "feature"), np.stack([1 + 0 * r, 1 + 0 * r, r], 1)),
    )
    loss = theory.active_set_loss(models.W, models.b, models.probability, models.importance)
    best = tm.best_of(models.assign(exact_loss=loss), by="exact_loss")
    all_models = models.assign(exact_loss=loss)[["exact_loss", "loss"]]
    return all_models.assign(W=best.W.drop_vars("seed"), b=best.b.drop_vars("seed"))


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    p, r = 1 - data.sparsity.values, data.relative_importance.values
    ansatz = theory.SOLUTIONS_N3_M2[theory.ansatz_phase_n3_m2(p[:, None], r)]
    trained = data.W.transpose(*CELL, "hidden", "feature").values
    panels = {
        "theory: the best of four simple solutions": ansatz,
        f"trained: best of {data.sizes['seed']}": trained,
    }
    figure = plotting.figure(9.4, 4.4)
    [[*maps, key]] = plotting.panels(figure, [""], [*panels, ""], width_ratios=[1, 1, 0.36])
    triple_p, _ = theory.TRIPLE_POINT
    y = np.geomspace(0.01, triple_p, 400, endpoint=False)
    left, _ = theory.superposition_boundaries(y)
    for ax, W in zip(maps, panels.values(), strict=True):
        norm, superposition = geometry.norms(W)[..., 2], geometry.superposition(W)[..., 2]
        plotting.phase_map(ax, r, p, norm, superposition)
        ax.plot(left, y, [1, 1], [0.01, 1], color=plotting.INK, linewidth=1)
        ax.plot([1, 10], [triple_p, triple_p], "--", color=plotting.INK, linewidth=1)
        ax.label_outer()
    maps[0].set_ylabel("p = 1 - S, the probability that a feature is on")
    figure.supxlabel(
        "colour: what becomes of the third feature, by its importance relative to the other two;  "
        "lines: where two of the simple\nsolutions are equally good, dashed where only the others "
        "change",
    )
    plotting.phase_key(key)
    return figure


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    p, r = 1 - data.sparsity.values[:, None], data.relative_importance.values
    expected = theory.ansatz_phase_n3_m2(p, r)
    clear = away_from_boundaries(theory.ansatz_phase_n3_m2, p, r)
    W = data.W.transpose(*CELL, "hidden", "feature").values
    yield PAPER.claim(
        f"Off a band of {BAND} decades around the boundaries, the best model of a cell is in the "
        "phase with the lowest ansatz loss (share of cells)"
    ).share_above(0.9, (phases(W) == expected)[clear])
    row = 1 - data.sparsity.values
    dense, sparse, wide = row > 0.62, (row > 0.2) & (row < 0.52), r > 1.5
    others: np.ndarray = np.all(geometry.represented(W)[..., :2], axis=-1)
    yield PAPER.claim(
        "For r > 1 one of the other two is dropped above p = 4/7, whatever r (share of cells, r > "
        "1.5 and p > 0.62)"
    ).share_above(0.9, ~others[dense][:, wide])
    yield PAPER.claim(
        "Below p = 4/7 both are learned, whatever r (share of cells, r > 1.5 and 0.2 < p < 0.52)"
    ).share_above(0.9, others[sparse][:, wide])
    weaker = np.min(geometry.norms(W)[..., :2], axis=-1)[:, wide]
    yield PAPER.claim(
        "For r > 1 the boundary of the other two is horizontal (largest difference over r > 1.5 of "
        "the weaker one's length)"
    ).below(0.1, np.ptp(weaker, axis=1).max(initial=0))
    ratio = data.exact_loss.min("seed").values / theory.ansatz_losses_n3_m2(p, r).min(axis=0)
    yield fig.OURS.claim(
        "The best models are at least as good as the simple solutions (loss over the lowest ansatz "
        "loss: 50th and 95th percentile over cells)"
    ).within(0, 1.05, np.quantile(ratio, [0.5, 0.95]))


def phases(W: np.ndarray) -> np.ndarray:
    """Tell from the lengths, and from who shares, which of the four solutions a model is."""
    first, second, third = np.moveaxis(np.asarray(geometry.represented(W)), -1, 0)
    shares = geometry.superposition(W)[..., 2] > 0.5
    phase = theory.PhaseN3M2
    learned = np.where(first & second, phase.OTHERS_SUPERPOSED, phase.FIRST_DROPPED)
    return np.where(third, np.where(shares, phase.SUPERPOSED, learned), phase.NOT_LEARNED)


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(cells=4, restarts=2, steps=50, batch_size=64),
    paper=Spec(cells=60, restarts=20, batch_size=1024),
    describes={
        "probability": "p of each feature",
        "relative_importance": "r, the importance of the third feature over the others'",
        "exact_loss": "expected loss, a sum over the sets of active features",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
