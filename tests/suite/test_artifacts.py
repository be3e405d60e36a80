import errno
import hashlib
import json
import os

import numpy as np
import pytest
import xarray as xr
from scripts import Tree, finish, start

from toymodels import plotting
from toymodels.suite import backend
from toymodels.suite.store import artifacts
from toymodels.suite.store.artifacts import ResultPaths
from toymodels.suite.store.checkpoints import Checkpoint
from toymodels.suite.store.netcdf import Data

FIGURE = "lines/line"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "prepare", lambda: None)
    monkeypatch.chdir(tmp_path)
    tree = Tree(tmp_path)
    tree.write(FIGURE)
    return tree


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def flip(path, at, bit=0):
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


# -- checkpoints


ARRAYS = {
    "step": np.asarray(7),
    "file": np.arange(6.0, dtype=np.float32).reshape(2, 3)[:, ::-1],
    "model/W": np.asarray([np.nan, -0.0]),
    "empty": np.zeros((0, 4)),
}


def test_a_checkpoint_gives_back_what_it_was_given(tmp_path):
    path = tmp_path / "work" / "relu.npz"
    assert Checkpoint(path, "abc").load() is None
    Checkpoint(path, "abc").save(ARRAYS)
    assert_same(Checkpoint(path, "abc").load())


def assert_same(loaded):
    assert list(loaded) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_a_checkpoint_knows_the_time_spent_before(tmp_path):
    first = Checkpoint(tmp_path / "a.npz", "abc")
    first.seconds = 100.0
    first.save({})
    second = Checkpoint(tmp_path / "a.npz", "abc")
    second.load()
    assert 100 <= second.seconds < 110


