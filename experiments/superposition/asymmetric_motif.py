"""The asymmetric superposition motif: a neuron of two features, and another that inhibits one.

Source: Elhage et al. 2022, "Toy Models of Superposition", "Computation in Superposition": the
asymmetric superposition motif.

The model h = relu(W_in x), y = relu(W_out h + b) is trained to give y = |x|, with {m} neurons for
the two halves of each of {n} features. Above, one model: its input weights, a column for each
neuron; the wiring of the motif, with the weights as numbers; and its outputs. The neuron serves
feature a by a large input and a small output weight, and feature b by a small input and a large
output weight. Thus b hardly disturbs y_a, while a would raise y_b a lot (dashed): the inhibitor,
which is active with a as well, lowers y_b.

Below, the share of the models that have the motif somewhere, with a ring where the best model has
it. The control pairs the input weights of each neuron with the output weights of another one of the
same model. Right, y_b where a alone is active, with and without the inhibitor, for the strongest
motif of each model.

Dense features have no motif. From S = 0.8 on it becomes frequent, to about four of five models at
S = 0.95, over 20 times as often as in the control, and is then rarer again. Whether the best model
of an S has it depends on the seed. Without its inhibitor, y_b would be 2 to 10 in most models where
it should be 0; with it, it is below 0.07 in all.

Deviations:
- The source prints neither sizes nor S nor the optimiser: n = {n}, m = {m} and importances
  {importance_decay:g}^i follow a public replication, which shows S = 0.8; AdamW, learning rate
  {learning_rate:g} ({schedule} schedule), weight decay {weight_decay:g}, batch {batch_size:,} given
  that a feature is active, {steps:,} steps, {restarts} restarts.
- W_in starts {init_scale:g} times Xavier's, and W_out as |W_in|^T. From two independent matrices as
  Xavier's the motif forms in 15 of 32 models at S = 0.9, 11 at S = 0.95 and 8 at S = 0.97.
- The source draws one motif and gives no criterion: that of `motifs.find_asymmetric_motifs` is this
  library's. The frequencies and the control are not in the source.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.superposition._computing import ComputingSpec, absolute_values
from experiments.superposition._neurons import names_of
from toymodels import circuits, motifs, neurons, plotting
from toymodels import figure as fig
from toymodels.measures.motifs import AsymmetricMotif as Motif

PAPER = fig.Source("Elhage et al. 2022, Computation in Superposition, the asymmetric motif")
FREQUENCY = fig.Source("ours: how often the motif forms")
VALUES = np.linspace(-1, 1, 81)


class Spec(ComputingSpec):
    """Settings; the source prints neither sizes nor S."""

    n: fig.Count = 6
    m: fig.Count = 10
    sparsity: fig.ActiveSparsities = (0.0, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99)
    restarts: fig.Count = 32
    steps: fig.Count = 5000
    batch_size: fig.Count = 128


def run(lab: fig.Lab[Spec]) -> xr.Dataset:
    spec = lab.spec

    def problem(sparsity):
        return absolute_values(spec, sparsity, spec.m), spec.adamw()

    return lab.train("models", problem, axes="sparsity")


def in_order(data: xr.Dataset) -> xr.Dataset:
    """Return the models from dense to sparse, their weights [sparsity, seed, ...]."""
    return data.sortby("sparsity").transpose("sparsity", "seed", "hidden", "feature", ...)


def has_motif(models: xr.Dataset, shift: int = 0) -> xr.DataArray:
    """Return whether each model has a motif, with the output weights of neuron k - shift for k."""
    outputs = models.W_out.roll(hidden=shift).transpose("sparsity", "seed", "feature", "hidden")
    flags = [
        [bool(motifs.find_asymmetric_motifs(*layers)) for layers in zip(*own, strict=True)]
        for own in zip(models.W_in.values, outputs.values, strict=True)
    ]
    return models.loss.copy(data=np.asarray(flags))


def control(models: xr.Dataset) -> xr.DataArray:
    """Return the share of models with a motif if neurons have each other's output weights."""
    shifts = range(1, models.sizes["hidden"])
    shares = [has_motif(models, shift).mean("seed") for shift in shifts]
    return sum(shares, 0 * models.loss.mean("seed")) / max(len(shifts), 1)


