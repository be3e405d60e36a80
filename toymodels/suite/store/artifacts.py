"""The three files of a figure: STEM.nc (data), STEM.png (picture), STEM.json (record).

They are replaced together, the record last; it holds the data's checksum, so that data is only
ever read again together with the record that belongs to it. Until then everything lies in a
folder of its own beside them, named after the computation, where its checkpoints are as well.

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
import xarray as xr
from matplotlib.figure import Figure

from toymodels.data.files import read_json, replace, stage, warn

STAMP = "toymodels"
"""The Dataset attribute that holds, as JSON, what the data is the result of."""

WORK = ".work-"  # how the names of folders for unfinished runs begin
SECONDS_TO_KEEP = 30 * 24 * 3600


@dataclass(frozen=True)
class Place:
    """Where the files of one figure lie."""

    folder: Path
    stem: str

    def file(self, suffix: str) -> Path:
        """Return the file of this kind: ".nc", ".png" or ".json"."""
        return self.folder / f"{self.stem}{suffix}"

    def work(self, fingerprint: str) -> Path:
        """Return the folder for what an unfinished run of this computation leaves."""
        return self.folder / f"{WORK}{fingerprint[:12]}"


@dataclass(frozen=True)
class Data:
    """A Dataset and the netCDF file that it is read from."""

    content: bytes
    dataset: xr.Dataset

    @classmethod
    def of(cls, dataset: xr.Dataset, stamp: dict[str, Any]) -> "Data":
        """Write a Dataset and read it back, so that it is the same now and when loaded later.

        Its attributes give way to the stamp.
        """
        stamped = dataset.as_numpy().drop_attrs(deep=False).assign_attrs({STAMP: json.dumps(stamp)})
        return cls.read(bytes(stamped.to_netcdf(engine="h5netcdf")))

    @classmethod
    def read(cls, content: bytes) -> "Data":
        """Read a netCDF file's content."""
        return cls(content, xr.load_dataset(io.BytesIO(content), engine="h5netcdf"))

    @property
    def stamp(self) -> dict[str, Any]:
        """Return what the data is the result of."""
        return json.loads(self.dataset.attrs[STAMP])

    @property
    def sha256(self) -> str:
        """Return the checksum of the file."""
        return hashlib.sha256(self.content).hexdigest()


def load(place: Place, fingerprint: str) -> Data | None:
    """Return the finished data of this computation, this figure's or another's in its folder.

    None if there is none; what is damaged is named in a warning, and not used.
    """
    candidates = (place, *_siblings(place, fingerprint))
    found = (_finished(candidate, fingerprint) for candidate in candidates)
    return next((data for data in found if data), None)


def _siblings(place: Place, fingerprint: str) -> Iterator[Place]:
    """Return the other figures of the folder whose data say that they are of this computation."""
    for path in sorted(place.folder.glob("*.nc")):
        if path.stem != place.stem and _may_be_of(path, fingerprint):
            yield Place(place.folder, path.stem)


def _may_be_of(path: Path, fingerprint: str) -> bool:
    """Look at nothing but the stamp; of what is too damaged for that nobody can tell."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            stamp = file.attrs.get(STAMP)
    except OSError:
        return True
    return stamp is not None and fingerprint in stamp


def _finished(place: Place, fingerprint: str) -> Data | None:
    path = place.file(".nc")
    if not path.exists():
        return None  # it is not committed, as the other two are
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != _recorded_sha256(place):
        warn(f"{path} is damaged: it is not what {place.stem}.json records; it is not used")
        return None
    data = Data.read(content)
    return data if data.stamp["fingerprint"] == fingerprint else None


def _recorded_sha256(place: Place) -> str | None:
    try:
        return read_json(place.file(".json")).get("data_sha256")
    except FileNotFoundError:
        return None
    except ValueError:
        warn(f"{place.file('.json')} is damaged: it is no JSON")
        return None


def publish(place: Place, fingerprint: str, contents: dict[str, bytes]) -> None:
    """Put a figure's files in place, given by suffix in the order of their renaming.

    Raises:
        OSError: if they cannot be written; the figure that was there is then as it was.
    """
    staged: dict[Path, Path] = {}
    try:
        for suffix, content in contents.items():
            staged[stage(place.work(fingerprint), content)] = place.file(suffix)
    except BaseException:
        for temporary in staged:
            temporary.unlink(missing_ok=True)
        raise
    replace(staged)


def forget_abandoned(place: Place) -> None:
    """Remove what runs in this folder left that nobody has taken up again for a month."""
    for work in place.folder.glob(f"{WORK}*"):
        if time.time() - work.stat().st_mtime > SECONDS_TO_KEEP:
            shutil.rmtree(work, ignore_errors=True)


def to_json(content: dict[str, Any]) -> str:
    """Write JSON as people read it."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_png(figure: Figure) -> bytes:
    """Draw a figure; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
