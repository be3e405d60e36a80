"""Pairs of signals that one attention head could complete, in one to three heads.

Source: Greenspan and Wynroe 2023, "An OV-Coherent Toy Model of Attention Head Superposition".

A sequence holds two signals among noise, and at its last token, the readoff, the unordered pair
determines the next token. One head suffices: it attends to both signals alike, so that it sees
their average, and the logits are largest for the nearest average of a pair. Trained, one head does
that too, and completes all pairs.

Yet a second head lowers the cross-entropy, at every weight decay and number of signals, and a third
one by less. The two heads prefer the signals in exactly opposite orders, in all restarts: one reads
the first signal of the pair in this order, the other the last one, and both together determine it.
Left, the attention from the readoff for each pair, and the logits that the head then writes, in the
order of the first head's scores. A head writes the completions that have the signal it reads.

Set by hand, two such heads have twice the margin of one: the logit of the right completion exceeds
the next by scale and by scale / 2. Pairs of a repeated signal are half as likely as others, and
lose more.

Deviations:
- The source gives the numbers of tokens, {signals} signals and {noise} of noise, and no sizes of
  the model: sequences of {length}, AdamW {learning_rate:g} ({schedule} schedule), weight decay
  {weight_decay:g}, {steps:,} steps of batch {batch_size:,}, {restarts} restarts, full rank.
- A head's preference is its attention score of each signal, from the readoff.
- One and three heads, the heads set by hand and the sweeps over weight decay and number of signals
  are ours.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from pydantic import AfterValidator, Field

import toymodels as tm
from experiments.attention._trigrams import (
    DESCRIBES,
    SAMPLES,
    HeadSpec,
    first_two,
    next_token,
    set_by_hand,
)
from toymodels import figure as fig
from toymodels import plotting, theory
from toymodels.data.contexts import count_tokens
from toymodels.objectives.next_token import divergence

POST = fig.Source("Greenspan and Wynroe 2023, An OV-Coherent Toy Model")
BY_HAND = {1: theory.one_head_for_pairs, 2: theory.two_heads_for_pairs}
ALL = 0.999  # accuracy with which all pairs are completed
Signals = Annotated[int, Field(ge=2, le=12)]
Decays = Annotated[tuple[fig.NonNegative, ...], Field(min_length=1), AfterValidator(fig.distinct)]


class Spec(HeadSpec):
    """Settings; the source gives the numbers of tokens."""

    signals: Signals = 4
    """Signals of the drawn pairs, and of the sweep over weight decay."""
    other_signals: Annotated[tuple[Signals, ...], Field(min_length=1)] = (3, 6, 8)
    """Other numbers of signals."""
    noise: fig.Count = 7
    """Tokens without meaning."""
    heads: fig.RisingSizes = (1, 2, 3)
    """Numbers of heads, at most one for each signal."""
    weight_decay: fig.NonNegative = 0.1
    other_weight_decays: Decays = (0.0, 0.03, 0.3)
    """Other weight decays."""
    scales: Annotated[fig.PositiveSweep, AfterValidator(fig.rising)] = (2, 5, 10, 20, 40)
    """Scores and logits of the heads that are set by hand."""

    def check(self) -> None:
        fewest = min(self.signals, *self.other_signals)
        if max(self.heads) > fewest:
            raise ValueError(
                f"heads must be at most signals and other_signals, a head for each; got "
                f"{max(self.heads)} for {fewest}"
            )
        if self.signals in fig.distinct(self.other_signals):
            raise ValueError(f"other_signals must differ from signals = {self.signals}")
        if self.weight_decay in self.other_weight_decays:
            raise ValueError(f"other_weight_decays must differ from {self.weight_decay:g}")

    def contexts(self, signals: int) -> tm.SignalPairs:
        """Return sequences with pairs of this number of signals."""
        return tm.SignalPairs(signals, self.noise, self.length)


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec = lab.spec
    probe = tm.Probe(measure_pairs, MEASURED)
    decays = tm.Axis("weight_decay", sorted({spec.weight_decay, *spec.other_weight_decays}))

    def trained(signals, heads):
        def problem(weight_decay=spec.weight_decay):
            objective, _ = next_token(spec, spec.contexts(signals), heads)
            decayed = spec.model_copy(update={"weight_decay": weight_decay})  # not checked again
            return objective, decayed.adamw()

        settings = {"signals": signals, "heads": heads, "by_hand": False}
        axes: tuple[tm.Axis, ...] = (decays,)
        if signals != spec.signals:
            settings["weight_decay"], axes = spec.weight_decay, ()
        models = lab.train(f"{signals}_in_{heads}", problem, axes, shared_batches=True, probe=probe)
        return models.assign_coords(settings)

    def constructed(signals, heads):
        objective, _ = next_token(spec, spec.contexts(signals), heads)
        unit = BY_HAND[heads](signals, spec.noise, scale=1.0)
        key = lab.key(f"by_hand_{signals}_in_{heads}")
        models = set_by_hand(objective, unit, spec.scales, key, probe)
        return models.assign_coords(signals=signals, heads=heads)

    numbers = (spec.signals, *spec.other_signals)
    models = [trained(signals, heads) for signals in numbers for heads in spec.heads]
    return tm.gather([*models, *(constructed(P, heads) for P in numbers for heads in BY_HAND)])


def measure_pairs(objective: Any, model: tm.AttentionOnly, key: PRNGKeyArray) -> dict[str, Array]:
    """Measure what the heads do with each pair; logits are measured from their mean."""
    contexts = objective.contexts
    P = contexts.signals
    sequences = contexts.sample(key, SAMPLES)
    counts, last = count_tokens(sequences, contexts.tokens)
    p, y = contexts.next_token(sequences), model.logits(counts, last)
    share = p / p.sum(axis=1, keepdims=True)  # averages over the sequences with each pair
    attention = model.attention(counts, last)
    rest = attention[:, P + 1 :].sum(axis=1, keepdims=True)
    attention = jnp.concatenate([attention[:, 1 : P + 1], rest], axis=1)
    written = model.head_logits(counts, last)
    written = written - written.mean(axis=1, keepdims=True)
    return {
        "score": model.W_QK()[:, 0, 1 : P + 1],
        "attended": jnp.einsum("pb,hsb->hps", share, attention),
        "written": jnp.einsum("pb,hob->hpo", share, written),
        "excess": share @ divergence(p, y),
        "right": jnp.mean(y.argmax(axis=0) == p.argmax(axis=0)),
    }


MEASURED = {
    "score": ("head", "signal"),
    "attended": ("head", "pair", "source"),
    "written": ("head", "pair", "completion"),
    "excess": ("pair",),
    "right": (),
}


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    main = main_models(data)
    figure = plotting.figure(11.4, 6.2)
    ((left, right),) = figure.subfigures(1, 2, squeeze=False, width_ratios=[1.3, 1])
    draw_pairs(left, [tm.best_of(main[heads]) for heads in sorted(main)[:2]])
    (scores, by_hand), (decays, signals) = right.subplots(2, 2)
    draw_scores(scores, main[min(main, key=lambda heads: abs(heads - 2))])
    draw_by_hand(by_hand, data)
    draw_sweep(decays, data, "weight_decay")
    draw_sweep(signals, data, "signals")
    return figure


def draw_pairs(place: FigureBase, models: list[xr.Dataset]) -> None:
    """Draw attention and logits of each head for each pair, signals by the first head's score."""
    heads = [
        one.isel(head=h) for one in map(by_preference, models) for h in range(one.sizes["head"])
    ]
    names = [f"head {h + 1} of {m.sizes['head']}" for m in models for h in range(m.sizes["head"])]
    rows = ["attention, for each pair", "logits, for each pair"]
    axes = plotting.panels(place, rows, names)
    limit = plotting.shared_limit(*(head.written for head in heads))
    P = heads[0].sizes["signal"]
    pairs = [f"{i + 1} {j + 1}" for i, j in tm.SignalPairs(P).pairs]
    for (attention, logits), head in zip(axes.T, heads, strict=True):
        plotting.heat_map(attention, head.attended.transpose("pair", "source"))
        plotting.heat_map(logits, head.written.transpose("pair", "completion"), limit)
        attention.set_xticks(range(P + 1), [*range(1, P + 1), "rest"])
        logits.set_xlabel("completion")
    for ax in axes[:, 0] if len(pairs) <= 15 else []:
        ax.set_yticks(range(len(pairs)), pairs)


