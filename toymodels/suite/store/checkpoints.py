"""The saved state of one training: one npz file, verified when it is loaded."""

import io
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from toymodels.data.files import warn, write_atomically

_LEAF = "leaf/"  # prefix that separates the training's arrays from ours


class Checkpoint:
    """Checkpoint file of a training; `seconds` is the time spent in earlier sessions."""

    def __init__(self, path: Path, identity: str) -> None:
        self.path = path
        self.identity = identity
        self.seconds = 0.0
        self._started = time.monotonic()

    def load(self) -> dict[str, np.ndarray] | None:
        """Return the arrays saved last; None, with a warning if unusable, where there are none."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            entries = _unpack(content)
            identity, seconds = str(entries["identity"]), float(entries["seconds"])
        except Exception as error:  # zipfile and NumPy raise many types on damaged files
            warn(f"the checkpoint {self.path} is damaged ({error}); the training restarts")
            return None
        if identity != self.identity:
            warn(f"the checkpoint {self.path} is of another computation; the training restarts")
            return None
        self.seconds = seconds
        print(f"{self.path.stem}: resumed from {self.path}", file=sys.stderr)
        return {k.removeprefix(_LEAF): v for k, v in entries.items() if k.startswith(_LEAF)}

    def save(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Replace the saved arrays.

        Raises:
            OSError: if it cannot be written; the previous checkpoint is kept.
            TypeError: if npz cannot store an array's type (objects, bfloat16).
        """
        entries = {_LEAF + name: np.asarray(array) for name, array in arrays.items()}
        entries["identity"] = np.asarray(self.identity)
        entries["seconds"] = np.asarray(self.seconds + time.monotonic() - self._started)
        write_atomically(self.path, _pack(entries))


def _pack(entries: Mapping[str, np.ndarray]) -> bytes:
    for name, array in entries.items():
        if array.dtype.kind in "OV":
            raise TypeError(f"a checkpoint cannot keep {name}, of type {array.dtype}")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **entries)
    return buffer.getvalue()


def _unpack(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        if damaged := archive.zip.testzip():
            raise ValueError(f"the checksum of {damaged} is wrong")
        return {name: archive[name] for name in archive.files}
