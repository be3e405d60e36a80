"""The lessons, worked through from the first cell to the last, with right and wrong answers."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from worked import CHECK, LESSONS, calls, exercises, fill, lessons, predictions
from wrong_answers import WRONG

HERE = Path(__file__).parent
each_lesson = pytest.mark.parametrize("path", lessons(), ids=lambda path: path.stem)


def work(*args):
    """Call `worked.py`, with warnings as errors."""
    command = [sys.executable, "-W", "error", str(HERE / "worked.py"), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_lessons_are_numbered():
    numbers = [int(path.stem[:2]) for path in lessons()]
    assert numbers == list(range(1, len(numbers) + 1)) and numbers
    assert set(WRONG) == {path.stem for path in lessons()}


@each_lesson
def test_a_lesson_has_all_that_a_lesson_needs(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert predictions(text) and all(len(set(o)) > 1 for o in predictions(text).values())
    assert calls(tree, "mo.ui.slider") and calls(tree, "watch") and calls(tree, "deeper")
    assert 2 <= len(exercises(text)) <= 4
    for name, solution in exercises(text).items():
        assert fill(text, {name: solution}) != text
        assert len(WRONG[path.stem][name]) > 1
    assert "https://" in text


@each_lesson
def test_lessons_use_public_words_only(path):
    allowed = {"toymodels", "toymodels.figure"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("toymodels"):
            assert node.module in allowed
        if isinstance(node, ast.Attribute):
            assert not re.match("_(?!_)", node.attr)


@each_lesson
def test_the_files_that_a_lesson_names_are_there(path):
    text = path.read_text(encoding="utf-8")
    suite = LESSONS.parent
    (names,) = ([ast.literal_eval(a) for a in c.args] for c in calls(ast.parse(text), "deeper"))
    for name in names:
        assert (suite / "experiments" / f"{name}.py").exists(), name
        assert (suite / "figures" / f"{name}.png").exists(), name
    for name in re.findall(r"`((?:lessons|experiments|docs|figures)/[\w/.]+)`", text):
        assert (suite / name).exists(), name


def test_lessons_are_written_as_marimo_writes_them():
    command = [sys.executable, "-m", "marimo", "check", "--strict", *map(str, lessons())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_lessons_open_and_wait():
    said = work("blank", *lessons())
    kinds = {kind for checks in said.values() for kind, _ in checks.values()}
    assert kinds == {"open"}


def test_misconceptions_are_caught_by_the_checks_that_the_teachers_page_names():
    texts = {path.stem[1]: path.read_text(encoding="utf-8") for path in lessons()}
    page = (LESSONS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| (\d) \| `(\w+)` \| ([^|]+) \|$", page, re.M)
    assert {lesson for lesson, _, _ in rows} == set(texts)
    for lesson, name, sentence in rows:
        (cell,) = (
            node
            for node in ast.parse(texts[lesson]).body
            if isinstance(node, ast.FunctionDef) and node.name == CHECK + name
        )
        said = [node.value for node in ast.walk(cell) if isinstance(node, ast.Constant)]
        assert sentence in said, sentence


@pytest.mark.slow
@each_lesson
def test_solutions_are_right_and_wrong_answers_are_told_why(path, tmp_path):
    said, expected = work("full", path), WRONG[path.stem]
    assert {name: kind for name, (kind, _) in said["right"].items()} == dict.fromkeys(
        expected, "right"
    )
    for name, sentences in expected.items():
        for source, (kind, sentence) in zip(sentences, said["wrong"][name], strict=True):
            assert kind == "wrong", source
            assert sentences[source] in sentence, source
        assert len({sentence for _, sentence in said["wrong"][name]}) == len(sentences), CHECK
    if said["script"]:
        makes_a_figure(said["script"], tmp_path)


def makes_a_figure(script, folder):
    """Run a script that a lesson ends with as one of a suite."""
    family = folder / "experiments" / "superposition"
    family.mkdir(parents=True)
    for name in ("__init__.py", "__main__.py"):
        shutil.copy(LESSONS.parent / "experiments" / name, family.parent / name)
    (family / "pentagon_share.py").write_text(script)
    command = [sys.executable, "-m", "experiments", "run", "pentagon_share", "--preset", "smoke"]
    path = os.pathsep.join([str(LESSONS.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{path}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record = json.loads((folder / "out" / "superposition" / "pentagon_share.json").read_text())
    assert [claim["holds"] in (True, False) for claim in record["claims"]] == [True]