def by_preference(model: xr.Dataset) -> xr.Dataset:
    """Return the model with signals and pairs in the order of its first head's scores."""
    order = model.score.isel(head=0).argsort().values
    P = len(order)
    pairs = {tuple(pair): k for k, pair in enumerate(tm.SignalPairs(P).pairs.tolist())}
    moved = [pairs[tuple(sorted((order[i], order[j])))] for i, j in pairs]
    return model.isel(signal=order, source=[*order, P], pair=moved, completion=moved)


def draw_scores(ax: Axes, models: xr.Dataset) -> None:
    """Draw the score of each signal of each restart by the first two heads; dark is the best."""
    plotting.restart_points(ax, *first_two(models.score), models.loss)
    ax.set(title="score of each signal", xlabel="head 1", ylabel="head 2")


def draw_by_hand(ax: Axes, data: xr.DataTree) -> None:
    """Draw the excess of the heads that are set by hand over their scale."""
    main = next(iter(main_models(data).values())).signals
    for models, color in zip(set_heads(data, main), plotting.kind_colors(2), strict=True):
        name = f"{models.heads:d} by hand"
        ax.plot(models.scale, models.loss, "o-", color=color, markersize=3, label=name)
    plotting.log_axis(ax.yaxis, [1, 0.0001, 0.00000001])
    ax.set(title="excess by hand, nats", xlabel="scale")
    ax.legend()


