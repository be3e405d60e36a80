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
class Place:
    """Where the files of one figure lie; changed settings have a `stem` of their own."""

    folder: Path
    stem: str

    def file(self, suffix: str) -> Path:
        """Return the file of this kind: ".nc", ".png" or ".json"."""
        return self.folder / f"{self.stem}{suffix}"

    def work(self, identity: str) -> Path:
        """Return the folder for what an unfinished run of this computation leaves."""
        return self.folder / f"{WORK}{identity[:12]}"


def load(place: Place, identity: str) -> Data | None:
    """Return the finished data of this identity, this figure's or another's in its folder.

    None if there is none; what is damaged is named in a warning, and not used.
    """
    candidates = (place, *_siblings(place, identity))
    found = (_finished(candidate, identity) for candidate in candidates)
    return next((data for data in found if data), None) or _kept(place, identity)


def keep(place: Place, identity: str, data: Data) -> None:
    """Keep data that could not be drawn or judged where the next run of its identity looks."""
    write_atomically(place.work(identity) / f"{data.sha256}.nc", data.content)


def _kept(place: Place, identity: str) -> Data | None:
    for path in place.work(identity).glob("*.nc"):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == path.stem:
            return Data.read(content)
        warn(f"{path} is damaged; it is not used")
    return None


def _siblings(place: Place, identity: str) -> Iterator[Place]:
    """Return the other figures of the folder whose data say that they are of this computation."""
    for path in sorted(place.folder.glob("*.nc")):
        if path.stem != place.stem and _may_be_of(path, identity):
            yield Place(place.folder, path.stem)


def _may_be_of(path: Path, identity: str) -> bool:
    """Look at nothing but the stamp; of what is too damaged for that nobody can tell."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            stamp = file.attrs.get(STAMP)
    except OSError:
        return True
    return stamp is not None and identity in stamp


def _finished(place: Place, identity: str) -> Data | None:
    path = place.file(".nc")
    if not path.exists():
        return None  # it is not committed, as the other two are
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != _recorded_sha256(place):
        warn(f"{path} is damaged: it is not what {place.stem}.json records; it is not used")
        return None
    data = Data.read(content)
    return data if data.stamp.get("identity") == identity else None


def _recorded_sha256(place: Place) -> str | None:
    try:
        return read_json(place.file(".json")).get("data_sha256")
    except FileNotFoundError:
        return None
    except ValueError:
        warn(f"{place.file('.json')} is damaged: it is no JSON")
        return None


def publish(place: Place, identity: str, contents: dict[str, bytes]) -> None:
    """Put a figure's files in place, given by suffix, the record last.

    Raises:
        OSError: as `write_together` does.
    """
    files = {place.file(suffix): content for suffix, content in contents.items()}
    write_together(files, place.work(identity))


def forget_abandoned(place: Place) -> None:
    """Remove what runs in this folder left that nobody has taken up again for a month."""
    for work in place.folder.glob(f"{WORK}*"):
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
