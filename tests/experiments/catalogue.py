"""The scripts of the repository, and how tests load one."""

import math
import os
import runpy
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest

from toymodels.engine.memory import bytes_of
from toymodels.engine.records import Run
from toymodels.engine.request import Request
from toymodels.engine.steps import NEVER, State
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


def stand_in(problem, axes, steps, key, *, store=None, progress=False, **options):
    """Do all of `train` but the steps: every program is traced, none is compiled or run.

    The arrays are small random numbers, as what a run trains on a model's activations needs some.
    """
    return sized_stand_in(problem, axes, steps, key, **options)[0]


def sized_stand_in(problem, axes, steps, key, *, store=None, progress=False, **options):
    """Return the stand-in, and the bytes of the state that would be trained."""
    training = Request(problem, axes, steps, key, **options).prepare()
    programs, sizes = training.programs, [axis.size for axis in training.order]
    rng = np.random.default_rng(0)

    def small(leaf, *leading):
        shape = (*leading, *leaf.shape)
        return abs(0.1 * rng.normal(size=shape)).astype(leaf.dtype)

    def of_all(shapes):
        return jax.tree.map(lambda leaf: small(leaf, *sizes), shapes)

    rows = {
        record.dim: [small(shape, len(record.steps)) for shape in record.shapes]
        for record in training.records
    }
    state, finite = State(of_all(programs.example.model), ()), np.full(sizes, NEVER)
    run = Run(state, training.borders[-1], finite, rows)
    at_end = programs.probe and not programs.probe.steps
    probed = of_all(programs.measure.traced.shapes) if at_end else []
    dataset = training.lay_out(run, of_all(programs.test_loss.traced.shapes), probed)
    return dataset, math.prod(sizes) * bytes_of(programs.example)


@cache
def rehearsed(run, spec):
    """Do all that a run does but the steps; once for figures that share their computation."""
    return run(Lab(spec, engine=stand_in))
