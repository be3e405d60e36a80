"""Files that are either whole or absent: written under another name, then renamed."""

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
    """Replace a file by one with this content; at no moment is there half a file.

    Raises:
        OSError: if it cannot be written; the file is then as it was.
    """
    write_together({path: content}, path.parent)


def write_together(contents: Mapping[Path, bytes], folder: Path) -> None:
    """Replace files in this order, once the content of all of them is on the disk, in `folder`.

    Raises:
        OSError: if it cannot be written, before any file is replaced; or if one cannot be replaced.
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
        error.filename = error.filename or str(folder)  # a full disk does not say where
        raise
    finally:
        for temporary in staged.values():
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Let one process at a time publish into a folder, where the system has such locks."""
    if fcntl is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have none
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if it holds something else.
    """
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    return content


def warn(sentence: str) -> None:
    """Say something on stderr, in one line."""
    print(f"warning: {sentence}", file=sys.stderr)
