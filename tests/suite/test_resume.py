"""A run that is killed goes on where it was, and ends as if it had not been."""

import signal
import time

import pytest
import xarray as xr
from scripts import Tree, finish, start

SCRIPT = '''"""A training that takes a few seconds.

Source: ours.
"""

import os
import time

import optax

import toymodels
from toymodels import figure as fig
from toymodels import Reconstruction, ReluOutput, SparseFeatures, plotting
from toymodels.figure import Count, Experiment, Fraction
from toymodels.engine import training
from toymodels.suite.store.checkpoints import Checkpoint

training.SECONDS_BETWEEN_SAVES = 0.0


def waits_at_half(save):
    """Wait to be stopped, once, where a fast machine would be done before the signal comes."""

    def saved(self, arrays):
        save(self, arrays)
        if arrays["step"] == 1000 and os.environ.pop("WAIT_AT_HALF", ""):
            time.sleep(60)

    return saved


Checkpoint.save = waits_at_half(Checkpoint.save)


class Spec(fig.Spec):
    """Settings."""

    sparsity: tuple[Fraction, ...] = (0.0, 0.9)
    """S."""
    steps: Count = 2000
    """Steps."""


def run(lab):
    def problem(sparsity):
        features = SparseFeatures(20, sparsity=sparsity)
        objective = Reconstruction(features, lambda key: ReluOutput(20, 5, key=key), 1024)
        return objective, optax.adamw(1e-3, weight_decay=1e-2)

    return lab.train("relu", problem, "sparsity", restarts=2, snapshots=(0, 10, 2000))


def plot(dataset):
    figure = plotting.figure(2, 1)
    figure.subplots().plot(dataset.loss.values.T)
    return figure


def claims(dataset):
    return []


EXPERIMENT = Experiment(
    __file__, Spec, run, plot, claims,
    smoke=Spec(), paper=Spec(),
)

if __name__ == "__main__":
    EXPERIMENT.main()
'''


TWIN = '''"""Another figure of the same training.

Source: ours.
"""

from experiments.family.slow import Experiment, Spec, claims, plot, run

EXPERIMENT = Experiment(
    __file__, Spec, run, plot, claims, smoke=Spec(), paper=Spec(),
)
'''


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("tree"))
    tree.write("family/slow", SCRIPT)
    tree.write("family/twin", TWIN)
    return tree


@pytest.fixture(scope="module")
def uninterrupted(tree):
    status, _, err = finish(run(tree, "whole"))
    assert status == 0, err
    assert "resumed" not in err
    return data(tree, "whole")


def run(tree, out, stem="slow", **variables):
    return start("-m", "experiments", "run", stem, "--out", out, cwd=tree.root, **variables)


def data(tree, out, stem="slow"):
    return xr.load_dataset(tree.root / out / "family" / f"{stem}.nc").drop_attrs()


def bits(dataset):
    return {name: (v.dims, v.dtype, v.values.tobytes()) for name, v in dataset.variables.items()}


def stop(tree, out, how):
    """Run until there is a checkpoint, stop, and return the status, stderr and checkpoint."""
    process = run(tree, out, WAIT_AT_HALF="1")
    deadline = time.monotonic() + 60
    while not (found := list((tree.root / out).glob("family/.work-*/relu.npz"))):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(how)
    status, _, err = finish(process)
    assert not (tree.root / out / "family" / "slow.json").exists(), "it was over too early"
    return status, err, found[0]


def test_a_killed_run_goes_on_and_ends_with_the_same_bits(tree, uninterrupted):
    stop(tree, "killed", signal.SIGKILL)
    status, _, err = finish(run(tree, "killed"))
    assert status == 0, err
    assert "relu: resumed from " in err
    assert bits(data(tree, "killed")) == bits(uninterrupted)
    left = {path.name for path in (tree.root / "killed" / "family").iterdir()}
    assert left == {"slow.nc", "slow.png", "slow.json"}


@pytest.mark.slow
def test_an_interrupt_says_that_the_same_command_resumes_and_damage_is_named(tree, uninterrupted):
    status, err, checkpoint = stop(tree, "interrupted", signal.SIGINT)
    assert status == 1
    assert err.splitlines()[-1].startswith("error: interrupted; the state is kept")
    assert "Traceback" not in err
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    status, _, err = finish(run(tree, "interrupted"))
    assert status == 0, err
    assert "relu.npz is damaged" in err
    assert "resumed" not in err
    assert bits(data(tree, "interrupted")) == bits(uninterrupted)


@pytest.mark.slow
def test_another_figure_of_the_same_computation_goes_on_with_it(tree, uninterrupted):
    stop(tree, "shared", signal.SIGKILL)
    status, _, err = finish(run(tree, "shared", "twin"))
    assert status == 0, err
    assert "relu: resumed from " in err
    assert bits(data(tree, "shared", "twin")) == bits(uninterrupted)
    left = {path.name for path in (tree.root / "shared" / "family").iterdir()}
    assert left == {"twin.nc", "twin.png", "twin.json"}
