"""The three files of a figure: STEM.nc (data), STEM.png (picture), STEM.json (record).

They are written in this order. The record holds the data's checksum, so that data is reused only
with the record that belongs to it. Checkpoints and partial files of an unfinished run are in a
folder beside them, named by the identity of the computation.

Figures of one folder with the same identity share checkpoints and finished data.
"""

import hashlib
import io
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from toymodels.data.files import read_json, warn, write_together
from toymodels.suite.store.netcdf import Data

WORK = ".work-"  # prefix of work folders
SECONDS_TO_KEEP = 30 * 24 * 3600


@dataclass(frozen=True)
class ResultPaths:
    """The paths of one figure's files; `stem` includes changed settings."""

    folder: Path
    stem: str

    def file(self, suffix: str) -> Path:
        """Return the path with this suffix: ".nc", ".png" or ".json"."""
        return self.folder / f"{self.stem}{suffix}"

    def work(self, identity: str) -> Path:
        """Return the work folder of unfinished runs with this identity."""
        return self.folder / f"{WORK}{identity[:12]}"


def load(paths: ResultPaths, identity: str) -> Data | None:
    """Return finished data of this identity, from this or another figure in the folder.

    Returns None if there is none. Damaged files are skipped with a warning.
    """
    for path in sorted(paths.folder.glob("*.json"), key=lambda path: path.stem != paths.stem):
        record, data = _read_record(path), path.with_suffix(".nc")
        if record.get("identity", {}).get("hash") == identity and data.exists():
            content = data.read_bytes()
            if hashlib.sha256(content).hexdigest() == record["data_sha256"]:
                return Data.read(content)
            warn(f"{data} is damaged: it is not what {path.name} records; skipped")
    return None


def _read_record(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except ValueError:
        warn(f"{path} is damaged: it is not JSON")
        return {}


def publish(paths: ResultPaths, identity: str, contents: dict[str, bytes]) -> None:
    """Write a figure's files, given by suffix, the record last.

    Raises:
        OSError: if that fails.
    """
    files = {paths.file(suffix): content for suffix, content in contents.items()}
    write_together(files, paths.work(identity))


def forget_abandoned(paths: ResultPaths) -> None:
    """Remove work folders beside a figure that are unused for 30 days."""
    for work in paths.folder.glob(f"{WORK}*"):
        if time.time() - work.stat().st_mtime > SECONDS_TO_KEEP:
            shutil.rmtree(work, ignore_errors=True)


def short_hash(content: dict[str, Any]) -> str:
    """Return the first 8 hex digits of the SHA-256 of the content."""
    return hashlib.sha256(to_json(content).encode()).hexdigest()[:8]


def to_json(content: dict[str, Any]) -> str:
    """Return indented JSON."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_png(figure: Figure) -> bytes:
    """Render a figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
