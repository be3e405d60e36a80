"""Labelled images: MNIST, local or downloaded, and scikit-learn's digits.

The SHA-256 of the decompressed content of MNIST's four files is always checked. The digits never
replace MNIST silently. `python -m toymodels.data.images` prints the name of the available dataset.
"""

import gzip
import hashlib
import os
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Array, UInt8

from toymodels.data.downloads import fetch
from toymodels.data.files import warn, write_atomically

ImageSource = Literal["mnist", "digits"]
"""MNIST, or scikit-learn's small digits."""

VARIABLE = "TOYMODELS_DATA"
"""Environment variable with the path of a folder of MNIST's four files."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",  # used by torchvision
    "https://storage.googleapis.com/cvdf-datasets/mnist/",  # used by JAX's examples
)

CONTENT_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of MNIST's files, decompressed."""


class DatasetError(OSError):
    """A dataset's file is missing or invalid; the message is one sentence."""


class NoDataset(DatasetError):
    """A dataset is not on disk and cannot be downloaded; the message is one sentence."""


class Labelled(NamedTuple):
    """Images and their labels; a pytree for `train(..., data=...)`."""

    images: UInt8[np.ndarray | Array, "sample pixel"]
    labels: UInt8[np.ndarray | Array, " sample"]


@dataclass(frozen=True)
class ImageDataset:
    """Images of the digits 0 to 9, in a training and a test set.

    Attributes:
        name: "mnist" or "digits".
        side: pixels along an image's edge; an image is a row of side^2 pixels, line by line.
        train: labelled images for training, from 0 (background) to 255 (ink).
        test: labelled images for testing.
    """

    name: str
    side: int
    train: Labelled
    test: Labelled


def load_images(name: ImageSource, data_dir: str | Path | None = None) -> ImageDataset:
    """Load a dataset by name; `data_dir` is used for MNIST only.

    Raises:
        ValueError: if the name is unknown.
        DatasetError: as `load_mnist`.
    """
    if name == "mnist":
        return load_mnist(data_dir)
    if name == "digits":
        return load_digits()
    raise ValueError(f"a dataset is 'mnist' or 'digits'; got {name!r}")


def load_digits() -> ImageDataset:
    """Load scikit-learn's 1,797 digits of 8 x 8 pixels; every fifth one is a test image.

    Grey values, 0 to 16, are scaled to MNIST's range, 0 to 255, and rounded.
    """
    import sklearn.datasets

    bundled = sklearn.datasets.load_digits()
    images = np.rint(bundled.data * (255 / 16)).astype(np.uint8)
    labels, test = bundled.target.astype(np.uint8), np.arange(len(images)) % 5 == 4
    return ImageDataset(
        "digits", 8, Labelled(images[~test], labels[~test]), Labelled(images[test], labels[test])
    )


def load_mnist(data_dir: str | Path | None = None) -> ImageDataset:
    """Load MNIST: 60,000 training and 10,000 test images of 28 x 28 pixels.

    The four files are read from `data_dir`, else from the folder in TOYMODELS_DATA, else from
    the user's cache folder, into which missing files are downloaded.

    Raises:
        DatasetError: if a file in the given folder is missing or invalid; the message names it.
        NoDataset: if a file is not in the cache and cannot be downloaded.
    """
    named = data_dir or os.environ.get(VARIABLE)
    folder = Path(named).expanduser() if named else cache_folder()
    contents = [_read(folder / f"{name}.gz", download=not named) for name in CONTENT_SHA256]
    train_images, train_labels, test_images, test_labels = map(parse_idx, contents)
    side = train_images.shape[-1]
    return ImageDataset(
        "mnist",
        side,
        Labelled(train_images.reshape(-1, side * side), train_labels),
        Labelled(test_images.reshape(-1, side * side), test_labels),
    )


def cache_folder() -> Path:
    """Return the folder in the user's cache for MNIST."""
    import pooch  # imported here, as its import is slow

    return Path(pooch.os_cache("toymodels")) / "mnist"


def parse_idx(content: bytes) -> UInt8[np.ndarray, "..."]:
    """Parse an idx file of bytes: two zeros, 8 for bytes, the rank, the sizes, the entries.

    Raises:
        ValueError: if it is not an idx file of bytes, or entries are missing.
    """
    if content[:3] != b"\0\0\x08":
        raise ValueError("this is no idx file of bytes")
    rank = content[3]
    sizes = np.frombuffer(content, ">u4", count=rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(sizes)


def _read(path: Path, *, download: bool) -> bytes:
    """Return the decompressed content of one of MNIST's files; download it if allowed."""
    if path.is_file():
        try:
            return _checked(path.read_bytes(), path.stem, str(path))
        except DatasetError as error:
            if not download:
                raise
            warn(f"{error}; it is downloaded anew")
    elif not download:
        raise DatasetError(f"there is no {path}, where MNIST was said to be")
    reasons = []
    for mirror in MIRRORS:
        try:
            compressed = fetch(mirror + path.name)
            content = _checked(compressed, path.stem, mirror)
        except OSError as error:  # failed download or invalid content
            reasons.append(f"{mirror}: {type(error).__name__}")
        else:
            write_atomically(path, compressed)
            return content
    raise NoDataset(
        f"MNIST is not here and cannot be downloaded ({'; '.join(reasons)}): name a folder with "
        f"its four files in {VARIABLE} or by --data-dir, or choose --dataset digits"
    )


def _checked(compressed: bytes, name: str, where: str) -> bytes:
    """Decompress a file; raise DatasetError unless the content has MNIST's SHA-256."""
    try:
        content = gzip.decompress(compressed)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{where} is damaged or truncated, and not used: {error}") from None
    if hashlib.sha256(content).hexdigest() != CONTENT_SHA256[name]:
        raise DatasetError(f"{where} is not MNIST's {name}, and not used: the SHA-256 is another")
    return content


def main() -> None:
    """Print "mnist", or "digits" if MNIST is not available."""
    try:
        load_mnist()
        print("mnist")
    except NoDataset as error:
        print(f"digits stand in for MNIST: {error}", file=sys.stderr)
        print("digits")


if __name__ == "__main__":
    main()
