import json
import os
import re
import subprocess
import sys

import pytest
from scripts import COUNTING, REPOSITORY, Tree, finish, start

from toymodels.suite import backend, catalog
from toymodels.suite.papers import link_papers

FAILING = '''"""It fails.

Source: nowhere.
"""

import toymodels
from toymodels import figure as fig
from toymodels import TrainingDiverged
from toymodels.figure import Experiment


class Spec(fig.Spec):
    """Nothing to set."""


def run(lab):
    raise ERROR


EXPERIMENT = Experiment(
    __file__, Spec, run, run, run, smoke=Spec(), paper=Spec(),
)
'''


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "prepare", lambda: None)
    monkeypatch.chdir(tmp_path)
    tree = Tree(tmp_path)
    tree.write("lines/line")
    tree.write("lines/other_line")
    tree.write("curves/circle")
    return tree


def wrong_usage(tree, capsys, *words):
    """Run what must be refused, and return the one sentence."""
    assert tree.command(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    assert tree.runs("lines") + tree.runs("curves") == 0
    return line


# -- list and report


def test_list_is_a_line_a_figure_and_one_for_each_result(tree, capsys):
    tree.command("run", "line", "circle", "--preset", "smoke")
    tree.command("run", "line", "--size", "4", "--seed", "1")
    capsys.readouterr()
    assert tree.command("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "curves/circle",
        "out/curves/circle.png:",
        "lines/line",
        "out/lines/line.png:",
        "out/lines/line.size4-seed1.png:",
        "lines/other_line",
    ]
    assert "A straight line (Nobody 2022, figure 1)" in lines[0]
    assert "quick, size = 4, seed 1; 1 of 2 claims hold" in lines[4]


def test_report_shows_every_figure_and_its_claims(tree, capsys):
    tree.command("run", "line", "circle", "--out", "o", "--preset", "smoke")
    tree.command("run", "other_line", "--out", "o", "--sparsity", ".5")
    assert "1 of 2 claims hold, 1 not applicable; the picture is" in capsys.readouterr().out
    assert tree.command("report", "--out", "o") == 0
    index, lines = (
        (tree.root / "o" / folder / "README.md").read_text() for folder in (".", "lines")
    )
    assert index.count('<img src="lines/line.png"') == 1
    assert "sparsity = [0.5] | 1 of 2 claims hold |" in index
    for name in re.findall(r"lines/README.md#([^)]*)", index):
        assert f'<a id="{name}"></a>' in lines
        assert (tree.root / "o" / "lines" / f"{name}.png").exists()
    assert lines.count("\nIt trains nothing, and notes each time that it runs.\n") == 2
    assert "| holds | It begins at 0 | 0 | 0 | figure 1 |" in lines
    assert "| **does not hold** | It ends high | [100, 200] | [0, nan] | figure 1 |" in lines
    assert "| not applicable | It is bent | 1 | nan | figure 1 |" in lines
    assert "- Deviation: No source; 3 points." in lines


def test_a_page_of_somebody_else_is_left_alone(tree, capsys):
    tree.command("run", "line")
    assert tree.command("report") == tree.command("report") == 0  # its own is replaced
    page = tree.root / "figures" / "lines" / "README.md"
    page.write_text("# Mine\n")
    (tree.root / "figures" / "README.md").unlink()
    capsys.readouterr()
    assert tree.command("report") == 1
    assert "leaves it" in capsys.readouterr().err
    assert page.read_text() == "# Mine\n"
    assert not (tree.root / "figures" / "README.md").exists()


def test_list_names_a_script_without_its_docstring_and_goes_on(tree, capsys):
    tree.write("curves/circle", "x = 1\n")
    tree.write("curves/broken", "def\n")
    tree.write("curves/_private", "x = 1\n")
    assert tree.command("list") == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 2
    assert "circle.py needs a docstring" in captured.err
    assert "broken.py does not parse" in captured.err
    assert "private" not in captured.err


def test_every_figure_names_a_paper_that_is_a_link():
    for script in catalog.find_scripts(REPOSITORY / "experiments").values():
        source = catalog.read_doc(script).source
        assert link_papers(source) != source


@pytest.mark.parametrize("damage", ["{", "[]", '{"stem": "line"}', "", "of another family"])
def test_report_names_a_damaged_record_and_goes_on(tree, capsys, damage):
    tree.command("run", "line", "circle")
    path = tree.root / "figures" / "lines" / "line.json"
    elsewhere = path.read_text().replace('"family": "lines"', '"family": "../lines"')
    path.write_text(elsewhere if "family" in damage else damage)
    assert tree.command("report") == 0
    assert "line.json is damaged" in capsys.readouterr().err
    page = (tree.root / "figures" / "README.md").read_text()
    assert "circle" in page
    assert "lines" not in page


def test_report_needs_a_folder(tree, capsys):
    assert tree.command("report", "--out", "nowhere") == 1
    assert "nowhere: there is no such folder" in capsys.readouterr().err


# -- status


def test_status_says_what_is_current_stale_and_missing(tree, capsys):
    tree.command("run", "line", "circle")
    tree.command("run", "line", "--size", "4", "--out", "figures")
    path = tree.root / "experiments" / "curves" / "circle.py"
    path.write_text(path.read_text().replace("SLOPE = 2.0", "SLOPE = 3.0"))
    path = tree.root / "experiments" / "lines" / "line.py"
    path.write_text(path.read_text().replace('"red"', '"blue"'))
    capsys.readouterr()
    assert tree.command("status") == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "curves/circle stale (through experiments/curves/circle.py) quick, 1 of 2 claims hold",
        "lines/line current quick, 1 of 2 claims hold",
        "lines/line.size4 current quick, 1 of 2 claims hold",
        "lines/other_line missing",
    ]
    assert tree.command("status", "--out", "nowhere") == 0
    assert capsys.readouterr().out.count("missing") == 3
    assert tree.runs() == 2


