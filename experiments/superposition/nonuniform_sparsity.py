"""One feature sparser or denser than the others: from a pentagon to two digons.

Source: Elhage et al. 2022, "Toy Models of Superposition", "The Geometry of Superposition":
non-uniform superposition, features of varying sparsity.

Five features of equal importance share two dimensions, four of probability p = 0.05, and
the fifth of r times that. At r = 1 the best model is a regular pentagon. A denser fifth feature
has wider angles to its neighbours, a sparser one narrower angles; below some r, the best model
drops it and represents the other four as two digons. The losses of the two solutions cross there
at different slopes: a first-order transition. Left, the best models, rotated so that the fifth
feature points upwards. Right, the loss of all models over r, and of two constructed solutions: the
best regular pentagon and two digons. All losses are accurate to 1e-3: a sum over the 32 sets of
active features, with exact probabilities.

At the lowest r the fifth feature is almost never active, and some runs keep its initial direction
at almost no cost: they count as five features.

Deviations:
- The source prints no optimiser: AdamW, learning rate {learning_rate:g} ({schedule} schedule), no
  weight decay, batch {batch_size:,}, {steps:,} steps, and {restarts} restarts for each of
  {densities} relative densities.
- The source does not say where the curves cross; here it is measured.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import minimize

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry, plotting, theory

PAPER = fig.Source("Elhage et al. 2022, The Geometry of Superposition, non-uniform")
OURS = fig.Source("ours: the source does not say where")
N, VARIED = 5, 4


class Spec(fig.AnnealedSpec):
    """Settings; the source prints no optimiser."""

    probability: fig.Positive = 0.05
    """p of the four features, at most 1."""
    lowest: fig.Positive = 0.001
    """The lowest relative density of the fifth feature."""
    highest: fig.Positive = 10.0
    """The highest relative density of the fifth feature."""
    densities: fig.Count = 41
    """Relative densities, evenly apart on a log scale."""
    restarts: fig.Count = 16
    steps: fig.Count = 3000
    batch_size: fig.Count = 512

    def check(self) -> None:
        if self.highest * self.probability > 1 or self.probability > 1:
            raise ValueError(
                f"highest times probability must be at most 1; got {self.highest:g} times "
                f"{self.probability:g}"
            )
        if self.lowest > self.highest:
            raise ValueError(f"lowest must be at most highest; got {self.lowest:g}")


def run(lab: fig.Lab[Spec]) -> xr.Dataset:
    spec = lab.spec
    relative = np.geomspace(spec.lowest, spec.highest, spec.densities)
    probability = np.full((spec.densities, N), spec.probability)
    probability[:, VARIED] *= relative

    def problem(relative_density):
        features = tm.SparseFeatures(N, probability=relative_density)
        objective = tm.Reconstruction(
            features, lambda key: tm.ReluOutput(N, 2, key=key), spec.batch_size, given_active=True
        )
        return objective, spec.adamw()

    sweep = tm.Axis("relative_density", relative, probability)
    models = lab.train("relu_output", problem, axes=sweep)
    models = models.assign(probability=(("relative_density", "feature"), probability))
    return models.assign(
        exact_loss=theory.active_set_loss(models.W, models.b, models.probability),
        pentagon_loss=("relative_density", [pentagon_loss(p) for p in probability]),
        digons_loss=("relative_density", digons_loss(probability)),
    )


def pentagon_loss(p: np.ndarray) -> float:
    """Return the least loss of a regular pentagon over its radius and common bias."""
    pentagon = theory.regular_polygon(N)

    def loss(settings: np.ndarray) -> float:
        radius, bias = settings
        return float(theory.active_set_loss(radius * pentagon, np.full(N, bias), p))

    return float(minimize(loss, [1.0, -0.1], method="Nelder-Mead", options={"xatol": 1e-3}).fun)


def digons_loss(p: np.ndarray) -> np.ndarray:
    """Return the loss of two digons without the fifth feature, which is predicted by its mean."""
    return 2 * p[:, 0] ** 2 / 3 + np.asarray(theory.feature_variance(p[:, VARIED]))


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    figure = plotting.figure(10.4, 4.4)
    plane, losses = figure.subplots(1, 2, width_ratios=[1, 1.35])
    draw_solutions(plane, tm.best_of(data, by="exact_loss"))
    draw_losses(losses, data)
    return figure


def draw_solutions(ax: Axes, best: xr.Dataset) -> None:
    """Draw the best models, the fifth feature upwards, darker for larger r."""
    r, is_fifth = best.relative_density.values, np.arange(N) == VARIED
    size, edge = np.where(is_fifth, 49, 25), np.where(is_fifth, 0.4, 0)
    plotting.unit_circle(ax)
    for W, color in zip(best.W.values, plotting.ordered_colors(len(r)), strict=True):
        ax.scatter(*upright(W), s=size, color=color, edgecolor="white", linewidth=edge)
    ax.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_title("best models in one frame; large: the fifth feature")
    ax.set_xlabel(
        f"grey: relative density, from {plotting.plain_number(r[0])} (light) to "
        f"{plotting.plain_number(r[-1])} (dark)"
    )


def upright(W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotate W so that the fifth feature points upwards, or two digons lie on the diagonals.

    Returns the x and y of each feature.
    """
    columns = W[0] + 1j * W[1]
    is_held = geometry.represented(W)[VARIED]
    up, aligned = (1j, columns[VARIED]) if is_held else (1 + 1j, columns[0])
    turned = columns * np.exp(1j * (np.angle(up) - np.angle(aligned)))
    return turned.real, turned.imag


