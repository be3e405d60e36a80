"""Five features in two dimensions, from dense to sparse.

Source: Elhage et al. 2022, "Toy Models of Superposition", introduction: features in two
dimensions as sparsity increases.

A ReLU-output model has two hidden dimensions for five features of decreasing importance.
Dense features: the two most important ones get a dimension each, the others nothing. Sparser:
four of them, as two antipodal pairs. Sparse: all five, as a regular pentagon. m = 2 is the
hardest width to optimise, so each panel shows the best of `restarts` models by test loss; the
grey rings in the middle row tell how many features each of the others represents.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import optax
import xarray as xr

from toymodels import (
    Axis,
    Claim,
    Experiment,
    Reconstruction,
    ReluOutput,
    SparseFeatures,
    TrainingSpec,
    best_of,
    geometry,
    plotting,
)
from toymodels.suite.cli import main
from toymodels.suite.spec import Count, Positive, Range, Sparsities

WHERE = "Elhage et al. 2022, introduction"


@dataclass(frozen=True)
class Spec(TrainingSpec):
    """Settings; the source prints no optimiser, this is its notebook's."""

    n: Annotated[int, Range(3)] = 5
    """Number of features, for two dimensions."""
    sparsity: Sparsities = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
    """S, the probability that a feature is inactive; one panel each."""
    importance_decay: Positive = 0.9
    """Importance of feature i is this to the power of i."""
    restarts: Count = 16


def run(spec, key, runner):
    importance = spec.importance_decay ** np.arange(spec.n)

    def problem(sparsity):
        features = SparseFeatures(spec.n, sparsity=sparsity, importance=importance)
        objective = Reconstruction(
            features, lambda key: ReluOutput(spec.n, 2, key=key), spec.batch_size
        )
        return objective, optax.adamw(spec.learning_rate, weight_decay=spec.weight_decay)

    axes = [Axis("sparsity", spec.sparsity), Axis.seeds(spec.restarts)]
    models = runner.train("relu_output", problem, axes, spec.steps, key=key)
    return models.assign(importance=("feature", importance))


@plotting.style()
def plot(dataset):
    best = best_of(dataset)
    panels, colors = dataset.sizes["sparsity"], plotting.importance_colors(dataset.importance)
    places = np.arange(panels)
    figure = plotting.figure(1.25 * panels + 0.6, 4.2)
    # no padding, so that panels stand above their places
    figure.get_layout_engine().set(w_pad=0, wspace=0, rect=(0.006, 0, 0.988, 1))
    grid = figure.add_gridspec(3, panels, height_ratios=[1.25, 0.8, 1])
    limit = 1.15 * max(1.0, float(geometry.norms(best.W.values).max()))
    for i, S in enumerate(dataset.sparsity.values):
        ax = figure.add_subplot(grid[0, i])
        plotting.feature_arrows(ax, best.W.sel(sparsity=S).values, colors, limit)
        ax.set_title(plotting.sparsity_label(S))
    count = figure.add_subplot(grid[1, :])
    plotting.restart_counts(count, places, represented(dataset), represented(best))
    count.set(xlim=(-0.5, panels - 0.5), xticks=[], ylabel="represented")
    count.set_title(
        f"features represented, grey: all {dataset.sizes['seed']} restarts; "
        "above and below: the best; darker: more important",
        fontsize="small",
        color=plotting.MUTED,
    )
    dots = figure.add_subplot(grid[2, :])
    plotting.dot_strip(dots, places, geometry.dimensionality(best.W.values), colors)
    labels = [plotting.plain_number(round(1 / (1 - S), 1)) for S in dataset.sparsity.values]
    dots.set_xticks(places, labels)
    dots.set(xlim=count.get_xlim(), yticks=[], xlabel="1 / (1 - S)", ylabel="dimensionality")
    figure.align_ylabels()
    return figure


def claims(dataset):
    best, n = best_of(dataset), dataset.sizes["feature"]
    dense = best.isel(sparsity=int(dataset.sparsity.values.argmin())).W.values
    kept, dropped = np.split(geometry.norms(dense), [2])
    pairs = [four_in_pairs(W) for W in best.W.values]
    sparse = dataset.sparsity.values >= 0.9
    reached = (represented(dataset)[sparse] == n).mean(axis=1)
    return [
        Claim.within(
            "Dense: the two most important features have length 1 (their lengths)",
            WHERE,
            (0.9, 1.1),
            kept,
        ),
        Claim.within(
            "Dense: they are orthogonal (cosine), and the others are not learned (lengths)",
            WHERE,
            (-0.1, 0.1),
            [geometry.cosines(dense)[0, 1], *dropped],
        ),
        Claim(
            "In between: four features as two antipodal pairs (the sparsities S where they are)",
            WHERE,
            "at least one sparsity",
            dataset.sparsity.values[pairs],
            any(pairs),
        ),
        Claim.within(
            "Sparse, S >= 0.9: all features as a regular pentagon (angles between neighbours)",
            WHERE,
            (64, 80),
            geometry.angular_gaps(best.W.values[sparse]).ravel(),
        ),
        Claim(
            "Sparse, S >= 0.9: single restarts get there too (share of "
            f"{dataset.sizes['seed']} that represent all features, for each sparsity)",
            "ours: the source shows single models",
            "above 0 at each sparsity",
            reached,
            bool(reached.size and (reached > 0).all()),
        ),
        Claim(
            "The number of represented features does not fall as features get sparser",
            WHERE,
            "non-decreasing",
            represented(best),
            bool((np.diff(represented(best)[np.argsort(dataset.sparsity.values)]) >= 0).all()),
        ),
    ]


def represented(models: xr.Dataset) -> np.ndarray:
    """Count the represented features of each model."""
    return np.asarray(geometry.represented(models.W.values).sum(axis=-1))


def four_in_pairs(W: np.ndarray) -> bool:
    """Whether exactly four features are represented, each with an antipode."""
    cosines = geometry.cosines(W[:, geometry.represented(W)])
    return len(cosines) == 4 and bool((cosines.min(axis=1) < -0.95).all())


EXPERIMENT = Experiment(
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(sparsity=(0.0, 0.9), restarts=2, steps=100, batch_size=64),
    paper=Spec(restarts=64),
    sweeps="sparsity",
    deviations=(
        "The source prints no optimiser settings here: AdamW, learning rate 1e-3, weight decay "
        "1e-2, batch 1024, 10,000 steps, as its notebook has them.",
        "The source shows three panels of single models; here eight, each the best of all "
        "restarts by test loss.",
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
