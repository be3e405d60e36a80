"""Replacing several files: all of them or none."""

import errno
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from toymodels.data.files import stage


def replace_together(contents: Mapping[Path, bytes], folder: Path) -> None:
    """Give files these contents, in this order; `folder` is for what is on the way.

    Raises:
        OSError: naming the file, if one cannot be written; all are then as they were.
    """
    for path in contents:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "there is a folder of this name", str(path))
    staged: dict[Path, Path] = {}
    kept: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for path, content in contents.items():
            with _named(path):
                staged[path] = stage(folder, content)
        for path in contents:
            with _named(path):
                if path.exists():
                    kept[path] = _second_name(path, folder)
        for path in contents:
            with _named(path):
                os.replace(staged[path], path)
                done.append(path)
    except BaseException:
        for path in done:
            _put_back(path, kept.get(path))
        raise
    finally:
        for left in (*staged.values(), *kept.values()):
            left.unlink(missing_ok=True)


class _named:
    """Let an OSError speak of the file that was meant, not of one on the way."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(self.path)) from error


def _second_name(path: Path, folder: Path) -> Path:
    """Keep a file under another name as well."""
    kept = stage(folder, b"")
    kept.unlink()
    try:
        os.link(path, kept)
    except OSError:  # not every file system has links
        shutil.copy2(path, kept)
    return kept


def _put_back(path: Path, kept: Path | None) -> None:
    with suppress(OSError):
        if kept:
            os.replace(kept, path)
        else:
            path.unlink()
