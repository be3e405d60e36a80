"""Make one figure: compute its data, measure its claims, draw it and write its files.

Finished data with the same identity is reused.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toymodels.data.files import exclusive, read_json
from toymodels.suite import backend
from toymodels.suite.claim import Claim
from toymodels.suite.experiment import Experiment
from toymodels.suite.flags import Options
from toymodels.suite.lab import Lab
from toymodels.suite.spec import PRESETS, Spec
from toymodels.suite.store import artifacts
from toymodels.suite.store.artifacts import ResultPaths
from toymodels.suite.store.checkpoints import Checkpoint
from toymodels.suite.store.identity import Identity, Sources
from toymodels.suite.store.netcdf import Data
from toymodels.suite.store.provenance import RunInfo, refuse_dirty

LONGEST_NAME = 40  # characters for changed settings in a file name


@dataclass(frozen=True)
class Job:
    """A figure to be made with these settings, in the folder `out`, with data from `data_dir`.

    `sources` were read when the process started; if None, `make` reads them.
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
        """The settings that differ from the preset."""
        return self.spec.overrides(self.experiment.preset(self.preset))

    @property
    def paths(self) -> ResultPaths:
        """The paths of its files; changed settings are part of their names."""
        doc = self.experiment.doc
        changed = self.overrides | ({"seed": self.seed} if self.seed else {})
        suffix = _suffix(changed, self.preset) if changed else ""
        return ResultPaths(self.out.resolve() / doc.family, doc.stem + suffix)


def _suffix(changed: dict[str, Any], preset: str) -> str:
    """Return the suffix for changed settings: `.n7-steps500`, or a hash if that is too long.

    It begins with the preset, unless that is the default.
    """
    base = [] if preset == Options().preset else [preset]
    words = "-".join([*base, *(f"{name}{_word(value)}" for name, value in changed.items())])
    fits = len(words) <= LONGEST_NAME and re.fullmatch(r"[\w.+-]+", words)
    return f".{words}" if fits else f".{'-'.join([*base, artifacts.short_hash(changed)])}"


def _word(value: Any) -> str:
    return "_".join(map(_word, value)) if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class JobResult:
    """The result of a job.

    Attributes:
        picture: path of the picture.
        claims: the measured claims.
        reused: whether finished data was reused.
        kept: the higher preset whose figure exists and was not replaced.
    """

    picture: Path
    claims: tuple[Claim, ...] = ()
    reused: bool = False
    kept: str | None = None


def make(job: Job) -> JobResult:
    """Make a figure, unless one of a higher preset exists.

    Raises:
        TrainingDiverged: if a loss becomes NaN or infinite.
        DirtyTree: if it would be written to `figures` with uncommitted sources.
        SourceChanged: if a source file changed after the process read it.
        OSError: if the files cannot be written.
    """
    kept = _higher_preset(job)
    if kept:
        return JobResult(job.paths.file(".png"), kept=kept)
    experiment, paths = job.experiment, job.paths
    if not job.force and job.out.resolve().is_relative_to(experiment.root / "figures"):
        refuse_dirty(experiment.root)
    backend.prepare()
    sources = job.sources or Sources(experiment.root)
    identity = sources.identify(experiment.doc.path, job.spec.to_dict(), job.seed)
    with _workspace(paths.work(identity.hash)):
        found = None
        if not job.force:
            with exclusive(paths.folder):  # wait while another process writes the files
                found = artifacts.load(paths, identity.hash)
        data = _described(found, job) if found else _compute(job, identity, sources)
        claims = tuple(experiment.claims(data.results))
        picture = artifacts.to_png(experiment.plot(data.results))
        record = artifacts.to_json(_record(job, identity, data, claims)).encode()
        contents = {".nc": data.content, ".png": picture, ".json": record}
        kept = _publish(job, identity, contents)
    return JobResult(paths.file(".png"), claims, found is not None, kept)


def _higher_preset(job: Job) -> str | None:
    """Return the preset of the existing figure if this job must not replace it."""
    try:
        there = read_json(job.paths.file(".json")).get("preset", "")
    except (FileNotFoundError, ValueError):
        return None
    ranks = {preset: rank for rank, preset in enumerate(PRESETS)}
    higher = ranks.get(there, -1) > ranks[job.preset] and not job.force
    return there if higher else None


@contextmanager
def _workspace(folder: Path) -> Iterator[None]:
    """Create the work folder, so that an invalid path fails before training."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # if it is empty


def _described(data: Data, job: Job) -> Data:
    """Return data computed before, with the words that the script has for its variables now."""
    return Data.of(data.results, data.stamp, job.experiment.describes)


def _compute(job: Job, identity: Identity, sources: Sources) -> Data:
    """Run the experiment, from its checkpoints if there are any."""
    sources.check_unchanged(identity)
    checkpoints: list[Checkpoint] = []

    def store(name: str) -> Checkpoint:
        path = job.paths.work(identity.hash) / f"{name}.npz"
        checkpoints.append(Checkpoint(path, identity.hash))
        return checkpoints[-1]

    info = RunInfo(job.experiment.root)
    lab = Lab(job.spec, job.seed, store=store, progress=True, data_dir=job.data_dir)
    results = job.experiment.run(lab)
    earlier = sum((checkpoint.seconds for checkpoint in checkpoints), 0.0)
    stamp = {
        "seed": job.seed,
        "spec": job.spec.to_dict(),
        "identity": identity.hash,
        "provenance": info.provenance(earlier),
    }
    return Data.of(results, stamp, job.experiment.describes)


def _record(job: Job, identity: Identity, data: Data, claims: tuple[Claim, ...]) -> dict[str, Any]:
    doc = job.experiment.doc
    return {
        "stem": doc.stem,
        "name": job.paths.stem,
        "family": doc.family,
        "title": doc.title,
        "source": doc.source,
        "preset": job.preset,
        "seed": job.seed,
        "overrides": job.overrides,
        "spec": job.spec.to_dict(),
        "deviations": list(job.experiment.deviations_at(job.spec)),
        "claims": [claim.to_dict() for claim in claims],
        "data_sha256": data.sha256,
        "identity": identity.to_dict(),
        "provenance": data.stamp["provenance"],
    }


def _publish(job: Job, identity: Identity, contents: dict[str, bytes]) -> str | None:
    """Write the files, unless those of a higher preset exist by now; return that preset."""
    with exclusive(job.paths.folder):
        kept = _higher_preset(job)
        if not kept:
            artifacts.publish(job.paths, identity.hash, contents)
        shutil.rmtree(job.paths.work(identity.hash), ignore_errors=True)
        artifacts.forget_abandoned(job.paths)
    return kept
