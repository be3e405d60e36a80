"""One figure from settings to files: reuse or train, draw, judge, publish."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import matplotlib.pyplot as plt

from toymodels.data.files import exclusive, read_json
from toymodels.suite.claim import Claim
from toymodels.suite.experiment import Experiment, Runner
from toymodels.suite.progress import show_progress
from toymodels.suite.spec import PRESETS, Spec
from toymodels.suite.store import artifacts
from toymodels.suite.store.artifacts import Data, Place
from toymodels.suite.store.checkpoints import Checkpoint
from toymodels.suite.store.fingerprint import fingerprint
from toymodels.suite.store.provenance import Stopwatch


@dataclass(frozen=True)
class Order:
    """What is to be made: a figure at these settings, in this folder, with data from `data_dir`."""

    experiment: Experiment[Any]
    spec: Spec
    preset: str
    seed: int
    out: Path
    force: bool
    data_dir: Path | None = None

    @property
    def place(self) -> Place:
        """Where its files go."""
        page = self.experiment.page
        return Place(self.out.resolve() / page.family, page.stem)


@dataclass(frozen=True)
class Outcome:
    """What became of an order; `kept` is the higher preset that was there already."""

    picture: Path
    claims: tuple[Claim, ...] = ()
    reused: bool = False
    kept: str | None = None


def make(order: Order) -> Outcome:
    """Make a figure, unless that of a higher preset is there.

    Raises:
        TrainingDiverged: if a loss becomes NaN or infinite.
        OSError: if the files cannot be written; an existing figure is then as it was.
    """
    picture = order.place.file(".png")
    kept = _higher_preset(order)
    if kept:
        return Outcome(picture, kept=kept)
    identity = fingerprint(order.spec.to_dict(), order.seed, order.experiment.page.path)
    with _workspace(order.place.work(identity)):
        found = None if order.force else _finished(order, identity)
        data = _restamped(found, order) if found else _compute(order, identity)
        claims = tuple(order.experiment.claims(data.dataset))
        contents = _contents(order, data, claims)
        with exclusive(order.place.folder):
            kept = _higher_preset(order)  # of a run that has ended meanwhile
            if not kept:
                artifacts.publish(order.place, identity, contents)
            shutil.rmtree(order.place.work(identity), ignore_errors=True)
            artifacts.forget_abandoned(order.place)
    return Outcome(picture, claims, found is not None, kept)


@contextmanager
def _workspace(folder: Path) -> Iterator[None]:
    """Make the folder for unfinished work first thing: a bad place is known before training."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # if nothing is in it


def _higher_preset(order: Order) -> str | None:
    """Return the preset of the figure that is there, if this order must not replace it."""
    try:
        there = read_json(order.place.file(".json")).get("preset", "")
    except (FileNotFoundError, ValueError):
        return None
    ranks = {preset: rank for rank, preset in enumerate(PRESETS)}
    higher = ranks.get(there, -1) > ranks[order.preset] and not order.force
    return there if higher else None


def _finished(order: Order, identity: str) -> Data | None:
    """Return the data of this computation if it was finished before, for whichever figure."""
    with exclusive(order.place.folder):  # not while one of two files has been replaced
        return artifacts.load(order.place, identity)


def _compute(order: Order, identity: str) -> Data:
    """Run the experiment, from its checkpoints if there are any."""
    checkpoints: list[Checkpoint] = []

    def store(name: str) -> Checkpoint:
        path = order.place.work(identity) / f"{name}.npz"
        checkpoints.append(Checkpoint(path, identity))
        return checkpoints[-1]

    watch = Stopwatch(order.experiment.root)
    runner = Runner(store, show_progress, order.data_dir)
    dataset = order.experiment.run(order.spec, jax.random.key(order.seed), runner)
    provenance = watch.provenance(sum((checkpoint.seconds for checkpoint in checkpoints), 0.0))
    stamp = {
        "stem": order.place.stem,
        "preset": order.preset,
        "seed": order.seed,
        "spec": order.spec.to_dict(),
        "fingerprint": identity,
        "provenance": provenance,
    }
    return Data.of(dataset, stamp)


def _restamped(data: Data, order: Order) -> Data:
    """Return data made before as this figure's and this preset's, whose settings are equal."""
    stamp = {**data.stamp, "stem": order.place.stem, "preset": order.preset}
    return data if stamp == data.stamp else Data.of(data.dataset, stamp)


def _contents(order: Order, data: Data, claims: tuple[Claim, ...]) -> dict[str, bytes]:
    """Return the figure's files, the record last."""
    figure = order.experiment.plot(data.dataset)
    picture = artifacts.to_png(figure)
    plt.close(figure)
    record = artifacts.to_json(_record(order, data, claims)).encode()
    return {".nc": data.content, ".png": picture, ".json": record}


def _record(order: Order, data: Data, claims: tuple[Claim, ...]) -> dict[str, Any]:
    page = order.experiment.page
    return {
        "stem": page.stem,
        "family": page.family,
        "title": page.title,
        "source": page.source,
        "preset": order.preset,
        "seed": order.seed,
        "overrides": order.spec.overrides(order.experiment.preset(order.preset)),
        "spec": order.spec.to_dict(),
        "deviations": list(order.experiment.deviations),
        "claims": [claim.to_dict() for claim in claims],
        "data_sha256": data.sha256,
        "provenance": data.stamp["provenance"],
    }
