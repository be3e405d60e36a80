"""The command `new`: write the script of a new figure from a template that runs."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from toymodels.suite.usage import Parser, wrong_usage

SCRIPT = '''"""TITLE: what the figure shows, in one line.

Source: authors, year, section; "ours" if there is none.

What is trained, what the figure shows, and what was found.

Deviations:
- Give the source's settings here; this is AdamW, learning rate {learning_rate:g}, batch
  {batch_size:,}, {steps:,} steps, and each model the best of {restarts} restarts by test loss.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry, plotting

SOURCE = fig.Source("authors, year, section")


class Spec(fig.TrainingSpec):
    """Settings."""

    n: fig.Count = 5
    """Number of features."""
    m: fig.Count = 2
    """Number of hidden dimensions."""
    sparsity: fig.Sparsities = (0.0, 0.8, 0.95)
    """S, the probability that a feature is inactive."""


def run(lab: fig.Lab[Spec]) -> xr.Dataset:
    spec = lab.spec

    def problem(sparsity):
        features = tm.SparseFeatures(spec.n, sparsity=sparsity, importance=0.9 ** np.arange(spec.n))
        objective = tm.Reconstruction(
            features, lambda key: tm.ReluOutput(spec.n, spec.m, key=key), spec.batch_size
        )
        return objective, spec.adamw()

    return lab.train("relu_output", problem, axes="sparsity")


@plotting.style()
def plot(data: xr.Dataset) -> Figure:
    best = tm.best_of(data)
    figure = plotting.figure(2.4 * data.sizes["sparsity"], 2.6)
    axes = figure.subplots(1, data.sizes["sparsity"], squeeze=False)[0]
    lengths, overlaps = geometry.norms(best.W), geometry.superposition(best.W)
    limit = plotting.shared_limit(1.0, lengths)
    for ax, S in zip(axes, data.sparsity.values, strict=True):
        plotting.norm_bars(ax, lengths.sel(sparsity=S), overlaps.sel(sparsity=S), limit)
        ax.set_title(plotting.sparsity_label(S))
        ax.set_xlabel("length of each feature")
    return figure


def claims(data: xr.Dataset) -> Iterator[fig.Claim]:
    best = tm.best_of(data.sortby("sparsity"))
    yield SOURCE.claim(
        "The number of represented features does not fall as they get sparser"
    ).does_not_fall(geometry.represented_count(best.W))


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(sparsity=(0.0, 0.9), restarts=2, steps=100, batch_size=64),
    paper=Spec(restarts=16, steps=20_000),
)

if __name__ == "__main__":
    EXPERIMENT.main()
'''


def write_script(scripts: Mapping[str, Path], folder: Path, words: Sequence[str]) -> int:
    """Write the script of a new figure, and print the command that runs it."""
    parser = Parser("python -m experiments new", allow_abbrev=False)
    parser.add_argument("name", metavar="FAMILY/STEM", help="the figure's family and name")
    with wrong_usage():
        path = folder / f"{_checked(parser.parse_args(words).name, scripts)}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SCRIPT.replace("TITLE", path.stem.replace("_", " ").capitalize()))
    print(f"{path}\nfill it in, and run it: python -m experiments run {path.stem} --preset smoke")
    return 0


def _checked(name: str, scripts: Mapping[str, Path]) -> str:
    """Return the name if a new figure can have it, else raise ValueError."""
    match = re.fullmatch(r"([a-z]\w*)/([a-z]\w*)", name, re.ASCII)
    if not match:
        raise ValueError(
            f"a figure's name is FAMILY/STEM in lower-case letters, digits and _; got {name!r}"
        )
    family, stem = match.groups()
    if stem in {"all", family, *scripts, *(path.parent.name for path in scripts.values())}:
        raise ValueError(f"there is a figure or family named {stem!r} already")
    return name
