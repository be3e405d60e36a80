"""The scripts of the repository, and how tests load one."""

import os
import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from toymodels.engine import ensemble
from toymodels.figure import Lab
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


def without_mnist(spec):
    """Return the settings with scikit-learn's digits where MNIST is not at hand."""
    has_images = "dataset" in type(spec).model_fields
    return changed(spec, dataset="digits") if has_images and not mnist_at_hand() else spec


def changed(spec, **settings):
    """Return the spec with other settings, checked as all are."""
    return type(spec)(**{**dict(spec), **settings})


def mnist_at_hand():
    return bool(os.environ.get("TOYMODELS_DATA"))


def stand_in(*args, **kwargs):
    """Train nothing: return small random numbers in the place of what would be trained.

    They are not zeros, as what a run trains on a model's activations needs some.
    """
    found, rng = ensemble.rehearse(*args, **kwargs), np.random.default_rng(0)
    small = found.map(lambda one: abs(0.1 * one.copy(data=rng.normal(size=one.shape))))
    return small.astype(np.float32).assign_attrs(found.attrs)


@cache
def rehearsed(run, spec):
    """Do all that a run does but the steps; once for figures that share their computation."""
    return run(Lab(spec, engine=stand_in))