def test_a_damaged_checkpoint_is_named_and_ignored(tmp_path, capsys):
    """A flip that neither zip nor NumPy looks at, as of a date, changes no array."""
    path = tmp_path / "a.npz"
    Checkpoint(path, "abc").save(ARRAYS)
    whole = path.read_bytes()
    cut = [whole[:length] for length in (0, 40, len(whole) // 2, len(whole) - 1)]
    flips = [
        whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in range(0, len(whole), 5)
    ]
    for content in (*cut, *flips):
        path.write_bytes(content)
        loaded, said = Checkpoint(path, "abc").load(), capsys.readouterr().err
        if loaded is None:
            assert said.startswith(f"warning: the checkpoint {path} is damaged")
        else:
            assert content not in cut
            assert_same(loaded)


def test_types_that_would_not_survive_are_refused(tmp_path):
    with pytest.raises(TypeError, match="object"):
        Checkpoint(tmp_path / "a.npz", "abc").save({"x": np.asarray([None])})


# -- data


def test_data_are_the_same_now_and_read_again(tmp_path):
    dataset = xr.Dataset(
        {
            "W": (("seed", "feature"), np.asarray([[1, np.nan]], dtype=np.float32)),
            "ok": ("seed", [True]),
            "shape": ("seed", ["digon"]),
        },
        coords={"seed": [3], "feature": [0, 1]},
        attrs={"left": "over"},
    )
    data = Data.of(dataset, {"preset": "quick"})
    assert data.stamp == {"preset": "quick"}
    assert isinstance(data.results, xr.Dataset)
    assert list(data.results.attrs) == ["toymodels"]
    assert data.results.drop_attrs().identical(dataset.drop_attrs())
    again = Data.read(data.content)
    assert again.results.identical(data.results)
    assert Data.of(again.results, again.stamp).content == data.content


def test_a_tree_is_the_same_now_and_read_again():
    small = xr.Dataset({"W": ("x", np.arange(3.0))}, attrs={"left": "over"})
    large = xr.Dataset({"W": ("x", np.zeros(5000)), "n": ("x", np.arange(5000))})
    tree = xr.DataTree.from_dict({"/": xr.Dataset(), "/n3": small, "/n5": large})
    spec = {"n": [3, 5], "decay": 0.5, "bias": True, "m": None, "name": "x", "one": [1]}
    data = Data.of(tree, {"spec": spec})
    assert isinstance(data.results, xr.DataTree)
    assert data.results["n5"].W.equals(large.W)
    assert data.results["n3"].attrs == {}
    assert len(data.content) < large.nbytes / 2
    attributes = data.results.attrs
    assert list(attributes["n"]) == [3, 5]
    assert (attributes["decay"], attributes["bias"], attributes["m"]) == (0.5, "true", "null")
    again = Data.read(data.content)
    assert again.results.identical(data.results)
    assert Data.of(again.results, again.stamp).content == data.content


# -- publication


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("fails", [1, 2, 3])
def test_a_record_never_claims_data_that_is_not_there(tmp_path, monkeypatch, call, fails, capsys):
    paths, works, calls = ResultPaths(tmp_path / "family", "figure"), getattr(os, call), []

    def fail_at(*args):
        calls.append(args)
        return raise_no_space() if len(calls) == fails else works(*args)

    publish(paths, 1)
    monkeypatch.setattr(os, call, fail_at)
    with pytest.raises(OSError, match="No space left"):
        publish(paths, 2)
    assert list(paths.work("f" * 64).iterdir()) == []
    found = artifacts.load(paths, "f" * 64)
    if call == "fsync" or fails == 1:  # before anything was replaced
        assert found.results.x == 1
    else:
        assert found is None
        assert "figure.nc is damaged: it is not what figure.json records" in capsys.readouterr().err


def raise_no_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def publish(paths, x):
    data = Data.of(xr.Dataset({"x": x}), {"identity": "f" * 64})
    record = {"data_sha256": data.sha256, "identity": {"hash": "f" * 64}}
    contents = {".nc": data.content, ".png": b"", ".json": json.dumps(record).encode()}
    artifacts.publish(paths, "f" * 64, contents)


def test_a_picture_is_the_same_bytes_each_time():
    figures = [plotting.figure(2, 1) for _ in range(2)]
    first, second = map(artifacts.to_png, figures)
    assert first == second


# -- whole runs


def test_a_run_leaves_three_files_that_belong_together(tree):
    assert tree.command("run", "line") == 0
    folder = tree.root / "figures" / "lines"
    assert set(contents(folder)) == {"line.nc", "line.png", "line.json"}
    assert len(list(folder.iterdir())) == 3
    record = tree.record(FIGURE)
    data = Data.read((folder / "line.nc").read_bytes())
    assert record["title"] == "A straight line"
    assert (record["preset"], record["seed"], record["overrides"]) == ("quick", 0, {})
    assert record["deviations"] == ["No source; 3 points."]
    assert record["claims"][1] == {
        "text": "It ends high",
        "source": "figure 1",
        "expected": [100, 200],
        "measured": [0.0, None],
        "holds": False,
    }
    assert record["data_sha256"] == hashlib.sha256(data.content).hexdigest()
    assert data.stamp["provenance"] == record["provenance"]
    assert data.stamp["identity"] == record["identity"]["hash"]
    assert "experiments/lines/line.py" in record["identity"]["code"]
    provenance = record["provenance"]
    assert provenance["versions"].keys() >= {"python", "jax", "xarray"}
    assert "cpu" in provenance["device"]
    assert provenance["wall_seconds"] >= 0


def test_a_finished_run_is_reused_and_keeps_its_provenance(tree, capsys):
    tree.command("run", "line")
    first = contents(tree.root / "figures" / "lines")
    assert tree.command("run", "line") == 0
    assert "finished data" in capsys.readouterr().out
    assert contents(tree.root / "figures" / "lines") == first
    assert tree.runs() == 1


def test_restyling_redraws_and_does_not_run(tree):
    path = tree.write(FIGURE)
    tree.command("run", "line")
    before = contents(tree.root / "figures" / "lines")
    path.write_text(path.read_text().replace('"red"', '"blue"').replace("high", "up"))
    tree.command("run", "line")
    after = contents(tree.root / "figures" / "lines")
    assert tree.runs() == 1
    assert after["line.nc"] == before["line.nc"]
    assert after["line.png"] != before["line.png"]
    assert tree.record(FIGURE)["claims"][1]["text"] == "It ends up"


@pytest.mark.parametrize("change", ["slope", "force", "data lost", "record lost", "flipped", "cut"])
def test_a_changed_or_damaged_computation_runs_again(tree, change, capsys):
    tree.command("run", "line", "--out", "o")
    words = {"force": ["--force"]}
    data = tree.root / "o" / "lines" / "line.nc"
    if change == "slope":
        path = tree.root / "experiments" / "lines" / "line.py"
        path.write_text(path.read_text().replace("SLOPE = 2.0", "SLOPE = 3.0"))
    if change == "data lost":
        data.unlink()
    if change == "record lost":
        data.with_suffix(".json").unlink()
    if change == "flipped":
        flip(data, 2000)
    if change == "cut":
        data.write_bytes(data.read_bytes()[:5000])
    assert tree.command("run", "line", "--out", "o", *words.get(change, [])) == 0
    assert tree.runs() == 2
    assert ("line.nc is damaged" in capsys.readouterr().err) == (change in ("flipped", "cut"))
    sha = hashlib.sha256(data.read_bytes()).hexdigest()
    assert json.loads(data.with_suffix(".json").read_text())["data_sha256"] == sha


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--size", "4"], "line.size4"),
        (["--seed", "3"], "line.seed3"),
        (["--size", "4", "--preset", "smoke"], "line.smoke-size4"),
        (["--sparsity", "0", ".1", "--seed", "1"], "line.sparsity0.0_0.1-seed1"),
        (["--sparsity", *(f".{i}" for i in range(1, 10))], None),
    ],
)
def test_changed_settings_have_a_name_of_their_own(tree, words, name):
    tree.command("run", "line", "--out", "o")
    before = contents(tree.root / "o" / "lines")
    assert tree.command("run", "line", "--out", "o", *words) == 0
    after = contents(tree.root / "o" / "lines")
    assert {file: after[file] for file in before} == before
    (new,) = {file.removesuffix(".json") for file in {*after} - {*before} if file[-4:] == "json"}
    assert new == name if name else len(new) == len("line.12345678")
    assert tree.record(f"lines/{new}", "o")["name"] == new
    assert tree.command("run", "line", "--out", "o", *words) == 0
    assert tree.runs() == 2


