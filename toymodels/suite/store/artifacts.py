"""The three files of a figure: STEM.nc (data), STEM.png (picture), STEM.json (record).

They are written in this order. The record holds the data's checksum, so that data is only read
again with the record that belongs to it. What an unfinished run leaves, its checkpoints included,
is in a folder beside them that is named after the computation.

Figures of one folder whose computations are the same share both, checkpoints and finished data.
"""

import hashlib
import io
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
from matplotlib.figure import Figure

from toymodels.data.files import read_json, warn, write_atomically, write_together
from toymodels.suite.store.netcdf import STAMP, Data

WORK = ".work-"  # how the names of folders for unfinished runs begin
SECONDS_TO_KEEP = 30 * 24 * 3600


@dataclass(frozen=True)
class ResultPaths:
    """The paths of one figure's files; a figure at changed settings has a `stem` of its own."""

    folder: Path
    stem: str

    def file(self, suffix: str) -> Path:
        """Return the file of this kind: ".nc", ".png" or ".json"."""
        return self.folder / f"{self.stem}{suffix}"

    def work(self, identity: str) -> Path:
        """Return the folder for what an unfinished run of this computation leaves."""
        return self.folder / f"{WORK}{identity[:12]}"


def load(paths: ResultPaths, identity: str) -> Data | None:
    """Return the finished data of this identity, of this figure or of another one in its folder.

    Returns None if there is none. A damaged file is named in a warning, and not used.
    """
    candidates = (paths, *_siblings(paths, identity))
    found = (_finished(candidate, identity) for candidate in candidates)
    return next((data for data in found if data), None) or _kept(paths, identity)


def keep(paths: ResultPaths, identity: str, data: Data) -> None:
    """Save data that could not be drawn or judged, for the next run of the same identity."""
    write_atomically(paths.work(identity) / f"{data.sha256}.nc", data.content)


def _kept(paths: ResultPaths, identity: str) -> Data | None:
    for path in paths.work(identity).glob("*.nc"):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == path.stem:
            return Data.read(content)
        warn(f"{path} is damaged; it is not used")
    return None


def _siblings(paths: ResultPaths, identity: str) -> Iterator[ResultPaths]:
    """Return the paths of other figures in the folder whose data has this identity."""
    for path in sorted(paths.folder.glob("*.nc")):
        if path.stem != paths.stem and _may_be_of(path, identity):
            yield ResultPaths(paths.folder, path.stem)


def _may_be_of(path: Path, identity: str) -> bool:
    """Tell by the stamp alone whether data may have this identity; damaged data may."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            stamp = file.attrs.get(STAMP)
    except OSError:
        return True
    return stamp is not None and identity in stamp


def _finished(paths: ResultPaths, identity: str) -> Data | None:
    path = paths.file(".nc")
    if not path.exists():
        return None  # it is not committed, as the other two are
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != _recorded_sha256(paths):
        warn(f"{path} is damaged: it is not what {paths.stem}.json records; it is not used")
        return None
    data = Data.read(content)
    return data if data.stamp.get("identity") == identity else None


def _recorded_sha256(paths: ResultPaths) -> str | None:
    try:
        return read_json(paths.file(".json")).get("data_sha256")
    except FileNotFoundError:
        return None
    except ValueError:
        warn(f"{paths.file('.json')} is damaged: it is no JSON")
        return None


def publish(paths: ResultPaths, identity: str, contents: dict[str, bytes]) -> None:
    """Write a figure's files, given by suffix, the record last.

    Raises:
        OSError: as `write_together` does.
    """
    files = {paths.file(suffix): content for suffix, content in contents.items()}
    write_together(files, paths.work(identity))


def forget_abandoned(paths: ResultPaths) -> None:
    """Remove the work folders beside a figure that nobody has used for a month."""
    for work in paths.folder.glob(f"{WORK}*"):
        if time.time() - work.stat().st_mtime > SECONDS_TO_KEEP:
            shutil.rmtree(work, ignore_errors=True)


def short_hash(content: dict[str, Any]) -> str:
    """Return a few characters that differ wherever the content does."""
    return hashlib.sha256(to_json(content).encode()).hexdigest()[:8]


def to_json(content: dict[str, Any]) -> str:
    """Write JSON as people read it."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_png(figure: Figure) -> bytes:
    """Draw a figure; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
