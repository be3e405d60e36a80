"""Two heads for any number of skip trigrams: set by hand, and trained.

Source: Anthropic, Circuits Updates July 2023, "Attention head superposition".

All trigrams [0] ... [k] -> [k + K] have the source [0], and two heads suffice for any number K of
them. The first attends to the destination [k] itself and writes the logit of [k + K]. The second
attends to [0] if it is there, and writes nothing; else it attends to [k] as well and takes away
what the first one writes. Left, the two heads with these weights: lines are attention from the last
token, the squares the logits that the head then writes. Beside them, the best trained model.

Scores and logits of the construction are proportional to one scale. Without [0] the heads cancel at
every scale. With [0] the excess cross-entropy falls exponentially with the scale: the line is that
of hard attention, f log(1 + (tokens - 1) e^-scale) for the frequency f of [0]. It is the same for
all numbers of trigrams.

Trained models come as close as the construction with a scale of 12 to 15, and all restarts do. Yet
they do not learn it: in the construction the same head attends to [0] for all trigrams, in trained
models each head does so for about half of them. It then adds the completions of all of these, and
the other head, which attends to the destination, takes the wrong ones away.

Deviations:
- The source gives no sizes: {alphabet} tokens, sequences of {length} with [0] in half of them, the
  loss only at the last position, which is a destination; Adam {learning_rate:g} ({schedule}
  schedule), {steps:,} steps of batch {batch_size:,}, {restarts} restarts, heads of full rank.
- There is no direct path from the last token to the logits. A learned one could take the place of
  the first head.
- The next token is not drawn: its distribution enters the loss, of which the Bayes entropy is
  subtracted.
- That trained models do not separate into these two heads is measured by the share of trigrams for
  which the same head attends more to [0]; the measure, and the scale, are ours.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pydantic import AfterValidator

import toymodels as tm
from experiments.attention._trigrams import (
    DESCRIBES,
    MEASURED,
    TrigramSpec,
    draw_wiring,
    measure_heads,
    next_token,
    set_by_hand,
    train_heads,
)
from toymodels import figure as fig
from toymodels import plotting, theory

JULY = fig.Source("Anthropic, July 2023 update, attention head superposition")
HEADS = 2
CLOSE = 0.01  # nats
HARD = 10  # scale from which on attention is nearly hard


class Spec(TrigramSpec):
    """Settings; the source gives none."""

    alphabet: fig.Count = 33
    restarts: fig.Count = 16
    trigrams: fig.RisingSizes = (2, 4, 8, 16)
    """Numbers of trigrams; the first one above the two heads is drawn."""
    scales: Annotated[fig.PositiveSweep, AfterValidator(fig.rising)] = (1, 2, 5, 10, 15, 20)
    """Scores and logits of the construction."""

    def check(self) -> None:
        self.check_trigrams(*self.trigrams)
        if self.trigrams[0] < HEADS:
            raise ValueError(f"trigrams must be at least the {HEADS} heads; got {self.trigrams}")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec = lab.spec

    def trained(K):
        problem = lambda: next_token(spec, spec.contexts(K), HEADS)  # noqa: E731
        return train_heads(lab, f"{K}_trigrams", problem, trigrams=K, by_hand=False)

    def constructed(K):
        contexts = spec.contexts(K)
        objective, _ = next_token(spec, contexts, HEADS)
        unit = theory.two_heads_for_trigrams(K, contexts.others, scale=1.0)
        probe = tm.Probe(measure_heads, MEASURED)
        models = set_by_hand(objective, unit, spec.scales, lab.key(f"by_hand_{K}"), probe)
        hard = hard_attention(contexts, np.array(spec.scales))
        return models.assign(hard=("scale", hard)).assign_coords(trigrams=K)

    return tm.gather(build(K) for K in spec.trigrams for build in (constructed, trained))


def hard_attention(contexts: tm.SkipTrigrams, scale: np.ndarray) -> np.ndarray:
    """Return the construction's excess cross-entropy when attention is hard, in nats.

    With [0] the logit of the completion is the scale, and all others are 0.
    """
    return contexts.frequency * np.log1p((contexts.tokens - 1) * np.exp(-scale))


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    by_hand, trained = by_number(data, by_hand=True), by_number(data, by_hand=False)
    drawn = next((K for K in trained if K > HEADS), max(trained))
    figure = plotting.figure(11.6, 6.0)
    ((first, second, right),) = figure.subfigures(1, 3, squeeze=False, width_ratios=[1, 1, 0.6])
    draw_wiring(
        first,
        by_hand[drawn].isel(scale=-1),
        "set by hand: attention, and logits written, blue +, red -",
    )
    draw_wiring(second, tm.best_of(trained[drawn]), "trained, best restart")
    over_scale, over_number, shares = right.subplots(3, 1)
    draw_scales(over_scale, by_hand)
    draw_losses(over_number, trained)
    draw_shares(shares, by_hand, trained)
    return figure


def draw_scales(ax: Axes, by_hand: dict[int, xr.Dataset]) -> None:
    """Draw the excess of the construction over its scale, for all numbers of trigrams."""
    sizes = np.linspace(10, 2, len(by_hand))  # rings, as the points coincide
    for size, (K, models) in zip(sizes, by_hand.items(), strict=True):
        ring = {"markersize": size, "markerfacecolor": "none", "markeredgewidth": 0.7}
        ax.plot(models.scale, models.loss, "o", color=plotting.INK, label=f"{K}", **ring)
    ax.plot(models.scale, models.hard, color=plotting.MUTED, linewidth=0.8, label="hard", zorder=0)
    plotting.log_axis(ax.yaxis, [1, 0.001, 0.000001])
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set(title="excess by hand, nats", xlabel="scale")
    ax.legend(title="trigrams")


def draw_losses(ax: Axes, trained: dict[int, xr.Dataset]) -> None:
    """Draw the excess of all restarts over the number of trigrams, with best and median."""
    losses = np.array([models.loss for models in trained.values()])
    for values, style, name in (
        (losses.min(1), "-", "best"),
        (np.median(losses, 1), "--", "median"),
    ):
        ax.plot(range(len(losses)), values, style, color=plotting.INK, label=name)
    ax.plot(range(len(losses)), losses, "o", color=plotting.MUTED, markersize=2.5)
    plotting.even_axis(ax.xaxis, list(trained))
    plotting.log_axis(ax.yaxis)
    ax.set(title="excess trained, nats", xlabel="trigrams")
    ax.legend()


def draw_shares(ax: Axes, by_hand: dict[int, xr.Dataset], trained: dict[int, xr.Dataset]) -> None:
    """Draw the share of the trigrams with the same head on [0], by hand and of all restarts."""
    shares = [share_of_one_head(models) for models in trained.values()]
    constructed = [share_of_one_head(models.isel(scale=-1)) for models in by_hand.values()]
    ax.plot(range(len(shares)), constructed, "o", color=plotting.AMBER, label="by hand")
    plotting.restart_sweeps(ax, list(trained), {"trained": shares}, [plotting.INK])
    ax.set(title="share with the same head on [0]", xlabel="trigrams", ylim=(0, 1.1))
    ax.legend(loc="lower right")


def by_number(data: xr.DataTree, by_hand: bool) -> dict[int, xr.Dataset]:
    """Return the models set by hand, or the trained ones, by their number of trigrams."""
    return {m.trigrams.item(): m for m in tm.select_all(data, by_hand=by_hand)}


def share_of_one_head(models: xr.Dataset) -> xr.DataArray:
    """Return the share of the trigrams for which the same head attends most to the source."""
    attended = models.attended.isel(source_there=1, source=0)
    second = (attended.argmax("head") == 1).mean("destination")
    return np.maximum(second, 1 - second)


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    by_hand, trained = by_number(data, by_hand=True), by_number(data, by_hand=False)
    yield JULY.claim(
        "Two heads set by hand reach the Bayes entropy, for any number of trigrams (excess "
        "cross-entropy at the largest scale, each number)"
    ).below(1e-6, [m.loss[-1] for m in by_hand.values() if m.scale[-1] >= 2 * HARD])
    ratios = [(m.loss / m.hard).sel(scale=slice(HARD, 2 * HARD)) for m in by_hand.values()]
    yield fig.OURS.claim(
        "Their excess is that of hard attention, and so independent of the number of trigrams "
        f"(ratio, at scales from {HARD} on, each number)"
    ).within(0.95, 1.05, np.ravel(ratios))
    yield fig.OURS.claim(
        f"Trained, two heads come within {CLOSE:g} nats of it (excess of the best restart and of "
        "the median, each number)"
    ).below(CLOSE, [(m.loss.min(), m.loss.median()) for m in trained.values()])
    yield fig.OURS.claim("The more trigrams, the larger the excess (median of the restarts)").rises(
        [m.loss.median() for m in trained.values()]
    )
    yield JULY.claim(
        "Trained models do not separate into a head for [0] and one for the destinations (share of "
        "the restarts in which the same head attends most to [0] for all trigrams, each number "
        "above two)"
    ).below(0.1, [(share_of_one_head(m) == 1).mean() for K, m in trained.items() if K > HEADS])


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        alphabet=7, length=4, trigrams=(2, 3), scales=(5, 20), restarts=2, steps=20, batch_size=32
    ),
    paper=Spec(restarts=32, steps=10_000),
    describes=DESCRIBES | {"hard": "excess cross-entropy of the construction with hard attention"},
)

if __name__ == "__main__":
    EXPERIMENT.main()
