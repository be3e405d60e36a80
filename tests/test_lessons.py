"""The notebooks run from the first cell to the last, in few steps and without a browser."""

from pathlib import Path

import nbclient
import nbformat
import pytest

LESSONS = sorted((Path(__file__).resolve().parents[1] / "lessons").glob("*.ipynb"))
QUIETLY = "import warnings; warnings.simplefilter('error')"
FEWER = "steps = 30"


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return nbformat.read(request.param, as_version=4)


def parameters(notebook):
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    return cell


def test_the_lessons_are_here():
    assert "first_steps" in [path.stem for path in LESSONS]


def test_lessons_are_kept_without_what_they_print(lesson):
    nbformat.validate(lesson)
    for cell in lesson.cells:
        assert not cell.get("outputs") and not cell.get("execution_count")


@pytest.mark.slow
def test_lessons_run(lesson, tmp_path, monkeypatch):
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "jupyter"))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "programs"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")  # this environment's kernel, and no other
    cell = parameters(lesson)
    assert cell.source.startswith("steps = ")
    cell.source = f"{QUIETLY}\n{FEWER}"
    client = nbclient.NotebookClient(
        lesson, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    assert (tmp_path / "pentagon.gif").exists()
