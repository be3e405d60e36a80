"""The lessons as Jupyter notebooks: none needs marimo, and two are run with their solutions."""

import re
import subprocess
import sys

import nbclient
import nbformat
import pytest
from worked import LESSONS, exercises, fill, lessons, predictions

pytestmark = pytest.mark.slow
QUIETLY = "import warnings; warnings.simplefilter('error')"


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    out = tmp_path_factory.mktemp("notebooks")
    command = [sys.executable, str(LESSONS / "notebooks.py"), str(out), "some-package"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return {path.stem: nbformat.read(path, as_version=4) for path in out.glob("*.ipynb")}


def test_every_lesson_is_a_notebook_without_marimo(notebooks):
    assert set(notebooks) == {path.stem for path in lessons()}
    for path in lessons():
        notebook, text = notebooks[path.stem], path.read_text(encoding="utf-8")
        nbformat.validate(notebook)
        sources = [cell.source for cell in notebook.cells]
        assert not any(cell.get("outputs") for cell in notebook.cells)
        assert sum("%pip install --quiet some-package" in source for source in sources) == 1
        lesson = "\n".join(source for source in sources if not source.startswith("%%writefile"))
        assert (
            "mo.ui" not in lesson and "import marimo" not in lesson and "prediction(" not in lesson
        )
        for name in predictions(text):
            assert f"\n{name} = None" in lesson and f"{name}.value" not in lesson


@pytest.mark.parametrize("stem", ["01_superposition", "06_your_experiment"])
def test_a_notebook_runs(stem, notebooks, tmp_path, monkeypatch):
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")  # this environment's kernel, and no other
    notebook, text = notebooks[stem], (LESSONS / f"{stem}.py").read_text(encoding="utf-8")
    answers = exercises(text) | {
        name: f"{name} = {options[0]!r}" for name, options in predictions(text).items()
    }
    for name, source in answers.items():
        starts = rf"^(def|class) {name}\b|^{name} = "
        (cell,) = (cell for cell in notebook.cells if re.search(starts, cell.source, re.M))
        cell.source = fill(cell.source, {name: source})
    notebook.cells.insert(0, nbformat.v4.new_code_cell(QUIETLY))
    place = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
    shown = str([cell.get("outputs") for cell in notebook.cells])
    assert shown.count(">Right.<") == len(exercises(text))
    assert "What happened" in shown and "image/png" in shown


def test_a_notebook_waits_for_a_prediction(notebooks, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    place = {"metadata": {"path": tmp_path}}
    client = nbclient.NotebookClient(
        notebooks["05_dictionaries"], timeout=300, kernel_name="python3", resources=place
    )
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="Commit to both predictions"):
        client.execute()
