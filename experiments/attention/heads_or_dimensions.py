"""Two bottlenecks of attention: too few heads, and too few dimensions of a head.

Source: Anthropic, Circuits Updates May and July 2023, "Attention head superposition"; Greenspan and
Wynroe 2023, "An OV-Coherent Toy Model of Attention Head Superposition".

Left, skip trigrams with a common source, whose features are OV-incoherent: what a head writes when
it attends to the source is the same for all. Right, pairs of signals, which are OV-coherent: what a
head writes for a signal can serve all its pairs. The tables are the lowest excess cross-entropy of
all restarts, over the number of heads and the dimensions of queries, keys and values of each; below
them, all restarts.

Skip trigrams lack heads: one head fails at every number of dimensions, and two heads of a single
dimension suffice. Pairs lack dimensions: one head of one dimension writes multiples of a single
vector, so that at most two completions can have the largest logit; with two dimensions the best
restart comes within 0.02 nats, with four and more all do within 0.001. One head of twice the
dimensions, in place of two heads, loses about a thousand times as much in the first task, and a few
times as much in the second.

Deviations:
- The sources compare no dimensions of heads, and give few sizes: {trigrams} trigrams over
  {alphabet} tokens; {signals} signals and {noise} tokens of noise; sequences of {length}, Adam
  {learning_rate:g} ({schedule} schedule), {steps:,} steps of batch {batch_size:,}, {restarts}
  restarts.
- The next token is not drawn: its distribution enters the loss, of which the Bayes entropy is
  subtracted.
"""

from collections.abc import Iterator
from typing import Annotated

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

import toymodels as tm
from experiments.attention._trigrams import TrigramSpec, next_token
from toymodels import figure as fig
from toymodels import plotting

SOLVED, FAILED = 0.01, 0.1  # nats
TASKS = {False: "skip trigrams, OV-incoherent", True: "pairs of signals, OV-coherent"}


class Spec(TrigramSpec):
    """Settings; the sources give few."""

    alphabet: fig.Count = 13
    trigrams: Annotated[int, Field(ge=2)] = 4
    """Trigrams of the first task."""
    signals: Annotated[int, Field(ge=2, le=12)] = 4
    """Signals of the second task."""
    noise: fig.Count = 7
    """Tokens without meaning in the second task."""
    heads: fig.RisingSizes = (1, 2, 3)
    """Numbers of heads, at most one for each trigram or signal."""
    dimensions: fig.RisingSizes = (1, 2, 4, 8)
    """Dimensions of queries, keys and values of a head."""

    def check(self) -> None:
        self.check_trigrams(self.trigrams)
        features, rank = min(self.trigrams, self.signals), min(c.tokens for c in self.tasks())
        if self.heads[-1] > features:
            raise ValueError(
                f"heads must be at most trigrams and signals, a head for each; got "
                f"{self.heads[-1]} for {features}"
            )
        if self.dimensions[-1] > rank:
            raise ValueError(
                f"dimensions must be at most the {rank} tokens; got {self.dimensions[-1]}"
            )

    def tasks(self) -> tuple[tm.SkipTrigrams, tm.SignalPairs]:
        """Return the sequences of both tasks."""
        return (
            self.contexts(self.trigrams),
            tm.SignalPairs(self.signals, self.noise, self.length),
        )


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec = lab.spec

    def train(coherent, heads, dimensions):
        contexts = spec.tasks()[coherent]
        problem = lambda: next_token(spec, contexts, heads, head_dim=dimensions)  # noqa: E731
        name = f"{'pairs' if coherent else 'trigrams'}_{heads}x{dimensions}"
        models = lab.train(name, problem, shared_batches=True)
        return models.assign_coords(coherent=coherent, heads=heads, dimensions=dimensions)

    return tm.gather(
        train(coherent, heads, dimensions)
        for coherent in TASKS
        for heads in spec.heads
        for dimensions in spec.dimensions
    )


