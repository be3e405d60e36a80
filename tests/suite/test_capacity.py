"""What no machine can hold is refused at once, with the numbers, and nothing is made before."""

import resource
import time

import pytest
from scripts import REPOSITORY

from toymodels.suite import capacity, catalog, cli
from toymodels.suite.outline import read_preset
from toymodels.suite.spec import PRESETS

SCRIPTS = list(catalog.find_scripts(REPOSITORY / "experiments").values())
HUGE = [
    ("intro_2d", "--steps", "3000000000", "steps must be at most 2,147,483,647"),
    ("intro_2d", "--steps", "1000000000000", "got 1,000,000,000,000"),
    ("intro_2d", "--restarts", "10000000000", "restarts must be at most"),
    ("intro_2d", "--restarts", "2000000000", "TB of memory"),
    ("intro_2d", "--n", "1000000000", "1,000,000,000 numbers; this machine has"),
    ("intro_2d", "--batch-size", "1000000000000", "batch_size must be at most"),
    ("linear_vs_relu", "--n", "20 1000000000", "TB of memory"),
    ("phase_diagram_n2_m1", "--cells", "1000000", "TB of memory"),
    ("dimensionality_vs_dataset_size", "--n", "1000000000", "of memory"),
    ("dimensionality_vs_dataset_size", "--test-points", "2000000000", "GB of memory"),
    ("test_loss_heatmap", "--m", "1000000000", "TB of memory"),
    ("mixing_matrix", "--d-model", "1000000", "TB of memory"),
    ("mixing_matrix", "--tokens", "1000000", "TB of memory"),
    ("ov_density", "--d-model", "16 1000000", "TB of memory"),
    ("toy_recovery", "--samples", "1000000000000", "samples must be at most"),
    ("toy_recovery", "--samples", "2000000000", "TB of memory"),
    ("hidden_neurons", "--width", "16 1000000", "TB of memory"),
    ("templates", "--expansion", "1 1000000000", "k-means has as many clusters"),
    ("templates", "--dictionary-batch-size", "2000000000", "TB of memory"),
    ("intro_2d", "--batch-size", "2000000000", "12,800,000,000,000,000 multiplications"),
    ("mixing_matrix", "--batch-size", "2000000000", "multiplications"),
    ("test_loss_heatmap", "--steps", "2000000000", "multiplications"),
    ("norms_vs_dataset_size", "--longer", "2000000000", "multiplications"),
    ("toy_recovery", "--dictionary-steps", "2000000000", "multiplications"),
    ("phase_diagram_n2_m1", "--batch-size", "2000000000", "multiplications"),
    ("intro_2d", "--importance-decay", "1e30", "importance_decay must be at most"),
    ("linear_vs_relu", "--importance-decay", "0.7 1e30", "importance_decay must be at most"),
    ("toy_recovery", "--importance-decay", "0.7 1e30 1", "importance_decay must be at most"),
]


@pytest.fixture(autouse=True)
def small_machine(monkeypatch):
    """Of a size that most are, wherever this runs."""
    monkeypatch.setattr(capacity, "limits", lambda: iter([64 * 2**30]))


@pytest.mark.parametrize(("stem", "flag", "value", "part"), HUGE)
def test_settings_that_nothing_can_hold_are_refused_at_once(stem, flag, value, part, capsys):
    began, held = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SystemExit) as end:
        cli.suite(REPOSITORY / "experiments", ["run", stem, flag, *value.split()])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert part in line
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held < 2**19  # kB


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_is_refused(path, preset):
    capacity.refuse_too_large(read_preset(path, preset))


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (64 * 2**30, "68.7 GB")]
)
def test_bytes_are_said_in_words(count, words):
    assert capacity.in_words(count) == words


def test_the_machine_tells_what_it_has(monkeypatch):
    monkeypatch.undo()
    assert all(limit > 2**26 for limit in capacity.limits())
