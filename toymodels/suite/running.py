"""One figure from settings to files: its identity, its data, what is drawn and judged, its files.

Data that an earlier run finished is used again wherever its identity is the same.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from toymodels.data.files import exclusive, read_json
from toymodels.suite import backend
from toymodels.suite.claim import Claim
from toymodels.suite.experiment import Experiment
from toymodels.suite.flags import Options
from toymodels.suite.spec import PRESETS, Spec
from toymodels.suite.store import artifacts
from toymodels.suite.store.artifacts import Place
from toymodels.suite.store.checkpoints import Checkpoint
from toymodels.suite.store.identity import Identity, Sources
from toymodels.suite.store.netcdf import Data
from toymodels.suite.store.provenance import Stopwatch, refuse_dirty

LONGEST_NAME = 40  # characters that changed settings may take in the name of a file


@dataclass(frozen=True)
class Order:
    """What is to be made: a figure at these settings, in this folder, with data from `data_dir`.

    `sources` are those that the process began with; without them they are read when it is made.
    """

    experiment: Experiment[Any]
    spec: Spec
    preset: str
    seed: int
    out: Path
    force: bool
    data_dir: Path | None = None
    sources: Sources | None = None

    @property
    def overrides(self) -> dict[str, Any]:
        """The settings that are not the preset's."""
        return self.spec.overrides(self.experiment.preset(self.preset))

    @property
    def place(self) -> Place:
        """Where its files go: with other settings than a preset's, by a name of their own."""
        page = self.experiment.page
        changed = self.overrides | ({"seed": self.seed} if self.seed else {})
        suffix = _suffix(changed, self.preset) if changed else ""
        return Place(self.out.resolve() / page.family, page.stem + suffix)


def _suffix(changed: dict[str, Any], preset: str) -> str:
    """Name changed settings: `.n7-steps500`, or a hash where that is long or no file's name.

    What they are changes of is named as well, where it is not what is run by default.
    """
    base = [] if preset == Options().preset else [preset]
    words = "-".join([*base, *(f"{name}{_word(value)}" for name, value in changed.items())])
    fits = len(words) <= LONGEST_NAME and re.fullmatch(r"[\w.+-]+", words)
    return f".{words}" if fits else f".{'-'.join([*base, artifacts.short_hash(changed)])}"


def _word(value: Any) -> str:
    return "_".join(map(_word, value)) if isinstance(value, list) else str(value)


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
        DirtyTree: if it is for the repository's own figures, and no commit has its sources.
        NoDevices: if something is to be computed, and JAX cannot.
        SourceChanged: if a file that it depends on was changed after the process had read it.
        OSError: if the files cannot be written; an existing figure is then as it was.
    """
    kept = _higher_preset(order)
    if kept:
        return Outcome(order.place.file(".png"), kept=kept)
    _refuse_unrecordable(order)
    sources = order.sources or Sources(order.experiment.root)
    script = order.experiment.page.path
    identity = sources.identify(script, order.spec.to_dict(), order.seed)
    with _workspace(order.place.work(identity.hash)):
        found = None if order.force else _find(order, identity)
        data = _taken_up(found, order) if found else _compute(order, identity, sources)
        claims, picture = _judge_and_draw(order, identity, data)
        record = artifacts.to_json(_record(order, identity, data, claims)).encode()
        contents = {".nc": data.content, ".png": picture, ".json": record}
        kept = _publish(order, identity, contents)
    return Outcome(order.place.file(".png"), claims, found is not None, kept)


def _higher_preset(order: Order) -> str | None:
    """Return the preset of the figure that is there, if this order must not replace it."""
    try:
        there = read_json(order.place.file(".json")).get("preset", "")
    except (FileNotFoundError, ValueError):
        return None
    ranks = {preset: rank for rank, preset in enumerate(PRESETS)}
    higher = ranks.get(there, -1) > ranks[order.preset] and not order.force
    return there if higher else None


def _refuse_unrecordable(order: Order) -> None:
    root = order.experiment.root
    if not order.force and order.out.resolve().is_relative_to(root / "figures"):
        refuse_dirty(root)


@contextmanager
def _workspace(folder: Path) -> Iterator[None]:
    """Make the folder for unfinished work first thing: a bad place is known before training."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # if nothing is in it


