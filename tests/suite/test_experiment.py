import io
import sys
from dataclasses import dataclass

import jax
import numpy as np
import optax
import pytest
import xarray as xr

import toymodels
from toymodels import Axis, Claim, Experiment, Reconstruction, ReluOutput, Runner, SparseFeatures
from toymodels.suite import progress as progress_module
from toymodels.suite.progress import show_progress


@dataclass(frozen=True)
class Spec(toymodels.Spec):
    steps: int = 2


def run(spec, key, runner):
    return xr.Dataset()


def experiment(spec=Spec, **settings):
    defaults = {"smoke": spec(steps=1), "paper": spec(steps=3), "sweeps": "none"}
    return Experiment(spec, run, run, run, **(defaults | settings))


def problem():
    objective = Reconstruction(
        SparseFeatures(3, sparsity=0.5), lambda key: ReluOutput(3, 2, key=key), batch_size=8
    )
    return objective, optax.adam(1e-2)


# -- Runner


def test_a_plain_runner_is_quiet_and_touches_no_disk(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    runner = Runner()
    models = runner.train("relu", problem, [Axis.seeds(2)], 3, key=jax.random.key(0))
    assert models.W.sizes["seed"] == 2
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="cannot share the name 'relu'"):
        runner.train("relu", problem, [], 3, key=jax.random.key(0))


@pytest.mark.parametrize("name", ["", "a/b", "..", ".a", "a b"])
def test_a_training_needs_a_name_that_a_file_can_have(name):
    with pytest.raises(ValueError, match="letters, digits"):
        Runner().train(name, problem, [], 3, key=jax.random.key(0))


def test_a_runner_stores_and_reports_under_the_name():
    class Memory:
        arrays = None

        def load(self):
            return self.arrays

        def save(self, arrays):
            self.arrays = arrays

    stores, started = {}, []

    def progress(name, steps):
        started.append((name, steps))
        return show_progress(name, steps)

    def train():
        runner = Runner(lambda name: stores.setdefault(name, Memory()), progress)
        return runner.train("n=3", problem, [], 4, key=jax.random.key(0))

    assert train().identical(train())
    assert int(stores["n=3"].arrays["step"]) == 4
    assert started == [("n=3", 4)] * 2


# -- Claim


def test_claims_become_plain_json():
    claim = Claim("a", "b", (0, np.float32(1)), np.asarray([1, np.nan, np.inf]), np.bool_(True))
    assert claim.to_dict() == {
        "text": "a",
        "source": "b",
        "expected": [0.0, 1.0],
        "measured": [1.0, None, None],
        "holds": True,
    }
    assert type(claim.to_dict()["holds"]) is bool
    assert Claim("a", "b", "large", xr.DataArray(3), False).to_dict()["measured"] == 3
    assert Claim("a", "b", 1, jax.numpy.ones(2), False).to_dict()["measured"] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("measured", "holds"),
    [(0.5, True), ([0, 1], True), ([0, 2], False), ([], False), (np.nan, False)],
)
def test_a_claim_within_an_interval_holds_for_all_or_not(measured, holds):
    assert Claim.within("a", "b", (0, 1), measured).holds is holds


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""},
        {"source": ""},
        {"expected": (1, 2, 3)},
        {"expected": None},
        {"measured": "high"},
        {"measured": [[1.0]]},
        {"measured": True},
    ],
)
def test_a_claim_of_something_else_is_refused(wrong):
    with pytest.raises(TypeError):
        Claim(**({"text": "a", "source": "b", "expected": 1, "measured": 1, "holds": True} | wrong))


# -- Experiment


def test_presets_and_the_page_of_the_script():
    ours = experiment()
    assert [ours.preset(name).steps for name in ("smoke", "quick", "paper")] == [1, 2, 3]
    with pytest.raises(ValueError, match=r"test_experiment\.py needs a docstring"):
        _ = ours.page


def test_a_spec_without_its_decorator_is_refused():
    class Bare(Spec):
        steps: int = 3

    with pytest.raises(TypeError, match="dataclass"):
        experiment(Bare)


def test_a_field_of_the_command_line_is_refused():
    @dataclass(frozen=True)
    class Taken(Spec):
        seed: int = 3

    with pytest.raises(TypeError, match="seed"):
        experiment(Taken)


# -- progress


def test_lines_say_when_it_starts_how_long_it_takes_and_when_it_ends(monkeypatch, capsys):
    monkeypatch.setattr(progress_module, "SECONDS_BETWEEN_LINES", -1)
    with show_progress("relu", 10) as report:
        report(2, 10, 1.0)
        report(4, 10, 0.5)
        report(10, 10, 0.25)
    first, second, last = capsys.readouterr().err.splitlines()
    assert first == "relu: 10 steps"
    assert second.startswith("relu: step 4 of 10, loss 0.5, about ")
    assert last.startswith("relu: done in ")
    assert last.endswith("loss 0.25")


def test_lines_are_few(capsys):
    with show_progress("relu", 100) as report:
        for step in range(1, 101):
            report(step, 100, 1.0)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_training_that_was_over_already_says_so(capsys):
    with show_progress("relu", 10):
        pass
    assert "relu: done" in capsys.readouterr().err


def test_a_terminal_gets_a_bar_with_the_time_left(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with show_progress("relu", 10) as report:
        report(4, 10, 0.5)
        report(10, 10, 0.25)
    assert "relu" in terminal.getvalue()
    assert "10/10" in terminal.getvalue()
    assert "0:00:00" in terminal.getvalue()
    assert "loss 0.25" in terminal.getvalue()
