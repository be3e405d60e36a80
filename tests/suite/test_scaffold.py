"""What `new` writes is a figure as it stands; tests/experiments has its contract."""

import json
import subprocess
import sys

import pytest
import xarray as xr
from scripts import REPOSITORY, Tree

from toymodels.suite import backend
from toymodels.suite.scaffold import SCRIPT


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "prepare", lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    return Tree(tmp_path)


@pytest.mark.slow
def test_a_new_script_runs_and_is_not_written_again(tree, capsys):
    assert tree.command("new", "shapes/some_shape") == 0
    out = capsys.readouterr().out
    assert "experiments/shapes/some_shape.py" in out
    assert "run some_shape --preset smoke" in out
    path = tree.root / "experiments" / "shapes" / "some_shape.py"
    assert path.read_text().startswith('"""Some shape: ')
    assert [one.name for one in path.parent.iterdir()] == ["some_shape.py"]
    assert tree.command("run", "some_shape", "--preset", "smoke") == 0
    record = tree.record("shapes/some_shape", "out")
    assert [claim["holds"] for claim in record["claims"]] != []
    assert "{" not in json.dumps(record["deviations"])
    with xr.open_dataset(tree.root / "out" / "shapes" / "some_shape.nc") as data:
        assert {"W", "b", "loss", "sparsity", "seed"} <= set(data.variables)
    path.write_text("mine")
    assert tree.command("new", "shapes/some_shape") == 2
    assert path.read_text() == "mine"


def test_a_folder_that_cannot_be_written_to_is_one_sentence(tree, capsys):
    (tree.root / "experiments" / "shapes").write_text("no folder")
    assert tree.command("new", "shapes/some_shape") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


def test_a_new_script_is_in_style():
    """As the repository has it, where it will stand."""
    for how in (["check"], ["format", "--check"]):
        name = ["--stdin-filename", "experiments/superposition/new.py", "-"]
        command = [sys.executable, "-m", "ruff", *how, *name]
        done = subprocess.run(command, cwd=REPOSITORY, input=SCRIPT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
