"""Neurons that compute absolute values, two for each feature, and fewer for sparse features.

Source: Elhage et al. 2022, "Toy Models of Superposition", "Computation in Superposition":
the model, and three features computed by six neurons.

The model h = relu(W_in x), y = relu(W_out h + b) is trained to give y = |x|. Left, the best model
of dense features with the most neurons: |x| = relu(x) + relu(-x), so that each feature has a neuron
for its positive and one for its negative values. Every neuron is rescaled so that its largest input
weight is 1, which does not change what it computes; lines are as wide as weights. Beside it, the
same weights as heat maps, and each output as its input goes from -1 to 1 while the others are zero.

Right, the loss over that of two neurons for each of the most important features, (p/3 - p^2/4)
sum_i I_i over the rest; the line is the best restart. With two and four neurons the best models of
dense features reach it, with three and five they also compute half of one more feature. Where
features are sparse, four neurons compute all three of them.

Deviations:
- The source prints neither S nor the importances nor the optimiser: S = 0 and importances
  {importance_decay:g}^i follow a public replication; AdamW, learning rate {learning_rate:g}
  ({schedule} schedule), weight decay {weight_decay:g}, batch {batch_size:,} given that a feature is
  active, {steps:,} steps, the best of {restarts} restarts.
- W_in starts {init_scale:g} times Xavier's, and W_out as |W_in|^T. From two independent matrices,
  each as Xavier's, the best of 16 models with two neurons computed the second most important
  feature and not the first.
- Fewer neurons than six, and sparse features, are not in the source.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import toymodels as tm
from experiments.superposition._computing import COMPUTES, ComputingSpec, absolute_values
from experiments.superposition._neurons import names_of
from toymodels import circuits, neurons, plotting, theory
from toymodels import figure as fig

PAPER = fig.Source("Elhage et al. 2022, Computation in Superposition, three features")
FEWER = fig.Source("ours: fewer neurons than two for each feature")


class Spec(ComputingSpec):
    """Settings; the source prints n and m."""

    n: fig.Count = 3
    m: fig.Count = 6
    fewer: fig.Sizes = (2, 3, 4, 5)
    """Other numbers of neurons, below m."""
    sparsity: fig.ActiveSparsities = (0.0, 0.9)
    restarts: fig.Count = 32
    steps: fig.Count = 3000
    batch_size: fig.Count = 256

    def check(self) -> None:
        super().check()
        if max(self.fewer) >= self.m:
            raise ValueError(f"fewer must be below m = {self.m}; got {self.fewer}")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    return tm.gather(train(lab, m) for m in (*sorted(lab.spec.fewer), lab.spec.m))


def train(lab: fig.Lab[Spec], m: int) -> xr.Dataset:
    """Train models with m neurons."""
    spec = lab.spec

    def problem(sparsity):
        return absolute_values(spec, sparsity, m), spec.adamw()

    models = lab.train(f"m{m}", problem, axes="sparsity")
    return models.assign(importance=("feature", spec.importance)).assign_coords(m=m)


def most_neurons(data: xr.DataTree) -> xr.Dataset:
    """Return the models with the most neurons, rescaled, from dense to sparse."""
    models = tm.select(data, m=max(tm.settings(data, "m"))).sortby("sparsity")
    layers = circuits.rescaled(models.W_in, models.W_out)
    return models.assign(W_in=layers.W_in, W_out=layers.W_out)


def bound(models: xr.Dataset) -> xr.DataArray:
    """Return the loss of two neurons for each of the most important features, at each S."""
    p, m = 1 - models.sparsity, models.sizes["hidden"]
    return p.copy(data=theory.absolute_value_bound(models.importance.values, p.values, m))


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    model = tm.best_of(most_neurons(data)).isel(sparsity=0)
    model = model.isel(hidden=neurons.by_main_feature(model.W_in).values)
    n = model.sizes["feature"]
    figure = plotting.figure(11.4, 3.9)
    ratios = [1.5, 0.6, 0.6, 1, 1.2]
    wiring, first, second, outputs, losses = figure.subplots(1, 5, width_ratios=ratios)
    label = plotting.sparsity_label(model.sparsity.item())
    plotting.neuron_wiring(
        wiring,
        model.W_in,
        model.W_out,
        plotting.feature_colors(n),
        [f"$x_{{{name}}}$" for name in names_of(n)],
        [f"$y_{{{name}}}$" for name in names_of(n)],
    )
    wiring.set_title(f"h = relu($W_{{in}}$ x), y = relu($W_{{out}}$ h + b), {label}")
    draw_weights(first, model.W_in.transpose("hidden", "feature"), "$W_{in}$")
    draw_weights(second, model.W_out.transpose("hidden", "feature"), "$W_{out}^T$")
    first.set_ylabel("neuron (blue +, red -)")
    draw_outputs(outputs, model)
    draw_losses(losses, data)
    return figure


def draw_weights(ax: Axes, W: xr.DataArray, title: str) -> None:
    """Draw weights [neuron, feature] as a heat map, with numbers where there is room for them."""
    plotting.heat_map(ax, W)
    if W.sizes["feature"] <= 4:
        for (k, i), weight in np.ndenumerate(W.values):
            ink = "white" if abs(weight) > 0.6 else plotting.MUTED
            ax.text(
                i,
                k,
                f"{round(weight, 1) + 0.0:.1f}",
                fontsize=7,
                color=ink,
                ha="center",
                va="center",
            )
    ax.set(title=title, xlabel="feature")


def draw_outputs(ax: Axes, model: xr.Dataset) -> None:
    """Draw each output over its own input, the others zero."""
    x, n = np.linspace(-1, 1, 41), model.sizes["feature"]
    for i, color in enumerate(plotting.feature_colors(n)):
        y = circuits.outputs(model.W_in, model.W_out, model.b, np.eye(n)[:, [i]] * x)[i]
        ax.plot(x, y, color=color, label=f"$y_{{{i + 1}}}$", linewidth=3 - 2 * i / n)
    ax.set(xlabel="x, the other inputs zero", title="outputs", ylim=(-0.03, 1.1))
    ax.legend(loc="upper center")


def draw_losses(ax: Axes, data: xr.DataTree) -> None:
    """Draw the loss over the bound for every number of neurons that leaves one."""
    sizes = [models.sortby("sparsity") for models in tm.select_all(data)]
    left = [
        models
        for models in sizes
        if 2 * (models.sizes["hidden"] // 2) < 2 * models.sizes["feature"]
    ]
    for S, color in zip(sizes[0].sparsity.values, plotting.kind_colors(99), strict=False):
        ratios = [(models.loss / bound(models)).sel(sparsity=S) for models in left]
        m = [models.m.item() for models in left]
        for k, each in zip(m, ratios, strict=True):
            ax.plot(np.full(each.size, k), each, "o", color=color, markersize=2.5, alpha=0.5)
        ax.plot(m, [each.min() for each in ratios], color=color, label=plotting.sparsity_label(S))
    ax.axhline(1, color=plotting.FAINT, zorder=0)
    plotting.log_axis(ax.yaxis, [0.1, 0.2, 0.5, 1, 2, 5, 10])
    ax.set(xticks=m, xlabel="m, neurons", title="loss over that of separate neurons")
    ax.legend()


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    models = most_neurons(data)
    dense = tm.at(tm.best_of(models), sparsity=0)
    if models.sizes["hidden"] == 2 * models.sizes["feature"]:
        yield PAPER.claim(
            "Dense: two neurons for each feature compute the absolute values exactly (loss)"
        ).below(1e-4, dense.loss)
        yield PAPER.claim("Dense: every neuron is monosemantic (numbers of features)").equal(
            1, neurons.feature_count(dense.W_in)
        )
        main = dense.W_in.argmax("feature").where(dense.W_in.max("feature") > 0.5)
        opposite = dense.W_in.argmin("feature").where(dense.W_in.min("feature") < -0.5)
        counts = [
            int((own == i).sum()) for own in (main, opposite) for i in range(dense.sizes["feature"])
        ]
        yield PAPER.claim(
            "Dense: every feature has one neuron for its positive and one for its negative values "
            "(numbers of neurons)"
        ).equal(1, counts if dense.sparsity.size else [])
        own = dense.W_out.transpose(..., "hidden", "feature").max("feature")
        yield PAPER.claim(
            "Dense: output weights are 1 where the largest input weight is 1 (largest of each "
            "neuron)"
        ).within(0.9, 1.1, own)
        yield fig.OURS.claim(
            "Dense: most restarts get there (share with a loss below 1e-4)"
        ).share_above(0.5, tm.at(models, sparsity=0).loss < 1e-4)
    yield from fewer_claims(tm.select_all(data), models.sizes["feature"])


def fewer_claims(sizes: list[xr.Dataset], n: int) -> Iterator[fig.Claim]:
    """Claim what fewer neurons than two for each feature compute."""
    ratios = {
        models.m.item(): tm.best_of(models).loss / bound(models)
        for models in sizes
        if models.sizes["hidden"] < 2 * n
    }
    even = [tm.at(ratio, sparsity=0) for m, ratio in ratios.items() if m % 2 == 0]
    yield FEWER.claim(
        "Dense: an even number of neurons reaches the loss of two for each of the most important "
        "features, and no less (ratios)"
    ).within(0.97, 1.03, np.concatenate(even) if even else [])
    odd = [tm.at(ratio, sparsity=0) for m, ratio in ratios.items() if m % 2]
    yield FEWER.claim(
        "Dense: one neuron more computes half of one more feature (the same ratio)"
    ).within(0.6, 0.95, np.concatenate(odd) if odd else [])
    four = [models for models in sizes if models.sizes["hidden"] == 2 * n - 2]
    sparse = [tm.at(tm.best_of(models), sparsity=0.9) for models in four]
    yield PAPER.claim(
        "S = 0.9: all features are computed by two neurons fewer, in superposition (gains of the "
        "outputs)"
    ).above(
        COMPUTES,
        [
            gain
            for one in sparse
            for each in circuits.gains(one.W_in, one.W_out, one.b)
            for gain in each.values.ravel()
        ],
    )


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(m=4, fewer=(2,), restarts=4, steps=50),
    paper=Spec(restarts=256, steps=10_000, batch_size=1024),
    describes={"m": "number of neurons"},
)

if __name__ == "__main__":
    EXPERIMENT.main()