def test_status_names_what_it_cannot_know(tree, capsys):
    tree.command("run", "line", "circle")
    path = tree.root / "figures" / "lines" / "line.json"
    record = json.loads(path.read_text())
    del record["identity"]
    path.write_text(json.dumps(record))
    (tree.root / "experiments" / "curves" / "circle.py").write_text("def\n")
    (tree.root / "figures" / "lines" / "line.png").write_bytes(b"")
    capsys.readouterr()
    assert tree.command("status") == 0
    out = capsys.readouterr().out
    assert "the way in which identities are made" in out
    assert "unknown (experiments/curves/circle.py does not parse" in out


# -- uncommitted sources


def test_uncommitted_sources_are_not_recorded_in_figures(tree, capsys):
    git(tree.root, "init")
    git(tree.root, "add", "experiments")
    git(tree.root, "commit", "-m", "first")
    path = tree.root / "experiments" / "lines" / "line.py"
    path.write_text(path.read_text() + "# more\n")
    capsys.readouterr()
    assert tree.command("run", "line") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: lines/line: experiments/lines/line.py differs from the commit")
    assert "--out DIR or --force" in line
    assert tree.runs() == 0
    assert tree.command("run", "line", "--preset", "smoke") == 0
    assert tree.command("run", "line", "--out", "mine") == 0
    git(tree.root, "add", "experiments")
    assert tree.command("run", "line") == 1
    assert tree.command("run", "line", "--force") == 0
    assert tree.record("lines/line")["provenance"]["dirty"] is True
    (tree.root / ".gitignore").write_text("runs.log\n/out/\n/mine/\n__pycache__\n")
    git(tree.root, "add", ".")
    git(tree.root, "commit", "-m", "second")
    assert tree.command("run", "other_line") == 0
    assert tree.record("lines/other_line")["provenance"]["dirty"] is False


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=b"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


# -- what to run


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["run", "lin"], ["'lin'", "did you mean 'line'?", "curves, lines", "other_line"]),
        (["run", "zzz"], ["'zzz'", "choose all, a family (curves, lines)"]),
        (["run"], ["what to run?", "choose all"]),
        (["rum", "line"], ["list, run, status, report, new", "'rum'", "did you mean 'run'?"]),
        ([], ["list, run, status, report"]),
        (["run", "line", "--preset", "nonsense"], ["preset", "'smoke', 'quick' or 'paper'"]),
        (["run", "all", "--preset=nonsense"], ["preset", "'nonsense'"]),
        (["run", "line", "--preset"], ["--preset", "expected one argument"]),
        (["run", "all", "--seed", "-1"], ["seed", "greater than or equal to 0", "-1"]),
        (["run", "line", "--size", "0"], ["size", "greater than or equal to 1", "got '0'"]),
        (["run", "line", "--size", "many"], ["size", "a valid integer", "'many'"]),
        (["run", "line", "--size", "1000000000000"], ["size", "less than or equal to 10000000"]),
        (["run", "line", "--sparsity", "0", "x"], ["sparsity", "a valid number", "'x'"]),
        (["run", "line", "--sparsity", "nan"], ["sparsity", "a finite number"]),
        (["run", "line", "--sparsity"], ["--sparsity", "at least one argument"]),
        (["run", "line", "--sizes", "3"], ["no flag --sizes", "did you mean --size?"]),
        (["run", "line", "--oops"], ["no flag --oops; see --help"]),
        (["run", "line", "circle", "--size", "3"], ["no flag --size"]),
        (["run", "line", "--out", ""], ["out must name a folder"]),
        (["run", "all", "--data-dir="], ["data_dir must name a folder"]),
        (["run", "all", "--data-dir", "no/where"], ["must name a folder; there is no no/where"]),
        (["status", "--out", ""], ["out must name a folder"]),
        (["list", "line"], ["unrecognized arguments: line"]),
        (["new", "../line"], ["FAMILY/STEM", "'../line'"]),
        (["new", "curves/line"], ["'line' already"]),
        (["new", "curves/lines"], ["'lines' already"]),
    ],
)
def test_wrong_usage_is_one_sentence_that_names_the_choices(tree, capsys, words, parts):
    line = wrong_usage(tree, capsys, *words)
    for part in parts:
        assert part in line


