"""The linear model against the ReLU-output model, from dense to sparse.

Source: Elhage et al. 2022, "Toy Models of Superposition", section "Demonstrating
Superposition", basic results.

Two sizes, 20 features in 5 dimensions and 80 in 20, each trained with and without the ReLU.
The linear model keeps the most important features, one a dimension, at any sparsity: it is
PCA. The ReLU-output model does the same with dense features and stores more features than it
has dimensions as they become sparse. Each picture is the best of `restarts` by test loss.

A finding: with n = 20 the number of represented features levels off at 12 to 14 from S = 0.99
on, so that it need not rise from one sparsity to the next. Eight restarts instead of four,
learning rate 1e-2 along a cosine, no weight decay, and training on active samples only gave
the same.
"""

from dataclasses import dataclass

import numpy as np
import optax

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
    join_sizes,
    linear,
    plotting,
    select_size,
    theory,
)
from toymodels.suite.cli import main
from toymodels.suite.spec import Count, Positive, Sparsities

MODELS = {"linear": linear, "ReLU output": ReluOutput}


@dataclass(frozen=True)
class Spec(TrainingSpec):
    """Settings; the source prints no optimiser, this is its notebook's."""

    n: tuple[Count, ...] = (20, 80)
    """Number of features, one for each size."""
    m: tuple[Count, ...] = (5, 20)
    """Number of hidden dimensions, one for each size."""
    importance_decay: tuple[Positive, ...] = (0.7, 0.9)
    """Importance of feature i is this to the power of i, one for each size."""
    sparsity: Sparsities = (0.0, 0.7, 0.9, 0.97, 0.99, 0.997, 0.999)
    """S, the probability that a feature is inactive; one column each."""

    def check(self):
        if not len(self.n) == len(self.m) == len(self.importance_decay):
            raise ValueError("n, m and importance_decay must have one entry for each size")
        if len(set(self.n)) < len(self.n) or np.any(np.greater(self.m, self.n)):
            raise ValueError("sizes must differ in n, and m must be at most n")


def run(spec, key, runner):
    sizes = zip(spec.n, spec.m, spec.importance_decay, strict=True)
    members = [
        join_sizes(
            [train(spec, key, runner, name, n, m, decay ** np.arange(n)) for name in MODELS],
            "model",
            list(MODELS),
        )
        for n, m, decay in sizes
    ]
    return join_sizes(members, "n", spec.n)


def train(spec, key, runner, name, n, m, importance):
    def problem(sparsity):
        features = SparseFeatures(n, sparsity=sparsity, importance=importance)
        objective = Reconstruction(
            features, lambda key: MODELS[name](n, m, key=key), spec.batch_size
        )
        return objective, optax.adamw(spec.learning_rate, weight_decay=spec.weight_decay)

    axes = [Axis("sparsity", spec.sparsity), Axis.seeds(spec.restarts)]
    models = runner.train(f"{name.split()[0]}_n{n}", problem, axes, spec.steps, key=key)
    return models.assign(importance=("feature", importance))


@plotting.style()
def plot(dataset):
    best = best_of(dataset)
    sizes, columns = dataset.n.values, dataset.sizes["sparsity"]
    figure = plotting.figure(1.1 * columns + 1.7, 1.95 * len(sizes) + 0.4)
    grid = figure.add_gridspec(
        2 * len(sizes),
        columns + 2,
        height_ratios=[1.25, 0.7] * len(sizes),
        width_ratios=[1, 0.1] + [1] * columns,  # the linear model stands apart
    )
    for row, n in enumerate(sizes):
        shown = shown_models(best, n)
        limit = 1.1 * max(float(geometry.norms(W).max()) for _, W, _ in shown)
        for column, (title, W, b) in zip([0, *range(2, columns + 2)], shown, strict=True):
            heat = figure.add_subplot(grid[2 * row, column])
            plotting.gram_with_bias(heat, W, b)
            bars = figure.add_subplot(grid[2 * row + 1, column])
            plotting.norm_bars(bars, geometry.norms(W), geometry.superposition(W), limit)
            if row == 0:
                heat.set_title(title)
            if column == 0:
                heat.set_ylabel(f"n = {n}, m = {len(W)}\n$W^T W$ | b")
                bars.set_ylabel("feature")
            bars.set_xlabel(r"$|W_i|$")
    return figure


