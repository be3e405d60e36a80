"""Where MNIST is looked for, in which order, and what is refused; nothing touches the network."""

import gzip
import hashlib
import inspect
from typing import ClassVar

import numpy as np
import pytest
import sklearn.datasets
from mnist_files import hashes, idx, real_mnist, small_mnist, write_files

from toymodels.data import downloads
from toymodels.data import images as datasets
from toymodels.data.images import DatasetError, NoDataset
from toymodels.suite.batch import sentence

CONTENTS = small_mnist()
FIRST, SECOND = datasets.MIRRORS
TRAIN_IMAGES = "train-images-idx3-ubyte"


class Mirrors:
    """What is to be had from the two mirrors, and what was asked of them."""

    def __init__(self):
        self.files, self.asked = {}, []

    def offer(self, mirror, contents):
        self.files |= {f"{mirror}{name}.gz": gzip.compress(c) for name, c in contents.items()}

    def fetch(self, url):
        self.asked.append(url)
        if url not in self.files:
            raise ConnectionError(f"no route to {url}")
        return self.files[url]


@pytest.fixture
def mirrors(monkeypatch, tmp_path):
    """No folder is named, the cache is empty, and there is no network: small files are MNIST."""
    found = Mirrors()
    monkeypatch.delenv(datasets.VARIABLE, raising=False)
    monkeypatch.setattr(datasets, "CONTENT_SHA256", hashes(CONTENTS))
    monkeypatch.setattr(datasets, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(datasets, "fetch", found.fetch)
    return found


def is_small_mnist(found):
    """Whether a dataset holds the small files' images and labels, line by line."""
    images = np.arange(54).reshape(6, 9)
    return (
        (found.name, found.side) == ("mnist", 3)
        and np.array_equal(found.train.images, images)
        and np.array_equal(found.train.labels, np.arange(6) + 7)
        and np.array_equal(found.test.images, images + 14)
        and np.array_equal(found.test.labels, np.arange(6) + 21)
    )


@pytest.mark.parametrize("shape", [(3,), (4, 2), (2, 3, 5), (0, 3)])
def test_idx_files_are_read(shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    found = datasets.parse_idx(idx(array))
    assert found.dtype == np.uint8
    assert np.array_equal(found, array)


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:6], lambda c: b"\1" + c])
def test_what_is_no_idx_file_is_refused(damage):
    with pytest.raises(ValueError):
        datasets.parse_idx(damage(idx(np.zeros((4, 2), np.uint8))))


def test_a_named_folder_is_read(mirrors, tmp_path):
    assert is_small_mnist(datasets.load_mnist(write_files(tmp_path / "here", CONTENTS)))
    assert not mirrors.asked


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dot", ["-", "."])
def test_files_may_be_unpacked_and_have_the_other_usual_name(mirrors, tmp_path, ending, dot):
    for name, content in CONTENTS.items():
        path = tmp_path / f"{name.replace('-idx', f'{dot}idx')}{ending}"
        path.write_bytes(gzip.compress(content) if ending else content)
    assert is_small_mnist(datasets.load_mnist(tmp_path))


def test_other_images_are_read_under_their_own_name_only(mirrors, tmp_path):
    other = {**CONTENTS, TRAIN_IMAGES: idx(255 - np.arange(54, dtype=np.uint8).reshape(6, 3, 3))}
    folder = write_files(tmp_path / "other", other)
    with pytest.raises(DatasetError, match="--dataset idx takes other images"):
        datasets.load_mnist(folder)
    found = datasets.load_images("idx", folder)
    assert found.name == "idx-" + content_hash(other)[:8]
    assert np.array_equal(found.train.images, 255 - np.arange(54).reshape(6, 9))
    assert np.array_equal(found.test.labels, np.arange(6) + 21)


@pytest.mark.parametrize("array", [np.zeros((6, 3, 4)), np.zeros((5, 3, 3)), np.zeros(6)])
def test_other_images_must_be_square_and_labelled(mirrors, tmp_path, array):
    other = {**CONTENTS, TRAIN_IMAGES: idx(array.astype(np.uint8))}
    with pytest.raises(DatasetError, match="does not have labelled square images"):
        datasets.load_images("idx", write_files(tmp_path / "other", other))
    with pytest.raises(DatasetError, match="given by --data-dir"):
        datasets.load_images("idx")


def content_hash(contents):
    return hashlib.sha256(b"".join(contents.values())).hexdigest()


def test_places_are_tried_in_order(mirrors, monkeypatch, tmp_path):
    wrong = {**CONTENTS, TRAIN_IMAGES: b"wrong"}
    good, bad = write_files(tmp_path / "good", CONTENTS), write_files(tmp_path / "bad", wrong)
    monkeypatch.setenv(datasets.VARIABLE, str(good))
    assert is_small_mnist(datasets.load_mnist())
    with pytest.raises(DatasetError, match="bad"):
        datasets.load_mnist(bad)  # what is named comes before the variable
    monkeypatch.setenv(datasets.VARIABLE, str(bad))
    assert is_small_mnist(datasets.load_mnist(good))
    write_files(datasets.cache_folder(), CONTENTS)
    with pytest.raises(DatasetError, match="bad"):
        datasets.load_mnist()  # and the variable before the cache
    monkeypatch.setenv(datasets.VARIABLE, "")
    assert is_small_mnist(datasets.load_mnist())
    assert not mirrors.asked