def draw_sweep(ax: Axes, data: xr.DataTree, name: str) -> None:
    """Draw the excess of all restarts over a setting, a line for each number of heads."""
    models, losses = tm.split(data, "weight_decay"), {}
    for heads, main in main_models(data).items():
        swept = tm.along(models, name, main)
        losses[f"{heads}"] = [one.loss for one in swept.values()]
    plotting.restart_sweeps(ax, list(swept), losses, plotting.ordered_colors(len(losses))[::-1])
    plotting.log_axis(ax.yaxis, [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1])
    ax.set(title="excess, nats", xlabel=name.replace("_", " "))
    ax.legend(title="heads")


def main_models(data: xr.DataTree) -> dict[int, xr.Dataset]:
    """Return the models of the drawn pairs by their heads, at the decay of the other trainings."""
    trained = tm.select_all(data, by_hand=False)
    decay = next(m.weight_decay.item() for m in trained if m.weight_decay.ndim == 0)
    return {m.heads.item(): m.sel(weight_decay=decay) for m in trained if m.weight_decay.ndim}


def set_heads(data: xr.DataTree, signals: int) -> list[xr.Dataset]:
    """Return the one head and the two heads that are set by hand for this number of signals."""
    return tm.select_all(data, by_hand=True, signals=signals)


