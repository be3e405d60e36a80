"""The saved state of one training: one npz file, checked before it is believed."""

import hashlib
import io
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from toymodels.data.files import warn, write_atomically

_LEAF = "leaf/"  # keeps the names of arrays apart from ours


class Checkpoint:
    """Where a training keeps its arrays; `seconds` is the time spent in earlier sessions."""

    def __init__(self, path: Path, identity: str) -> None:
        self.path = path
        self.identity = identity
        self.seconds = 0.0
        self._started = time.monotonic()

    def load(self) -> dict[str, np.ndarray] | None:
        """Return the arrays saved last; None where there are none or, named, useless ones."""
        try:
            entries = _unpack(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            warn(f"the checkpoint {self.path} is damaged ({error}); its training starts anew")
            return None
        if str(entries["identity"]) != self.identity:
            warn(f"the checkpoint {self.path} is of another computation; its training starts anew")
            return None
        self.seconds = float(entries["seconds"])
        print(f"{self.path.stem}: resumed from {self.path}", file=sys.stderr)
        return {k.removeprefix(_LEAF): v for k, v in entries.items() if k.startswith(_LEAF)}

    def save(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Replace what was saved before.

        Raises:
            OSError: if it cannot be written; the previous checkpoint is still there then.
            TypeError: if an array's type would not survive (objects, bfloat16).
        """
        entries = {_LEAF + name: np.asarray(array) for name, array in arrays.items()}
        entries["identity"] = np.asarray(self.identity)
        entries["seconds"] = np.asarray(self.seconds + time.monotonic() - self._started)
        _write_persistently(self.path, _pack(entries))


def _pack(entries: Mapping[str, np.ndarray]) -> bytes:
    for name, array in entries.items():
        if array.dtype.kind in "OV":
            raise TypeError(f"a checkpoint cannot keep {name}, of type {array.dtype}")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **entries)
    return _seal(buffer.getvalue())


def _unpack(content: bytes) -> dict[str, np.ndarray]:
    if content != _seal(content[:-66] + b"\0\0"):
        raise ValueError("its checksum is wrong")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _seal(archive: bytes) -> bytes:
    """Make the SHA-256 of a zip archive its comment, whose length is the archive's last field."""
    body = archive[:-2]
    digest = hashlib.sha256(body).hexdigest().encode()
    return body + len(digest).to_bytes(2, "little") + digest


def _write_persistently(path: Path, content: bytes) -> None:
    for _ in range(3):
        try:
            return write_atomically(path, content)
        except FileNotFoundError:
            continue  # a run of the same figure has just finished, and removed the folder
    write_atomically(path, content)