def losses(data: xr.DataTree, coherent: bool) -> xr.DataArray:
    """Return the losses of a task, [heads, dimensions, seed]."""
    found = tm.select_all(data, coherent=coherent)
    loss = {(m.heads.item(), m.dimensions.item()): m.loss.values for m in found}
    heads, dimensions = (sorted(set(values)) for values in zip(*loss, strict=True))
    return xr.DataArray(
        [[loss[h, d] for d in dimensions] for h in heads],
        {"heads": heads, "dimensions": dimensions},
        ("heads", "dimensions", "seed"),
    )


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    figure = plotting.figure(9.0, 6.2)
    for column, (table, lines) in zip(TASKS, figure.subplots(2, 2).T, strict=True):
        loss = losses(data, column)
        best = loss.min("seed")
        plotting.value_table(table, loss.dimensions, loss.heads, best, 0, 1, digits=4)
        table.set(title=f"{TASKS[column]}: best, nats", ylabel="heads")
        draw_restarts(lines, loss)
    return figure


def draw_restarts(ax: Axes, loss: xr.DataArray) -> None:
    """Draw the excess of all restarts over the dimensions, lines through the best of each."""
    colors = plotting.ordered_colors(loss.sizes["heads"])[::-1]
    for one, color in zip(loss, colors, strict=True):
        places = range(loss.sizes["dimensions"])
        ax.plot(places, one.min("seed"), color=color, label=f"{one.heads:d}")
        ax.plot(places, one.transpose("dimensions", "seed"), "o", color=color, markersize=2.5)
    plotting.even_axis(ax.xaxis, loss.dimensions)
    plotting.log_axis(ax.yaxis)
    ax.set(xlabel="dimensions of a head", ylabel="excess, nats")
    ax.legend(title="heads", ncols=2)


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    trigrams, pairs = (losses(data, coherent) for coherent in TASKS)
    yield fig.OURS.claim(
        "One head cannot predict OV-incoherent trigrams, whatever its dimensions (excess "
        "cross-entropy of the best restart, each number of dimensions)"
    ).above(FAILED, tm.at(trigrams, heads=1).min("seed"))
    yield fig.OURS.claim("Two heads of a single dimension can (excess of the best restart)").below(
        SOLVED, tm.at(trigrams, heads=2, dimensions=1).min("seed")
    )
    yield fig.OURS.claim(
        "One head of a single dimension cannot complete OV-coherent pairs (excess of the best "
        "restart)"
    ).above(FAILED, tm.at(pairs, heads=1, dimensions=1).min("seed"))
    enough = pairs.sel(dimensions=slice(4, None))
    yield fig.OURS.claim(
        "One head of four dimensions and more can (excess of the worst restart, each)"
    ).below(SOLVED, tm.at(enough, heads=1).max("seed"))
    yield fig.OURS.claim(
        "With the same dimensions in all, two heads in place of one lower the loss of trigrams a "
        "hundredfold and more (ratio of the best restarts, each number)"
    ).below(0.01, two_in_place_of_one(trigrams))
    yield fig.OURS.claim(
        "With the same dimensions in all, two heads in place of one lower the loss of pairs less "
        "than twentyfold (ratio of the best restarts, each number)"
    ).above(0.05, two_in_place_of_one(pairs))


def two_in_place_of_one(loss: xr.DataArray) -> list[float]:
    """Return the best loss of two heads over that of one head with twice the dimensions, each."""
    best = loss.min("seed").to_series()
    halves = [d for d in loss.dimensions.values if (1, 2 * d) in best and (2, d) in best]
    return [best[2, d] / best[1, 2 * d] for d in halves]


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
        signals=2,
        noise=2,
        heads=(1, 2),
        dimensions=(1,),
        restarts=2,
        steps=20,
        batch_size=32,
    ),
    paper=Spec(restarts=32, steps=10_000),
    describes={
        "dimensions": "dimensions of queries, keys and values of a head",
        "coherent": "whether the task is that of pairs of signals",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