def cases(data: xr.DataTree) -> list[dict[int, xr.Dataset]]:
    """Return for each number of signals and weight decay the trained models by their heads."""
    models, fewest = tm.split(data, "weight_decay"), min(main_models(data))
    of_each = tm.select_all(models, by_hand=False, heads=fewest)
    return [tm.along(models, "heads", one) for one in of_each]


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    one, two, three = ([case[n] for case in cases(data) if n in case] for n in (1, 2, 3))
    yield POST.claim(
        "Two heads complete all pairs (accuracy of the worst restart, each case)"
    ).above(ALL, [m.right.min() for m in two])
    by_hand = tm.select_all(data, by_hand=True)
    yield fig.OURS.claim(
        "One head set by hand suffices (excess cross-entropy at the largest scale, each number of "
        "signals)"
    ).below(1e-6, [m.loss[-1] for m in by_hand if m.heads == 1 and m.scale[-1] >= 40])
    yield fig.OURS.claim(
        "One trained head suffices (accuracy of the worst restart, each case)"
    ).above(ALL, [m.right.min() for m in one])
    second = [medians(case, 2, 1) for case in cases(data) if {1, 2} <= set(case)]
    yield fig.OURS.claim(
        "A second head lowers the cross-entropy (median excess over that of one head, each case)"
    ).below(0.5, second)
    full = [case for case in cases(data) if {1, 2, 3} <= set(case)]
    third = [medians(case, 3, 2) for case in full]
    yield fig.OURS.claim(
        "A third head lowers it further, by a smaller factor (median excess over that of two "
        "heads, each case; then that less the ratio of two and one)"
    ).within(0, 1, [*third, *(medians(case, 3, 2) - medians(case, 2, 1) for case in full)])
    yield POST.claim(
        "The two heads prefer different signals, in opposite orders (rank correlation of their "
        "scores, the highest of all restarts, each case)"
    ).below(-0.9, [rank_correlation(m.score).max() for m in two])
    repeated = [list(map(repeated_over_others, models)) for models in (one, two, three) if models]
    yield fig.OURS.claim(
        "Pairs of a repeated signal, half as likely, lose more (their excess over that of the "
        "others, mean of all restarts, each number of heads)"
    ).above(1, [np.mean(ratios) for ratios in repeated])
    pairs = [set_heads(data, signals) for signals in tm.settings(data, "signals")]
    ratios = [two.loss / one.loss for one, two in pairs]
    yield fig.OURS.claim("Set by hand, two heads lose less than one at every scale (ratio)").below(
        1, np.ravel(ratios)
    )


def medians(case: dict[int, xr.Dataset], more: int, fewer: int) -> float:
    """Return the median loss with more heads over that with fewer."""
    return case[more].loss.median().item() / case[fewer].loss.median().item()


def rank_correlation(score: xr.DataArray) -> np.ndarray:
    """Return Spearman's correlation of the scores of two heads, of each restart."""
    ranks = score.transpose(..., "head", "signal").values.argsort(-1).argsort(-1)
    centred = ranks - ranks.mean(-1, keepdims=True)
    products = centred[..., 0, :] * centred[..., 1, :]
    return products.sum(-1) / (centred[..., 0, :] ** 2).sum(-1)


def repeated_over_others(models: xr.Dataset) -> float:
    """Return the mean excess of pairs of a repeated signal over that of the others."""
    one, other = tm.SignalPairs(models.sizes["signal"]).pairs.T
    repeated = xr.DataArray(one == other, dims="pair")
    return (models.excess.where(repeated).mean() / models.excess.where(~repeated).mean()).item()


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        signals=3,
        other_signals=(2,),
        noise=2,
        length=5,
        heads=(1, 2),
        other_weight_decays=(0.0,),
        scales=(5, 40),
        restarts=2,
        steps=20,
        batch_size=32,
    ),
    paper=Spec(restarts=32, steps=10_000),
    describes=DESCRIBES
    | {
        "score": "attention score of each signal from the readoff",
        "attended": "attention of a head to each signal and to all noise, for each pair",
        "written": "logits that a head writes for each pair, from their mean",
        "excess": "excess cross-entropy of each pair",
        "right": "accuracy",
        "signal": "signal of the pairs",
        "source": "each signal, and all tokens of noise",
        "pair": "unordered pair of signals",
        "completion": "completion of each pair",
        "signals": "number of signals",
        "weight_decay": "weight decay of AdamW",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
