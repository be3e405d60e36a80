"""MNIST for the tests: small files of its form, and where the real ones are."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from toymodels.data import images as datasets

REPOSITORY = Path(__file__).resolve().parents[1]


def idx(array: np.ndarray) -> bytes:
    """Write an array of bytes as an idx file."""
    header = bytes([0, 0, 8, array.ndim])
    return header + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def small_mnist(images: int = 6, side: int = 3) -> dict[str, bytes]:
    """Return four files' contents, by their names: images whose pixels all differ."""
    contents = {}
    for i, name in enumerate(datasets.CONTENT_SHA256):
        shape = (images, side, side) if "images" in name else (images,)
        contents[name] = idx((np.arange(np.prod(shape)).reshape(shape) + 7 * i).astype(np.uint8))
    return contents


def write_files(folder: Path, contents: dict[str, bytes]) -> Path:
    """Write the contents, compressed, as MNIST's files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    return folder


def hashes(contents: dict[str, bytes]) -> dict[str, str]:
    """Return the contents' checksums."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def real_mnist() -> Path:
    """Return the folder with MNIST's files; skip the test where there is none."""
    for folder in (os.environ.get(datasets.VARIABLE), REPOSITORY.parent / "shared" / "mnist"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    pytest.skip(f"no MNIST: {datasets.VARIABLE} is not set")