def draw_losses(ax: Axes, data: xr.Dataset) -> None:
    """Draw the loss of all models by the number of features that they represent."""
    counts, r = geometry.represented_count(data.W), data.relative_density
    for count, color in zip((3, 4, 5), plotting.kind_colors(3), strict=True):
        losses = data.exact_loss.where(counts == count)
        dots = ax.plot(r, losses, "o", color=color, markersize=2.5)
        dots[0].set(label=f"{count} features represented")
    ax.plot(r, data.pentagon_loss, color=plotting.INK, label="regular pentagon, by hand")
    ax.plot(r, data.digons_loss, "--", color=plotting.INK, label="two digons, by hand")
    ax.set(xlabel="relative density r of the fifth feature", ylabel="exact loss")
    plotting.log_axis(ax.xaxis)
    plotting.log_axis(ax.yaxis, [0.002, 0.005, 0.01, 0.02, 0.05])
    low = np.minimum(data.exact_loss.min(), data.digons_loss.min()).item()
    highest_best = data.exact_loss.min("seed").max().item()
    ax.set_ylim(0.8 * low, 1.3 * highest_best)
    ax.legend(loc="upper left")


def neighbour_angle(models: xr.Dataset) -> xr.DataArray:
    """Return the mean angle, in degrees, between the fifth feature and its two neighbours."""
    cosines = geometry.cosines(models.W).isel(feature=VARIED, feature_other=slice(0, VARIED))
    nearest = np.sort(np.degrees(np.arccos(cosines.clip(-1, 1))).values, axis=-1)[..., :2]
    return models.relative_density.copy(data=nearest.mean(axis=-1))


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    best = tm.best_of(data, by="exact_loss")
    equal = best.sel(relative_density=slice(0.9, 1.1))
    yield PAPER.claim("At r = 1 the best model is a regular pentagon (angles)").within(
        68, 76, geometry.angular_gaps(equal.W)
    )
    five = best.isel(relative_density=(geometry.represented_count(best.W) == N).values)
    angle = neighbour_angle(five)
    yield PAPER.claim(
        "A denser feature pushes its neighbours away (angle to them, r from 2 on)"
    ).above(72, angle.sel(relative_density=slice(2, None)))
    yield PAPER.claim(
        "A sparser feature lets its neighbours close in (angle to them, r up to 1/2, as long as it "
        "is represented)"
    ).below(72, angle.sel(relative_density=slice(None, 0.5)))
    sparse = best.sel(relative_density=slice(None, 0.01))
    dropped = geometry.norms(sparse.W).isel(feature=VARIED)
    yield PAPER.claim("A feature of r at most 0.01 is dropped (length)").below(0.2, dropped)
    antipodes = geometry.cosines(sparse.W.isel(feature=slice(0, VARIED))).min("feature_other")
    yield PAPER.claim("Then the others form two digons (cosine of each to its antipode)").below(
        -0.98, antipodes
    )
    yield from crossing(data, best)


def crossing(data: xr.Dataset, best: xr.Dataset) -> Iterator[fig.Claim]:
    """Measure where the best model changes, and whether the losses cross there."""
    r = data.relative_density
    pentagon_wins = data.pentagon_loss < data.digons_loss
    five = geometry.represented_count(best.W) == N
    if not (pentagon_wins.any() and not pentagon_wins.all() and five.any() and not five.all()):
        return
    by_hand, trained = r[pentagon_wins][0], r[five][0]
    yield OURS.claim(
        "The best model changes where the losses of the solutions made by hand cross, or below, as "
        "a pentagon may deform (the least r with five features, trained over by hand)"
    ).within(0.3, 1.01, trained / by_hand)
    steps = data[["pentagon_loss", "digons_loss"]].diff("relative_density")
    steps = steps.sel(relative_density=by_hand)
    yield PAPER.claim(
        "The transition is first order: the losses cross at different slopes (the "
        "pentagon's over the digons', at the crossing)"
    ).within(0, 0.8, steps.pentagon_loss / steps.digons_loss)


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(densities=3, restarts=2, steps=50, batch_size=64),
    paper=Spec(densities=81, restarts=64, steps=10_000),
    describes={
        "probability": "p of each feature",
        "relative_density": "r, the probability of the fifth feature over that of the others",
        "exact_loss": "expected loss, a sum over the sets of active features",
        "pentagon_loss": "least expected loss of a regular pentagon",
        "digons_loss": "expected loss of two digons without the fifth feature",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