def shown_models(best, n):
    """Give title, W and b of the linear model at its densest, then the ReLU model throughout."""
    linear_model = select_size(best, n=n, model="linear").isel(sparsity=0)
    shown = [(f"linear\n{plotting.sparsity_label(float(linear_model.sparsity))}", linear_model)]
    for S in best.sparsity.values:
        relu = select_size(best, n=n, model="ReLU output", sparsity=S)
        shown.append((f"ReLU\n{plotting.sparsity_label(S)}", relu))
    return [(title, model.W.values, model.b.values) for title, model in shown]


def claims(dataset):
    return [claim for n in dataset.n.values for claim in claims_of_size(dataset, int(n))]


def claims_of_size(dataset, n):
    linear_models = select_size(dataset, n=n, model="linear")
    relu = best_of(select_size(dataset, n=n, model="ReLU output"))
    importance, m = relu.importance.values.reshape(-1, n)[0], relu.sizes["hidden"]
    p = 1 - dataset.sparsity.values
    optimum = theory.linear_optimum_loss(importance, p, m)
    linear_ratio = linear_models.loss.values / optimum[:, None]
    linear_counts = geometry.represented(linear_models.W.values).sum(axis=-1)
    relu_counts = geometry.represented(relu.W.values).sum(axis=-1)
    relu_ratio = relu.loss.values / best_of(linear_models).loss.values
    dense = relu.isel(sparsity=int(p.argmax()))
    dense_gram = np.diag((np.arange(n) < m).astype(float))
    dense_bias = np.where(np.arange(n) < m, 0, (p / 2).max())
    where = f"Elhage et al. 2022, basic results, n = {n}, m = {m}"
    return [
        Claim.within(
            "Every linear run reaches the closed-form optimum (p/3 - p^2/4) sum_{i>=m} I_i "
            "(least and largest ratio)",
            where,
            (0.98, 1.02),
            [linear_ratio.min(), linear_ratio.max()],
        ),
        Claim.within(
            "Every linear run represents m features, whatever the sparsity (least, most)",
            where,
            (m, m),
            [linear_counts.min(), linear_counts.max()],
        ),
        Claim.within(
            "Dense: the ReLU model is the linear one: W^T W is 1 on the diagonal of the m most "
            "important features and else 0, b is 0 for them and E[x] for the others "
            "(largest deviations)",
            where,
            (0, 0.1),
            [
                np.abs(geometry.gram(dense.W.values) - dense_gram).max(),
                np.abs(dense.b.values - dense_bias).max(),
            ],
        ),
        Claim.within(
            "Dense: the ReLU model's loss equals the linear one's (ratio)",
            where,
            (0.98, 1.02),
            relu_ratio[p.argmax()],
        ),
        Claim.within(
            "The ReLU model's loss is at most the linear one's at every sparsity (ratios)",
            where,
            (0, 1.02),
            relu_ratio,
        ),
        Claim(
            "The number of represented features does not fall as features get sparser",
            where,
            "non-decreasing",
            relu_counts,
            bool((np.diff(relu_counts[np.argsort(-p)]) >= 0).all()),
        ),
        first_superposed(relu.sortby("sparsity").W.values, where),
    ]


def first_superposed(weights, where):
    """Look at the densest model with superposition: which features share, and how."""
    for W in weights:
        shared = geometry.superposition(W) > 0.5
        shared &= geometry.represented(W)
        if shared.any():
            break
    alone = geometry.represented(W) & ~shared
    antipodes = geometry.cosines(W).min(axis=1)[shared]
    measured = [alone.nonzero()[0].max(initial=-1), *shared.nonzero()[0][:1], *antipodes[:8]]
    return Claim(
        "The first features in superposition are the least important ones kept, in antipodal "
        "pairs (last feature alone, first feature shared, cosines to the nearest antipode)",
        where,
        "all that are alone come before all that share, cosines below -0.9",
        measured,
        bool(shared.any() and measured[0] < measured[1] and (antipodes < -0.9).all()),
    )


EXPERIMENT = Experiment(
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(n=(6, 10), m=(2, 3), sparsity=(0.0, 0.9), restarts=2, steps=100, batch_size=64),
    paper=Spec(restarts=32, steps=50_000),
    sweeps="sparsity",
    deviations=(
        "The source prints no optimiser settings: AdamW, learning rate 1e-3, weight decay 1e-2, "
        "batch 1024, 10,000 steps, as its notebook has them.",
        "Each picture is the best of all restarts by test loss; the source does not say how its "
        "models were chosen.",
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
