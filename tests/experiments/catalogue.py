"""The scripts of the repository, and how tests load one."""

import runpy
from pathlib import Path

import pytest

from toymodels.suite import catalog

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = catalog.find_scripts(REPOSITORY / "experiments")
# one process has all figures of a family: those of one computation share its data
BY_FAMILY = [pytest.param(stem, id=f"{path.parent.name}/{stem}") for stem, path in SCRIPTS.items()]


def load(stem):
    """Return the experiment of a script."""
    path = SCRIPTS[stem]
    name = f"experiments.{path.parent.name}.{path.stem}"
    return runpy.run_path(str(path), run_name=name)["EXPERIMENT"]
