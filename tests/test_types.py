"""What `make check` sees in a script: the types of the public names."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

SCRIPT = """
import jax
import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry


class Spec(fig.TrainingSpec):
    n: fig.Count = 5


def run(lab: fig.Lab[Spec]):
    def problem(sparsity):
        features = tm.SparseFeatures(5, sparsity=sparsity)
        return tm.Reconstruction(features, lambda key: tm.ReluOutput({n}, 2, key=key))

    return lab.train("models", problem, steps={steps}, restarts=lab.spec.{field})


def plot(data):
    return geometry.norms(data.W.values{comma})
"""
RIGHT = {"n": "5", "steps": "10", "field": "n", "comma": ""}
WRONG = {
    "a wrong argument type": {"n": "'five'"},
    "another one, of the lab": {"steps": "'ten'"},
    "a field that the Spec has not": {"field": "features"},
    "an argument too many": {"comma": ", 3"},
}


def check(folder, words):
    script = folder / "script.py"
    script.write_text(SCRIPT.format(**words))
    command = [sys.executable, "-m", "mypy", "--config-file", REPOSITORY / "pyproject.toml", script]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.slow
def test_a_script_that_is_right_passes(tmp_path):
    assert check(tmp_path, RIGHT) == (0, "Success: no issues found in 1 source file\n")


@pytest.mark.slow
@pytest.mark.parametrize("mistake", WRONG)
def test_a_type_mistake_in_a_script_is_caught(tmp_path, mistake):
    status, said = check(tmp_path, RIGHT | WRONG[mistake])
    assert status == 1
    assert "error:" in said