def test_two_figures_of_one_name_are_refused(tree, capsys):
    tree.write("curves/line")
    line = wrong_usage(tree, capsys, "run", "circle")
    assert "cannot share a name" in line


@pytest.mark.parametrize(
    ("targets", "made"),
    [
        (["all"], {"lines/line", "lines/other_line", "curves/circle"}),
        (["lines"], {"lines/line", "lines/other_line"}),
        (["lines", "line", "curves/circle"], {"lines/line", "lines/other_line", "curves/circle"}),
    ],
)
def test_all_families_and_figures_can_be_named(tree, targets, made):
    assert tree.command("run", *targets, "--preset", "smoke") == 0
    out = tree.root / "out"
    assert {str(p.relative_to(out).with_suffix("")) for p in out.glob("*/*.png")} == made
    assert tree.runs("lines") == sum("lines" in name for name in made)


@pytest.mark.parametrize(
    ("words", "out", "overrides"),
    [
        ([], "figures", {}),
        (["--preset", "paper"], "figures", {}),
        (["--preset", "smoke"], "out", {}),
        (["--size", "3"], "figures", {}),
        (["--size", "4"], "out", {"size": 4}),
        (["--preset", "paper", "--size", "3"], "out", {"size": 3}),
        (["--sparsity", "0", ".1", "--size", "4"], "out", {"size": 4, "sparsity": [0.0, 0.1]}),
        (["--size", "4", "--out", "mine"], "mine", {"size": 4}),
    ],
)
def test_where_a_run_goes(tree, words, out, overrides):
    assert tree.command("run", "line", *words) == 0
    (path,) = (tree.root / out).glob("lines/line*.json")
    assert json.loads(path.read_text())["overrides"] == overrides


@pytest.mark.parametrize("targets", [["line"], ["lines"]])
def test_a_data_folder_reaches_the_script_and_is_no_setting(tree, targets):
    noting = COUNTING.replace("log.write(", "log.write(f'{lab.data_dir}, ' + ")
    tree.write("lines/line", noting)
    (tree.root / "some" / "where").mkdir(parents=True)
    tree.command("run", *targets, "--data-dir", "some/where")
    log = tree.root / "experiments" / "lines" / "runs.log"
    assert "some/where, run" in log.read_text().splitlines()
    assert tree.record("lines/line")["overrides"] == {}
    log.unlink()
    tree.command("run", "line", "--force")
    assert log.read_text() == "None, run\n"


def test_a_dataset_that_cannot_be_had_is_one_sentence(tree, capsys):
    loading = FAILING.replace("raise ERROR", "toymodels.data.images.load_mnist(lab.data_dir)")
    tree.write("lines/bad", loading)
    (tree.root / "empty").mkdir()
    assert tree.command("run", "bad", "--data-dir", "empty") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: lines/bad: there is no empty/train-images-idx3-ubyte.gz")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["run", "all", "--help"]])
def test_help_without_a_figure(tree, capsys, words):
    assert tree.command(*words) == 0
    out = capsys.readouterr().out
    assert "--preset" in out
    assert all(preset in out for preset in ("smoke", "quick", "paper"))
    assert "minutes" in out


def test_help_shows_every_field_with_doc_range_and_default(tree, capsys):
    assert tree.command("run", "line", "--preset", "smoke", "--help") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "A straight line (Nobody 2022, figure 1)" in out
    assert "--size INTEGER How many points. (>= 1; <= 10,000,000; default: 2)" in out
    assert "S, the probability that a feature is inactive. (>= 0; <= 1; default: 0.0 0.5)" in out
    for flag in (
        "--preset {smoke,quick,paper}",
        "--seed INTEGER",
        "--out",
        "--data-dir",
        "--force",
    ):
        assert flag in out


