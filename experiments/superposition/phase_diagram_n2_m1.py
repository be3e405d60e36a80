"""Phase diagram of two features in one dimension: theory, exact optimum and training.

Source: Elhage et al. 2022, "Toy Models of Superposition", "Superposition as a Phase Change".

One hidden dimension, two features, the second of relative importance r. In three phases, the second
feature is not represented, it is the only one represented, or both are an antipodal pair. The
theory compares the closed-form losses of these three solutions. The exact optimum minimises the
expected loss, integrated exactly, over all weights and biases: near the boundaries it lies below
all three. The trained panel shows, for each cell, the best of `restarts` models by exact expected
loss.

Deviations:
- Grid and optimiser are ours: {cells} x {cells} cells, AdamW, learning rate {learning_rate:g},
  {schedule} schedule, weight decay {weight_decay:g}, batch {batch_size:,}, {steps:,} steps.
- The source drops the worst of ten models and averages the rest; here the best of {restarts} by
  exact expected loss is shown, and the share of models that agree is a claim.
- The second theory panel, the exact optimum, is ours.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

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

RESTARTS = fig.Source("ours: the source averages nine of ten models")
MCGRATH = fig.Source("comment by McGrath on Elhage et al. 2022")


class Spec(PhaseSpec):
    """Settings; the source prints no optimiser and no grid."""

    restarts: fig.Count = 10


def run(lab: fig.Lab[Spec]) -> xr.Dataset:
    p, r = lab.spec.p, lab.spec.r
    models = train_cells(lab, 2, 1)
    w, b = models.W.values[..., 0, :], models.b.values
    exact_loss = theory.expected_loss_n2_m1(w, b, p[:, None, None], r[:, None])
    optimum = theory.optimum_n2_m1(p[:, None], r)
    cell = ("sparsity", "relative_importance")
    return models.assign(
        exact_loss=((*cell, "seed"), np.asarray(exact_loss)),
        optimum_W=((*cell, "hidden", "feature"), optimum.w[..., None, :]),
        optimum_loss=(cell, optimum.loss),
    )


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    p, r = 1 - data.sparsity.values, data.relative_importance.values
    ansatz = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])[theory.ansatz_phase(p[:, None], r)]
    panels = {
        "theory: the best of three simple solutions": ansatz[..., None, :],
        "theory: exact optimum": data.optimum_W.values,
        f"trained: best of {data.sizes['seed']}": tm.best_of(data, by="exact_loss").W.values,
    }
    figure = plotting.figure(11.4, 4.0)
    [[*maps, key]] = plotting.panels(figure, [""], [*panels, ""], width_ratios=[1, 1, 1, 0.36])
    triple_p, triple_r = theory.TRIPLE_POINT
    y = np.geomspace(0.01, triple_p, 400, endpoint=False)
    left, right = theory.superposition_boundaries(y)
    for ax, W in zip(maps, panels.values(), strict=True):
        norm, superposition = geometry.norms(W)[..., 1], geometry.superposition(W)[..., 1]
        plotting.phase_map(ax, r, p, norm, superposition)
        # boundaries between phases; all three meet at `triple_p`
        ax.plot(left, y, right, y, [1, 1], [triple_p, 1], color=plotting.INK, linewidth=1)
        ax.plot(triple_r, triple_p, "o", color=plotting.INK, markersize=4)
        ax.label_outer()
    for place, w in {(0.25, 0.75): [1, 0], (4, 0.75): [0, 1], (1, 0.06): [1, -1]}.items():
        plotting.arrow_glyph(maps[0], place, np.array([w]))
    maps[0].set_ylabel("p = 1 - S, the probability that a feature is on")
    figure.supxlabel(
        "colour: what becomes of the second of two features, by its importance relative to the "
        "first;  badges: the first grey, the second dark,\na ring where one is not learned;  "
        "black lines, the same in all panels: where two of the simple solutions are equally good",
    )
    plotting.phase_key(key)
    return figure


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    p, r = 1 - data.sparsity.values[:, None], data.relative_importance.values
    best, restarts = tm.best_of(data, by="exact_loss"), data.sizes["seed"]
    expected = np.asarray(theory.ansatz_phase(p, r))
    clear = away_from_boundaries(theory.ansatz_phase, p, r)
    best_agree = (phases(best.W.values) == expected)[clear]
    all_agree = (phases(data.W.values) == expected[..., None])[clear]
    yield PAPER.claim(
        f"Off a band of {BAND} decades around the boundaries, the best model of a cell is in the "
        "phase with the lowest ansatz loss (share of cells)"
    ).share_above(0.9, best_agree)
    if restarts > 1:
        yield RESTARTS.claim(
            f"Single runs get stuck: of all {restarts} restarts fewer are (share of them, of the "
            "best)"
        ).rises([all_agree.mean(), best_agree.mean()])
    yield fig.OURS.claim(
        "The best model's loss over the exact optimum (5th, 50th, 95th percentile over cells)"
    ).within(1 - 1e-3, 1.05, np.quantile(best.exact_loss / data.optimum_loss, [0.05, 0.5, 0.95]))
    to_ansatz = data.optimum_loss.values / np.min(theory.ansatz_losses(p, r), axis=0)
    yield MCGRATH.claim(
        "Near the boundaries the exact optimum lies below all three ansatz losses (least ratio)"
    ).within(0, 0.99, np.sort(to_ansatz[~clear])[:1])
    yield from transition(best.exact_loss.values, p[:, 0], r)


def phases(W: np.ndarray) -> np.ndarray:
    """Classify models as one of the three solutions by their features' lengths."""
    first, extra = np.moveaxis(np.asarray(geometry.represented(W)), -1, 0)
    shared = np.where(first, theory.Phase.SUPERPOSITION, theory.Phase.DEDICATED)
    return np.where(extra, shared, theory.Phase.NOT_LEARNED)


def transition(loss: np.ndarray, p: np.ndarray, r: np.ndarray) -> Iterator[fig.Claim]:
    """Fit the loss as a line in r on either side of the boundary, in the row nearest p = 0.3."""
    row = np.abs(np.log(p / 0.3)).argmin()
    if abs(np.log10(p[row] / 0.3)) > BAND:
        return
    density, boundary = p[row], theory.superposition_boundaries(p)[0][row]
    sides = [r < boundary / 1.4, (r > 1.4 * boundary) & (r < 1 / (1.4 * boundary))]
    slopes = [np.polyfit(r[at], loss[row, at], 1)[0] if at.sum() > 1 else np.nan for at in sides]
    yield PAPER.claim(
        "The transition is first order: at p near 0.3 the slope of the loss in r jumps from "
        "p/3 - p^2/4 (not learned) to p^2/6 (superposed) (measured slopes over these)"
    ).within(0.9, 1.1, np.divide(slopes, [theory.feature_variance(density), density**2 / 6]))


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(cells=4, restarts=2, steps=100, batch_size=64),
    paper=Spec(cells=80),
    describes={
        "relative_importance": "r, the importance of the second feature over the first one's",
        "exact_loss": "expected loss, integrated exactly",
        "optimum_W": "weights of the exact optimum",
        "optimum_loss": "expected loss of the exact optimum",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
