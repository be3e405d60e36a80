"""More skip trigrams than attention heads: which heads carry which trigram.

Source: Anthropic, Circuits Updates May 2023, "Attention head superposition"; cmathw, Akar and
Sharkey 2024, "Gated Attention Blocks".

All trigrams [0] ... [k] -> [k + K] have the source [0], and what a head writes when it
attends to [0] is the same for all destinations [k]: with fewer heads than trigrams, none can have a
head for itself. Left, the best model with two heads: lines are attention from the last token, the
squares the logits that the head then writes. When [0] appears, a head adds the completions of
several trigrams. The other head attends to the destination as before, or to [0] too, and what it
writes takes away the wrong ones. Without [0] the heads cancel.

Each dot of the upper panels is a trigram of a restart, dark in the best model. By the rise of its
logit when [0] appears, a trigram sits on one head. Yet most trigrams need both: a head carries a
trigram if, without the head, the trigram loses 0.1 nats. The more trigrams, the more are carried by
both heads; the more heads, the fewer share one. With twice the heads, gates and a penalty on open
gates, most trigrams have one head. Twice the heads without gates do that as well, but some of their
trigrams lose nothing whichever head is missing.

All restarts with two heads learn to predict all trigrams, up to eight.

Deviations:
- The sources give few sizes: {alphabet} tokens, sequences of {length}, the loss only at the last
  position, which is a destination; Adam {learning_rate:g} ({schedule} schedule), {steps:,} steps of
  batch {batch_size:,}, {restarts} restarts, keys, queries and values of full rank.
- The next token is not drawn: its distribution enters the loss, of which the Bayes entropy is
  subtracted.
- "Carried" is defined by ablation, with a threshold of ours.
- The gated block of the source imitates a trained model; here it is trained on the trigrams, with
  penalty {penalty:g}.
- The sweeps over frequency, trigrams and heads are ours.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pydantic import Field

import toymodels as tm
from experiments.attention._trigrams import (
    CARRIES,
    DESCRIBES,
    TrigramSpec,
    carriers,
    draw_wiring,
    first_two,
    next_token,
    train_heads,
)
from toymodels import figure as fig
from toymodels import plotting

MAY = fig.Source("Anthropic, May 2023 update, attention head superposition")
GATED = fig.Source("cmathw, Akar and Sharkey 2024, Gated Attention Blocks")
Share = Annotated[float, Field(gt=0, lt=1)]


class Spec(TrigramSpec):
    """Settings; the sources give few."""

    trigrams: fig.Count = 4
    """Trigrams of the wiring diagram, and of the sweep over heads."""
    heads: fig.Count = 2
    """Heads of the wiring diagram, and of the sweep over trigrams."""
    other_trigrams: fig.Sizes = (2, 3, 6, 8)
    """Other numbers of trigrams."""
    other_heads: fig.Sizes = (1, 3, 4)
    """Other numbers of heads, at most one for each trigram."""
    frequency: Share = 0.5
    """Probability that the source is in a sequence."""
    other_frequencies: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.1, 0.3, 0.7, 0.9)
    """Other probabilities, of the first case."""
    gated_trigrams: fig.Counts = (3, 4)
    """Numbers of trigrams of models with gates."""
    gated_heads: fig.Counts = (2, 3)
    """Numbers of heads that they start from, one for each; with gates there are twice as many."""
    penalty: fig.Positive = 0.03
    """Weight of the openness of the gates in the loss."""

    @property
    def gated(self) -> list[Any]:
        """An object with gated_trigrams and gated_heads for each case."""
        return self.zipped("gated_trigrams", "gated_heads")

    def check(self) -> None:
        self.check_trigrams(self.trigrams, *self.other_trigrams, *self.gated_trigrams)
        if max(self.heads, *self.other_heads) > self.trigrams:
            raise ValueError(
                f"heads and other_heads must be at most trigrams, a head for each; got "
                f"{max(self.heads, *self.other_heads)} for {self.trigrams}"
            )
        if min(self.other_trigrams) < self.heads:
            raise ValueError(f"other_trigrams must be at least the {self.heads} heads")
        if self.trigrams in self.other_trigrams or self.heads in self.other_heads:
            raise ValueError("other_trigrams and other_heads must differ from trigrams and heads")
        self.check_distinct("gated_trigrams", "gated_heads")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec = lab.spec
    frequencies = tm.Axis("frequency", sorted({spec.frequency, *spec.other_frequencies}))

    def first(frequency):
        return next_token(spec, spec.contexts(spec.trigrams, frequency), spec.heads)

    def train(trigrams, heads, gates):
        def problem():
            contexts = spec.contexts(trigrams, spec.frequency)
            if not gates:
                return next_token(spec, contexts, heads)
            build = lambda key: tm.GatedAttention(contexts.tokens, heads, key=key)  # noqa: E731
            task = tm.GatedNextToken(build, contexts, spec.batch_size, penalty=spec.penalty)
            return task, spec.adamw()

        name = f"{'gated_' if gates else ''}{trigrams}_in_{heads}"
        settings = {"trigrams": trigrams, "heads": heads, "gates": gates}
        return train_heads(lab, name, problem, **settings, frequency=spec.frequency)

    settings = {"trigrams": spec.trigrams, "heads": spec.heads, "gates": False}
    models = [train_heads(lab, "frequencies", first, frequencies, **settings)]
    cases = [(spec.trigrams, heads) for heads in spec.other_heads]
    cases += [(trigrams, spec.heads) for trigrams in spec.other_trigrams]
    cases += [
        (case.gated_trigrams, factor * case.gated_heads) for case in spec.gated for factor in (1, 2)
    ]
    cases = [case for case in dict.fromkeys(cases) if case != (spec.trigrams, spec.heads)]
    models += [train(*case, False) for case in cases]
    models += [train(case.gated_trigrams, 2 * case.gated_heads, True) for case in spec.gated]
    return tm.gather(models)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    first = main_models(data)
    figure = plotting.figure(11.4, 6.4)
    ((left, right),) = figure.subfigures(1, 2, squeeze=False, width_ratios=[1, 1.25])
    draw_wiring(left, tm.best_of(first))
    (points, ablation, gated), sweeps = right.subplots(2, 3)
    draw_points(points, ablation, first)
    draw_gates(gated, data)
    draw_sweeps(sweeps, data)
    return figure


def draw_points(points: Axes, ablation: Axes, models: xr.Dataset) -> None:
    """Draw each trigram of each restart by what the first two heads do for it."""
    plotting.restart_points(points, *first_two(models.change), models.loss)
    plotting.restart_points(ablation, *first_two(models.without), models.loss)
    points.set(title="rise of the logit with [0]", xlabel="head 1", ylabel="head 2")
    plotting.log_axis(ablation.xaxis, [0.01, 0.1, 1, 10])
    plotting.log_axis(ablation.yaxis, [0.01, 0.1, 1, 10])
    for line in (ablation.axhline, ablation.axvline):
        line(CARRIES, color=plotting.FAINT, linewidth=0.8, zorder=0)
    ablation.set(title="excess without a head", xlabel="head 1, nats", ylabel="head 2, nats")


def draw_gates(ax: Axes, data: xr.DataTree) -> None:
    """Draw how many heads carry each trigram, with gates and without."""
    cases = [models for case in gated_cases(data) for models in case]
    counts = [carriers(models) for models in cases]
    shares = {
        "none": [(count == 0).mean() for count in counts],
        "one head": [(count == 1).mean() for count in counts],
        "several": [(count > 1).mean() for count in counts],
    }
    names = [f"{m.trigrams:d}\nin {m.heads:d}" + m.gates.item() * "\ngated" for m in cases]
    plotting.share_lines(ax, names, shares, joined=False)
    ax.set(title="share carried by", xlabel="trigrams in heads", ylim=(0, 1.5), yticks=[0, 0.5, 1])
    ax.legend(loc="upper center")


def gated_cases(data: xr.DataTree) -> list[list[xr.Dataset]]:
    """Return for each case the models with half the heads, with all, and with gates as well."""
    models, frequency = tm.split(data, "frequency"), main_models(data).frequency.item()

    def without_gates(gated, heads):
        case = {"trigrams": gated.trigrams.item(), "heads": heads, "frequency": frequency}
        return tm.select(models, gates=False, **case)

    return [
        [*(without_gates(gated, gated.heads.item() // part) for part in (2, 1)), gated]
        for gated in tm.select_all(data, gates=True)
    ]


def draw_sweeps(axes: Any, data: xr.DataTree) -> None:
    """Draw the mean number of heads that carry a trigram, over frequency, trigrams and heads."""
    names = {"frequency": "frequency of [0]", "trigrams": "trigrams", "heads": "heads"}
    cases = {name: along(data, name) for name in names}
    means = {
        name: [carriers(models).mean("destination") for models in case.values()]
        for name, case in cases.items()
    }
    most = plotting.shared_limit(*means.values()) or 1
    for ax, (name, mean) in zip(axes, means.items(), strict=True):
        plotting.restart_sweeps(ax, list(cases[name]), {"restarts": mean}, [plotting.INK])
        ax.set(xlabel=names[name], ylim=(0, most))
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_ylabel("heads that carry a trigram")


def main_models(data: xr.DataTree) -> xr.Dataset:
    """Return the models of the wiring diagram, at the frequency of the other trainings."""
    swept, single, *_ = sorted(tm.select_all(data), key=lambda models: -models.frequency.ndim)
    return swept.sel(frequency=single.frequency.item())


def along(data: xr.DataTree, name: str) -> dict[float, xr.Dataset]:
    """Return by its value in a setting the models in which it alone differs from the main ones."""
    found = tm.along(tm.split(data, "frequency"), name, main_models(data))
    return {value: models for value, models in found.items() if models.heads <= models.trigrams}


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    first, by_trigrams, by_heads = main_models(data), along(data, "trigrams"), along(data, "heads")
    K, heads = first.trigrams.item(), first.heads.item()
    if heads < K:
        yield MAY.claim(
            f"{heads} heads predict {K} trigrams with one source (excess cross-entropy in nats: "
            "best restart, median)"
        ).below(0.01, [first.loss.min(), first.loss.median()])
        yield fig.OURS.claim(
            "They do so at every frequency of the source (excess of the best restart, each)"
        ).below(0.01, [models.loss.min() for models in along(data, "frequency").values()])
    yield fig.OURS.claim("One head cannot (excess of the best restart)").above(
        0.1, [by_heads[1].loss.min()] if K > 1 and 1 in by_heads else []
    )
    many = [models for k, models in by_trigrams.items() if k >= 3 * heads and heads > 1]
    yield MAY.claim(
        "With three times as many trigrams as heads, nearly every trigram is carried by several "
        f"heads: without one it loses {CARRIES:g} nats (share of the trigrams of all restarts)"
    ).above(0.9, [share_by_several(models) for models in many])
    more = [share_by_several(models) for k, models in by_trigrams.items() if k >= heads > 1]
    yield MAY.claim(
        "The more trigrams, from one for each head on, the more are carried by several heads "
        "(share)"
    ).does_not_fall(more, slack=0.02)
    fewer = [carriers(models).mean() for h, models in by_heads.items() if h > 1]
    yield fig.OURS.claim(
        "The more heads, from two on, the fewer heads carry a trigram (mean of all restarts)"
    ).falls(fewer)
    size = abs(first.change)
    yield fig.OURS.claim(
        "By the rise of its logit with the source a trigram sits on one head (share of the rises "
        "that the larger one has, median of all)"
    ).above(0.9, (size.max("head") / size.sum("head")).median() if heads > 1 else [])
    gated = gated_cases(data)
    yield GATED.claim(
        "With twice the heads and gates, fewer trigrams are carried by several heads (share, less "
        "that with half the heads and no gates, each case)"
    ).below(0, [share_by_several(after) - share_by_several(few) for few, _, after in gated])
    yield GATED.claim(
        "Most are then carried by exactly one head (share of the trigrams of all restarts, each "
        "case)"
    ).above(0.75, [(carriers(after) == 1).mean() for *_, after in gated])


def share_by_several(models: xr.Dataset) -> xr.DataArray:
    """Return the share of the trigrams of all restarts that several heads carry."""
    return (carriers(models) > 1).mean()


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        alphabet=7,
        length=4,
        trigrams=2,
        other_trigrams=(3,),
        other_heads=(1,),
        other_frequencies=(0.9,),
        gated_trigrams=(2,),
        gated_heads=(1,),
        restarts=2,
        steps=20,
        batch_size=32,
    ),
    paper=Spec(restarts=32, steps=10_000),
    describes=DESCRIBES | {"gates": "whether the heads have gates"},
)

if __name__ == "__main__":
    EXPERIMENT.main()