# -- what is kept


def test_a_lower_preset_does_not_replace_a_higher_one(tree, capsys):
    tree.command("run", "line", "--preset", "paper")
    capsys.readouterr()
    assert tree.command("run", "line") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "kept the paper figure figures/lines/line.png" in line
    assert (tree.record("lines/line")["preset"], tree.runs()) == ("paper", 1)
    assert tree.command("run", "line", "--force") == 0
    assert (tree.record("lines/line")["preset"], tree.runs()) == ("quick", 2)
    assert tree.command("run", "line", "--preset", "paper") == 0
    assert tree.record("lines/line")["preset"] == "paper"


# -- what fails


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("TrainingDiverged('diverged at step 3')", "lines/bad: diverged at step 3"),
        ("OSError(28, 'No space left', '/x/y')", "lines/bad: No space left: /x/y"),
    ],
)
def test_an_expected_failure_is_one_sentence(tree, capsys, error, sentence):
    tree.write("lines/bad", FAILING.replace("ERROR", error))
    assert tree.command("run", "bad") == 1
    assert capsys.readouterr().err == f"error: {sentence}\n"
    assert list((tree.root / "figures" / "lines").iterdir()) == []


def test_an_unexpected_failure_keeps_its_traceback(tree, capsys):
    tree.write("lines/bad", FAILING.replace("ERROR", "KeyError('oh')"))
    assert tree.command("run", "bad") == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "bad.py" in err
    assert "KeyError: 'oh'" in err


def test_one_failure_does_not_keep_the_others_from_running(tree, capsys):
    tree.write("curves/bad", FAILING.replace("ERROR", "TrainingDiverged('oh')"))
    tree.write("curves/unloadable", "1 / 0\n")
    assert tree.command("run", "all") == 1
    out = capsys.readouterr().out
    assert "3 of 5 figures are done; failed: curves/bad, curves/unloadable" in out
    assert tree.runs("lines") == 2


def test_an_interrupt_is_one_line_and_the_end(tree, capsys):
    tree.write("curves/bad", FAILING.replace("ERROR", "KeyboardInterrupt"))
    assert tree.command("run", "all") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "interrupted; the state is kept, and the same command resumes" in line
    assert tree.runs("lines") == 0


# -- as processes


def test_a_script_runs_directly_from_anywhere_as_it_does_by_name(tree, tmp_path_factory):
    script = tree.root / "experiments" / "lines" / "line.py"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tree.root / "cache")}
    status, out, err = finish(start(script, "--size", "4", cwd=elsewhere, **cache))
    assert status == 0, err
    assert str(tree.root / "out" / "lines" / "line.size4.png") in out
    assert list(elsewhere.iterdir()) == []
    assert tree.record("lines/line.size4", "out")["stem"] == "line"
    assert tree.command("run", "line", "--size", "4") == 0
    assert tree.runs() == 1  # the same computation, however it is called


def test_looking_at_figures_loads_no_jax(tree):
    tree.command("run", "line")
    program = """
import sys
from pathlib import Path
from toymodels.suite.cli import suite
for words in (["list"], ["report"], ["status"]):
    try:
        suite(Path("experiments"), words)
    except SystemExit:
        pass
assert "jax" not in sys.modules
"""
    status, _, err = finish(start("-c", program, cwd=tree.root))
    assert status == 0, err


def test_a_full_disk_and_a_reader_that_has_gone(tree):
    shell = """
    $python -m experiments list > /dev/full; echo $?
    $python -m experiments list | head -1
    """
    environment = os.environ | {"python": sys.executable, "PYTHONPATH": str(REPOSITORY)}
    command = ["bash", "-c", shell]
    done = subprocess.run(command, cwd=tree.root, env=environment, capture_output=True, timeout=120)
    assert done.stderr == b"error: the output cannot be written: No space left on device\n"
    status, first = done.stdout.decode().splitlines()
    assert status == "1"
    assert first.startswith("curves/circle")


def test_the_installed_package_says_where_figures_are_made(tmp_path):
    """As a wheel does, in whose environment there is no `python -m experiments`."""
    status, out, err = finish(start("-m", "toymodels", cwd=tmp_path))
    assert (status, err) == (0, "")
    assert "`python -m experiments` needs the folder `experiments`" in out
    status, out, err = finish(start("-m", "toymodels", "run", "all", cwd=tmp_path))
    assert (status, out) == (2, "")
    assert err.startswith("error: this is the library")