def test_a_full_disk_is_one_sentence_and_leaves_the_figure(tree, monkeypatch, capsys):
    tree.command("run", "line")
    before = contents(tree.root / "figures" / "lines")
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", raise_no_space)
        assert tree.command("run", "line", "--force") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: lines/line: No space left on device: ")
    assert contents(tree.root / "figures" / "lines") == before
    assert len(list((tree.root / "figures" / "lines").iterdir())) == 3


def test_a_folder_that_cannot_be_is_known_before_running(tree, capsys):
    (tree.root / "file").write_text("")
    assert tree.command("run", "line", "--out", "file/below") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "Not a directory" in line
    assert str(tree.root / "file") in line
    assert tree.runs() == 0


def test_what_an_abandoned_run_left_is_removed_after_a_month(tree):
    works = [ResultPaths(tree.root / "figures" / "lines", "line").work(name * 64) for name in "ab"]
    for work in works:
        Checkpoint(work / "relu.npz", "abc").save(ARRAYS)
    month = artifacts.SECONDS_TO_KEEP + 60
    os.utime(works[0], (works[0].stat().st_mtime - month,) * 2)
    tree.command("run", "line")
    assert [work.exists() for work in works] == [False, True]


def test_a_higher_preset_that_came_meanwhile_is_kept(tree, capsys):
    path = tree.write(FIGURE)
    path.write_text(path.read_text().replace("    line = SLOPE", MEANWHILE))
    tree.command("run", "line")
    assert "kept the paper figure" in capsys.readouterr().out
    folder = tree.root / "figures" / "lines"
    assert contents(folder) == {"line.json": b'{"preset": "paper"}'}
    assert len(list(folder.iterdir())) == 1


MEANWHILE = """    record = Path(__file__).parents[2] / "figures" / "lines" / "line.json"
    record.write_text('{"preset": "paper"}')
    line = SLOPE"""


@pytest.mark.slow
def test_two_runs_at_once_leave_one_whole_figure(tree):
    script = tree.root / "experiments" / f"{FIGURE}.py"
    slow = script.read_text().replace("def run(lab):\n", SLOW)
    script.write_text(slow)
    runs = [start("-m", "experiments", "run", "line", cwd=tree.root) for _ in range(2)]
    assert [finish(run)[0] for run in runs] == [0, 0]
    assert tree.runs() == 2
    folder = tree.root / "figures" / "lines"
    assert len(list(folder.iterdir())) == 3
    data = (folder / "line.nc").read_bytes()
    assert tree.record(FIGURE)["data_sha256"] == hashlib.sha256(data).hexdigest()
    assert tree.command("run", "line") == 0
    assert tree.runs() == 2


SLOW = """def run(lab):
    import time

    log = Path(__file__).parent / "runs.log"
    (Path(__file__).parent / f"here{time.time_ns()}").touch()
    while len(list(log.parent.glob("here*"))) < 2:  # until the other one is here as well
        time.sleep(0.01)
"""