DAMAGE = {
    "truncated": lambda whole: whole[:-9],
    "flipped": lambda whole: whole[:-12] + bytes([whole[-12] ^ 255]) + whole[-11:],
    "another": lambda whole: gzip.compress(gzip.decompress(whole)[:-1] + b"\xff"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_refused_by_name(mirrors, tmp_path, damage):
    mirrors.offer(FIRST, CONTENTS)  # which must not be used in its place
    path = write_files(tmp_path, CONTENTS) / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError) as refused:
        datasets.load_mnist(tmp_path)
    assert str(path) in sentence(refused.value)
    assert not mirrors.asked


def test_a_missing_file_of_a_named_folder_is_named(mirrors, tmp_path):
    (write_files(tmp_path, CONTENTS) / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DatasetError, match=r"there is no .*t10k-labels-idx1-ubyte\.gz"):
        datasets.load_mnist(tmp_path)
    with pytest.raises(DatasetError, match=r"there is no .*nowhere"):
        datasets.load_mnist(tmp_path / "nowhere")
    assert not mirrors.asked


def test_what_is_not_here_is_downloaded_once(mirrors):
    mirrors.offer(FIRST, CONTENTS)
    assert is_small_mnist(datasets.load_mnist())
    assert mirrors.asked == [f"{FIRST}{name}.gz" for name in CONTENTS]
    assert is_small_mnist(datasets.load_mnist())
    assert len(mirrors.asked) == 4


def test_the_second_mirror_is_asked_where_the_first_fails(mirrors):
    mirrors.offer(FIRST, {**CONTENTS, TRAIN_IMAGES: b"a page about an error"})
    mirrors.offer(SECOND, {TRAIN_IMAGES: CONTENTS[TRAIN_IMAGES]})
    assert is_small_mnist(datasets.load_mnist())
    assert mirrors.asked[:2] == [f"{mirror}{TRAIN_IMAGES}.gz" for mirror in (FIRST, SECOND)]


def test_a_wrong_file_in_the_cache_is_named_and_replaced(mirrors, capsys):
    path = write_files(datasets.cache_folder(), CONTENTS) / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-9])
    mirrors.offer(FIRST, CONTENTS)
    assert is_small_mnist(datasets.load_mnist())
    assert str(path) in capsys.readouterr().err
    assert gzip.decompress(path.read_bytes()) == CONTENTS[TRAIN_IMAGES]


@pytest.mark.parametrize("offered", [{}, {TRAIN_IMAGES: b"wrong"}])
def test_without_files_and_network_one_sentence_says_what_to_do(mirrors, offered):
    mirrors.offer(FIRST, offered)
    with pytest.raises(NoDataset) as refused:
        datasets.load_images("mnist")
    words = sentence(refused.value)
    assert "\n" not in words
    for part in (datasets.VARIABLE, FIRST, SECOND, "--data-dir", "--dataset digits"):
        assert part in words
    assert not list(datasets.cache_folder().glob("*"))  # nothing wrong is kept


def test_the_digits_are_scikit_learn_s(mirrors):
    found, bundled = datasets.load_images("digits"), sklearn.datasets.load_digits()
    assert (found.name, found.side) == ("digits", 8)
    assert [len(part.images) for part in (found.train, found.test)] == [1438, 359]
    assert np.array_equal(found.test.labels, bundled.target[4::5])
    # 0 to 16 became 0 to 255, rounded
    np.testing.assert_allclose(found.test.images * (16 / 255), bundled.data[4::5], atol=0.04)
    assert found.train.images.dtype == found.train.labels.dtype == np.uint8
    assert set(found.train.labels) == set(found.test.labels) == set(range(10))
    together = np.sort(np.concatenate([found.train.labels, found.test.labels]))
    assert np.array_equal(together, np.sort(bundled.target))
    assert not mirrors.asked


def test_an_unknown_dataset_is_refused():
    with pytest.raises(ValueError, match="'mnist', 'digits' or 'idx'; got 'emnist'"):
        inspect.unwrap(datasets.load_images)("emnist")  # without the tests' type checks


def test_the_real_files_are_mnist():
    found = datasets.load_mnist(real_mnist())
    assert found.train.images.shape == (60_000, 784)
    assert found.test.images.shape == (10_000, 784)
    assert found.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(found.test.labels).tolist() == [
        *(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    ]
    # the pixels' mean and deviation that everybody normalises with
    assert found.train.images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert found.train.images.std() / 255 == pytest.approx(0.3081, abs=5e-5)


# -- which dataset can be had here, for the Makefile


def test_the_digits_are_named_where_there_is_no_mnist_and_the_reason_is_told(mirrors, capsys):
    datasets.main()
    out, err = capsys.readouterr()
    assert out == "digits\n"
    assert datasets.VARIABLE in err


def test_a_wrong_file_of_a_named_folder_is_no_reason_to_take_the_digits(
    mirrors, monkeypatch, capsys, tmp_path
):
    folder = write_files(tmp_path, {**CONTENTS, TRAIN_IMAGES: b"wrong"})
    monkeypatch.setenv(datasets.VARIABLE, str(folder))
    with pytest.raises(DatasetError, match=TRAIN_IMAGES):
        datasets.main()
    assert capsys.readouterr().out == ""


def test_what_is_fetched_is_what_comes(monkeypatch, capsys):
    class Answer:
        headers: ClassVar = {}

        def raise_for_status(self):
            pass

        def iter_content(self, chunk_size):
            return iter([b"one ", b"two"])

    monkeypatch.setattr("requests.get", lambda url, **options: Answer())
    assert downloads.fetch("https://nowhere.invalid/file.gz") == b"one two"
    assert "https://nowhere.invalid/file.gz" in capsys.readouterr().err