def interference(models: xr.Dataset) -> xr.Dataset:
    """Return y_b where a alone is active, with and without the inhibitor, NaN without a motif."""
    with_and_without = np.full((2, *models.loss.shape), np.nan)
    for i, k in np.argwhere(has_motif(models).values):
        model = models.isel(sparsity=i, seed=k)
        motif = motifs.find_asymmetric_motifs(model.W_in, model.W_out)[0]
        with_and_without[:, i, k] = motifs.interference(model.W_in, model.W_out, model.b, motif)
    inhibited, free = (models.loss.copy(data=values) for values in with_and_without)
    return xr.Dataset({"inhibited": inhibited, "free": free})


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    models = in_order(data)
    has = has_motif(models)
    figure = plotting.figure(11.4, 5.8)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.15, 1])[:, 0]
    draw_one(above.subplots(1, 4, width_ratios=[1.6, 1.2, 1, 1]), models, has)
    shares, disturbed = below.subplots(1, 2)
    draw_shares(shares, models, has)
    draw_interference(disturbed, models)
    for ax in (shares, disturbed):
        plotting.even_axis(ax.xaxis, models.sparsity)
        ax.set_xlabel("S")
    return figure


def draw_one(axes: np.ndarray, models: xr.Dataset, has: xr.DataArray) -> None:
    """Draw the best of the models with a motif, at the S where most have one."""
    stacks, wiring, over_a, over_b = axes
    i = int(has.mean("seed").argmax("sparsity"))
    own, flags = models.isel(sparsity=i), has.isel(sparsity=i)
    model = own.isel(seed=int(own.loss.where(flags | ~flags.any()).argmin("seed")))
    model = model.isel(hidden=neurons.by_main_feature(model.W_in).values)
    n, label = model.sizes["feature"], plotting.sparsity_label(own.sparsity.item())
    colors, limits = plotting.feature_colors(n), plotting.stack_limits(model.W_in)
    plotting.stack_plot(stacks, model.W_in, colors, limits, names_of(n))
    stacks.set_title(f"input weights of a model, {label}")
    if not flags.any():
        stacks.set_title(f"no model has the motif; {label}")
        for ax in (wiring, over_a, over_b):
            ax.set_axis_off()
        return
    motif = motifs.find_asymmetric_motifs(model.W_in, model.W_out)[0]
    stacks.set_xticks([motif.neuron, motif.inhibitor], ["neuron", "\ninhibitor"])
    draw_wiring(wiring, model, motif, colors)
    draw_outputs(over_a, model, motif, motif.a, colors)
    free = model.assign(W_out=motifs.without_inhibition(model.W_out, motif))
    label = f"$y_{{{motif.b + 1}}}$ without\nthe inhibitor"
    over_a.plot(VALUES, outputs(free, motif.a)[motif.b], "--", color=colors[motif.b], label=label)
    draw_outputs(over_b, model, motif, motif.b, colors)
    for ax in (over_a, over_b):
        ax.legend(loc="upper center")


def outputs(model: xr.Dataset, feature: int) -> xr.DataArray:
    """Return y [n, VALUES] as one feature goes from -1 to 1, the others zero."""
    x = np.eye(model.sizes["feature"])[:, [feature]] * VALUES
    return circuits.outputs(model.W_in, model.W_out, model.b, x)