def _find(order: Order, identity: Identity) -> Data | None:
    """Return the data of this identity if it was finished before, for whichever figure."""
    with exclusive(order.place.folder):  # not while one of two files has been replaced
        return artifacts.load(order.place, identity.hash)


def _taken_up(data: Data, order: Order) -> Data:
    """Return data made before as this figure's and this preset's, whose settings are equal."""
    if "jax" in sys.modules:  # a script that imports it may compute as it draws
        backend.prepare()
    stamp = {**data.stamp, "stem": order.place.stem, "preset": order.preset}
    return data if stamp == data.stamp else Data.of(data.results, stamp)


def _compute(order: Order, identity: Identity, sources: Sources) -> Data:
    """Run the experiment as it was read, from its checkpoints if there are any."""
    from toymodels.suite.lab import Lab  # these two load what trains
    from toymodels.suite.progress import show_progress

    backend.prepare()
    sources.check_unchanged(identity)
    checkpoints: list[Checkpoint] = []

    def store(name: str) -> Checkpoint:
        path = order.place.work(identity.hash) / f"{name}.npz"
        checkpoints.append(Checkpoint(path, identity.hash))
        return checkpoints[-1]

    watch = Stopwatch(order.experiment.root)
    lab = Lab(order.spec, order.seed, store=store, progress=show_progress, data_dir=order.data_dir)
    results = order.experiment.run(lab)
    earlier = sum((checkpoint.seconds for checkpoint in checkpoints), 0.0)
    stamp = {
        "stem": order.place.stem,
        "preset": order.preset,
        "seed": order.seed,
        "spec": order.spec.to_dict(),
        "identity": identity.hash,
        "provenance": watch.provenance(earlier),
    }
    return Data.of(results, stamp, order.experiment.describes)


def _judge_and_draw(
    order: Order, identity: Identity, data: Data
) -> tuple[tuple[Claim, ...], bytes]:
    """Return claims and picture; if they cannot be had, the data is kept for the next run."""
    try:
        claims = tuple(order.experiment.claims(data.results))
        figure = order.experiment.plot(data.results)
        picture = artifacts.to_png(figure)
        _close(figure)
    except BaseException:
        artifacts.keep(order.place, identity.hash, data)
        raise
    return claims, picture


def _close(figure: Figure) -> None:
    """Let go of a figure, should a script have made it by pyplot; importing that takes a while."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot:
        pyplot.close(figure)


def _record(
    order: Order, identity: Identity, data: Data, claims: tuple[Claim, ...]
) -> dict[str, Any]:
    page = order.experiment.page
    return {
        "stem": page.stem,
        "name": order.place.stem,
        "family": page.family,
        "title": page.title,
        "source": page.source,
        "preset": order.preset,
        "seed": order.seed,
        "overrides": order.overrides,
        "spec": order.spec.to_dict(),
        "deviations": list(order.experiment.deviations_at(order.spec)),
        "claims": [claim.to_dict() for claim in claims],
        "data_sha256": data.sha256,
        "identity": identity.to_dict(),
        "provenance": data.stamp["provenance"],
    }


def _publish(order: Order, identity: Identity, contents: dict[str, bytes]) -> str | None:
    """Put the files in place, and return the higher preset that has come meanwhile, if any."""
    with exclusive(order.place.folder):
        kept = _higher_preset(order)
        if not kept:
            artifacts.publish(order.place, identity.hash, contents)
        shutil.rmtree(order.place.work(identity.hash), ignore_errors=True)
        artifacts.forget_abandoned(order.place)
    return kept
