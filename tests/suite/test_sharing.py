"""Figures that import the same `Spec` and `run` are one computation: one trains, all draw."""

import pytest
from scripts import COUNTING, Tree, finish, start, without_experiments

from toymodels.suite import backend

KINDS = ("nc", "png", "json")
HEAD, BODY = COUNTING.split("from pathlib", 1)
SETTINGS, REST = BODY.split("def plot", 1)
SHARED = "from pathlib" + SETTINGS.replace('COLOR = "red"\n', "")
FIGURE = f'''"""{{title}}.

Source: Nobody 2022, figure 1.

It is drawn from runs that it shares.
"""

import numpy as np

from experiments.lines._runs import Spec, run
from toymodels import plotting
from toymodels.figure import Claim, Experiment

COLOR = "red"


def plot{REST}'''


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "prepare", lambda: None)
    monkeypatch.chdir(tmp_path)
    # the scripts import their neighbour as a part of `experiments`, which is this tree's now
    monkeypatch.syspath_prepend(tmp_path)
    with without_experiments():
        yield grow(tmp_path)


def grow(root):
    tree = Tree(root)
    tree.write("lines/_runs", SHARED)
    for name in ("first", "second"):
        tree.write(f"lines/{name}", FIGURE.replace("{title}", f"The {name}"))
    return tree


def test_the_second_figure_trains_nothing(tree, capsys):
    assert tree.command("run", "first") == 0
    assert ": done" in capsys.readouterr().out
    assert tree.command("run", "second") == 0
    said = capsys.readouterr()
    assert "drawn anew from finished data" in said.out
    assert said.err == ""
    assert tree.runs() == 1
    first, second = (tree.record(f"lines/{stem}") for stem in ("first", "second"))
    assert (first["title"], second["title"]) == ("The first", "The second")
    assert first["data_sha256"] == second["data_sha256"]
    assert first["provenance"] == second["provenance"]
    files = {path.name for path in (tree.root / "figures" / "lines").iterdir()}
    assert files == {f"{stem}.{kind}" for stem in ("first", "second") for kind in KINDS}


def test_from_then_on_it_has_data_of_its_own(tree, capsys):
    tree.command("run", "first", "second")
    (tree.root / "figures" / "lines" / "first.nc").write_bytes(b"")
    capsys.readouterr()
    assert tree.command("run", "second") == 0
    assert capsys.readouterr().err == ""
    assert tree.command("run", "first") == 0
    assert "first.nc is damaged" in capsys.readouterr().err
    assert tree.runs() == 1


def test_data_are_shared_under_the_preset_that_is_asked_for(tree):
    for name in ("first", "second"):
        path = tree.root / "experiments" / "lines" / f"{name}.py"
        path.write_text(path.read_text().replace("paper=Spec(size=9)", "paper=Spec()"))
    tree.command("run", "first")
    assert tree.command("run", "second", "--preset", "paper") == 0
    assert tree.runs() == 1
    assert tree.record("lines/second")["preset"] == "paper"


@pytest.mark.parametrize(
    "words",
    [["--seed", "1"], ["--size", "4"], ["--out", "elsewhere"], ["--force"]],
    ids=lambda words: words[0],
)
def test_another_computation_and_force_run(tree, words):
    tree.command("run", "first", "--out", "figures")
    assert tree.command("run", "second", "--out", "figures", *words) == 0
    assert tree.runs() == 2


@pytest.mark.slow
def test_a_module_edited_while_all_run_computes_nothing_more(tree):
    tree.write("lines/_runs", SHARED.replace(*EDITS_ITSELF))
    status, _, err = finish(start("-m", "experiments", "run", "lines", "--force", cwd=tree.root))
    assert status == 1
    assert "lines/second: experiments/lines/_runs.py was changed after" in err
    assert tree.runs() == 1


EDITS_ITSELF = (
    "    line = ",
    "    Path(__file__).write_text(Path(__file__).read_text() + 'SLOPE = 3')\n    line = ",
)


def test_a_damaged_sibling_is_named_and_not_used(tree, capsys):
    tree.command("run", "first")
    data = tree.root / "figures" / "lines" / "first.nc"
    data.write_bytes(data.read_bytes()[:5000])
    capsys.readouterr()
    assert tree.command("run", "second") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: ")
    assert "first.nc is damaged" in line
    assert tree.runs() == 2
    tree.write("lines/third", FIGURE.replace("{title}", "The third"))
    assert tree.command("run", "third") == 0  # from the second's data
    assert tree.runs() == 2
