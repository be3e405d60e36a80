"""Atomic file writes: files are written under a temporary name, then renamed."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

try:
    import fcntl
except ImportError:  # no such locks on Windows
    fcntl = None  # type: ignore[assignment]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file atomically.

    Raises:
        OSError: if it cannot be written; the file is then unchanged.
    """
    write_together({path: content}, path.parent)


def write_together(contents: Mapping[Path, bytes], folder: Path) -> None:
    """Write all contents to temporary files in `folder`, then replace the files in this order.

    Raises:
        OSError: if a temporary file cannot be written, before any file is replaced; or if a file
            cannot be replaced.
    """
    staged = {path: folder / f".{uuid4().hex}.tmp" for path in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, temporary in staged.items():
            with temporary.open("xb") as file:
                file.write(contents[path])
                file.flush()
                os.fsync(file.fileno())
        for path, temporary in staged.items():
            os.replace(temporary, path)
    except OSError as error:
        error.filename = error.filename or str(folder)  # the error of a full disk has no file name
        raise
    finally:
        for temporary in staged.values():
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock a folder for one process at a time; does nothing if the system has no file locks."""
    if fcntl is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems do not support it
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if it does not contain a JSON object.
    """
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    return content


def warn(sentence: str) -> None:
    """Print a one-line warning to stderr."""
    print(f"warning: {sentence}", file=sys.stderr)