def draw_wiring(ax: Axes, model: xr.Dataset, motif: Motif, colors: np.ndarray) -> None:
    """Draw the two neurons and the two features of a motif, with their weights as numbers."""
    pair = [motif.a, motif.b]
    part = model.isel(feature=pair, hidden=[motif.neuron, motif.inhibitor])
    inputs, results = ([f"${name}_{{{i + 1}}}$" for i in pair] for name in "xy")
    plotting.neuron_wiring(ax, part.W_in, part.W_out, colors[pair], inputs, results, numbers=0)
    ax.text(1, -0.14, "neuron", ha="center", va="bottom", fontsize=7)
    ax.text(1, 1.14, "inhibitor", ha="center", va="top", fontsize=7)
    ax.set_title(f"the motif's weights: a = {motif.a + 1}, b = {motif.b + 1}")


def draw_outputs(ax: Axes, model: xr.Dataset, motif: Motif, feature: int, colors) -> None:
    """Draw the outputs a and b as one of the features goes from -1 to 1, the others zero."""
    y = outputs(model, feature)
    for i in (motif.a, motif.b):
        ax.plot(VALUES, y[i], color=colors[i], label=f"$y_{{{i + 1}}}$")
    ax.set(
        xlabel=f"$x_{{{feature + 1}}}$, the others zero",
        title=f"outputs over $x_{{{feature + 1}}}$",
    )


def draw_shares(ax: Axes, models: xr.Dataset, has: xr.DataArray) -> None:
    """Draw the share of models with a motif over S, and that of the control."""
    places, share = np.arange(models.sizes["sparsity"]), has.mean("seed")
    ax.plot(places, share, "o-", color=plotting.INK, markersize=3.5, label="trained models")
    ax.plot(places, control(models), "o--", color=plotting.MUTED, markersize=3, label="control")
    best = has.isel(seed=models.loss.argmin("seed")).values
    ax.scatter(
        places[best],
        share[best],
        70,
        "none",
        edgecolors=plotting.INK,
        label="the best model has it",
    )
    ax.set(ylim=(-0.04, 1.04), title=f"share of {models.sizes['seed']} models with the motif")
    ax.legend(loc="upper left")


def draw_interference(ax: Axes, models: xr.Dataset) -> None:
    """Draw the output b where a alone is active, of each model's strongest motif."""
    strongest, places = interference(models), np.arange(models.sizes["sparsity"])
    kinds = {"free": "without the inhibitor", "inhibited": "with it"}
    for (name, label), color in zip(kinds.items(), plotting.kind_colors(2), strict=True):
        values = strongest[name]
        x = np.repeat(places, values.sizes["seed"])
        ax.plot(x, values.values.ravel(), "o", color=color, markersize=2.5, alpha=0.6)
        ax.plot(places, values.median("seed"), color=color, label=label)
    ax.axhline(0, color=plotting.FAINT, zorder=0)
    ax.set_title("$y_b$ where a alone is active, strongest motif of each model")
    ax.legend(loc="upper left")


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    models = in_order(data)
    share = has_motif(models).mean("seed")
    sparse = slice(0.9, 0.97)
    yield PAPER.claim("S = 0.9 to 0.97: the motif forms (share of models with it, each S)").above(
        0.3, share.sel(sparsity=sparse)
    )
    yield FREQUENCY.claim("S <= 0.5: no model has it (share of models, each S)").equal(
        0, share.sel(sparsity=slice(None, 0.5))
    )
    yield FREQUENCY.claim(
        "S = 0.9 to 0.97: it is no chance (the share, less that of models whose neurons have each "
        "other's output weights)"
    ).above(0.3, (share - control(models)).sel(sparsity=sparse))
    strongest = interference(models).sel(sparsity=sparse)
    yield PAPER.claim(
        "S = 0.9 to 0.97: the inhibitor removes the interference (output b where a alone is "
        "active, with it over without it, median of each S)"
    ).below(0.2, (strongest.inhibited / strongest.free).median("seed"))


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(n=4, m=5, sparsity=(0.0, 0.9), restarts=2, steps=50),
    paper=Spec(restarts=128, steps=20_000, batch_size=1024),
)

if __name__ == "__main__":
    EXPERIMENT.main()
