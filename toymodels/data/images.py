"""Labelled images: MNIST, local or downloaded, scikit-learn's digits, and files like MNIST's.

The SHA-256 of the decompressed content of MNIST's four files is always checked. The digits never
replace MNIST silently, and other files, such as those of Fashion-MNIST, are read only under the
name "idx". `python -m toymodels.data.images` prints the name of the available dataset.
"""

import gzip
import hashlib
import os
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Array, UInt8

from toymodels.data.downloads import fetch
from toymodels.data.files import warn, write_atomically

ImageSource = Literal["mnist", "digits", "idx"]
"""MNIST, scikit-learn's small digits, or any images in files of MNIST's format and names."""

VARIABLE = "TOYMODELS_DATA"
"""Environment variable with the path of a folder of MNIST's four files."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",  # used by torchvision
    "https://storage.googleapis.com/cvdf-datasets/mnist/",  # used by JAX's examples
)

GZIP = b"\x1f\x8b"
"""First bytes of a compressed file."""

CONTENT_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of MNIST's files, decompressed."""


class DatasetError(OSError):
    """A dataset's file is missing or invalid; the message is one sentence."""


class MissingFile(DatasetError, FileNotFoundError):
    """A file is not in the folder; the message is one sentence."""


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
        name: "mnist", "digits", or "idx" with the first digits of its content's SHA-256.
        side: pixels along an image's edge; an image is a row of side^2 pixels, line by line.
        train: labelled images for training, from 0 (background) to 255 (ink).
        test: labelled images for testing.
    """

    name: str
    side: int
    train: Labelled
    test: Labelled


def load_images(name: ImageSource, data_dir: str | Path | None = None) -> ImageDataset:
    """Load a dataset by name; `data_dir` is used for MNIST and "idx".

    Raises:
        ValueError: if the name is unknown.
        DatasetError: as `load_mnist` and `load_idx`.
    """
    if name == "mnist":
        return load_mnist(data_dir)
    if name == "digits":
        return load_digits()
    if name == "idx":
        return load_idx(data_dir)
    raise ValueError(f"a dataset is 'mnist', 'digits' or 'idx'; got {name!r}")


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

    The four files, compressed or not, are read from `data_dir`, else from the folder in
    TOYMODELS_DATA, else from the user's cache folder, into which missing files are downloaded.

    Raises:
        DatasetError: if a file in the given folder is missing or invalid; the message names it.
        NoDataset: if a file is not in the cache and cannot be downloaded.
    """
    named = data_dir or os.environ.get(VARIABLE)
    folder = Path(named).expanduser() if named else cache_folder()
    contents = [_read(folder, name, download=not named) for name in CONTENT_SHA256]
    return _from_contents("mnist", contents)


def load_idx(data_dir: str | Path | None) -> ImageDataset:
    """Load square images and labels from four files of MNIST's names, such as Fashion-MNIST's.

    Their content is not compared with any checksum.

    Raises:
        DatasetError: if no folder is given, a file is missing or invalid, or sizes differ.
    """
    if not data_dir:
        raise DatasetError("dataset idx needs a folder with four files, given by --data-dir")
    folder = Path(data_dir).expanduser()
    contents = [_content(_file(folder, name)) for name in CONTENT_SHA256]
    digest = hashlib.sha256(b"".join(contents)).hexdigest()
    try:
        return _from_contents(f"idx-{digest[:8]}", contents)
    except ValueError as error:
        raise DatasetError(f"{folder} does not have labelled square images: {error}") from error


def _from_contents(name: str, contents: Sequence[bytes]) -> ImageDataset:
    """Parse the four files of a dataset."""
    train_images, train_labels, test_images, test_labels = map(parse_idx, contents)
    side = train_images.shape[-1]
    sets = []
    for images, labels in ((train_images, train_labels), (test_images, test_labels)):
        if images.shape != (len(labels), side, side) or labels.ndim != 1:
            raise ValueError(f"images {list(images.shape)} and labels {list(labels.shape)}")
        sets.append(Labelled(images.reshape(-1, side * side), labels))
    return ImageDataset(name, side, *sets)


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
        raise ValueError("this is not an idx file of bytes")
    rank = content[3]
    sizes = np.frombuffer(content, ">u4", count=rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(sizes)


def _read(folder: Path, name: str, *, download: bool) -> bytes:
    """Return the decompressed content of one of MNIST's files; download it if allowed."""
    try:
        path = _file(folder, name)
        return _checked(_content(path), name, str(path))
    except MissingFile:
        if not download:
            raise
    except DatasetError as error:
        if not download:
            raise
        warn(f"{error}; it is downloaded again")
    reasons = []
    for mirror in MIRRORS:
        try:
            compressed = fetch(f"{mirror}{name}.gz")
            content = _checked(_unpacked(compressed, mirror), name, mirror)
        except OSError as error:  # failed download or invalid content
            reasons.append(f"{mirror}: {type(error).__name__}")
        else:
            write_atomically(folder / f"{name}.gz", compressed)
            return content
    raise NoDataset(
        f"MNIST is not here and cannot be downloaded ({'; '.join(reasons)}): name a folder with "
        f"its four files in {VARIABLE} or by --data-dir, or choose --dataset digits"
    )


def _file(folder: Path, name: str) -> Path:
    """Return the path of one of the four files: with or without .gz, under either usual name."""
    dotted = name.replace("-idx", ".idx")
    for path in (folder / f"{stem}{end}" for stem in (name, dotted) for end in (".gz", "")):
        if path.is_file():
            return path
    raise MissingFile(f"there is no {folder / name}.gz, nor the file without .gz or as {dotted}")


def _content(path: Path) -> bytes:
    """Return the content of a file, decompressed if it is compressed."""
    content = path.read_bytes()
    return _unpacked(content, str(path)) if content.startswith(GZIP) else content


def _unpacked(compressed: bytes, where: str) -> bytes:
    try:
        return gzip.decompress(compressed)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{where} is damaged or truncated, and not used: {error}") from None


def _checked(content: bytes, name: str, where: str) -> bytes:
    """Return the content; raise DatasetError unless it has MNIST's SHA-256."""
    if hashlib.sha256(content).hexdigest() != CONTENT_SHA256[name]:
        raise DatasetError(
            f"{where} is not MNIST's {name}, and not used: its SHA-256 differs; --dataset idx "
            "takes other images"
        )
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
