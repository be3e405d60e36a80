"""A tree of experiments as the command line finds it, for tests: quick to make and to run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import toymodels
from toymodels.suite import cli

REPOSITORY = Path(toymodels.__file__).resolve().parents[1]

# a shell's background jobs, and so the tests in one, are started deaf to Ctrl-C
HEAR_CTRL_C = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""

MAIN = """
from pathlib import Path
from toymodels.suite.cli import suite
suite(Path(__file__).resolve().parent)
"""

COUNTING = '''"""A straight line.

Source: Nobody 2022, figure 1.

It trains nothing, and notes each time that it runs.

Deviations:
- No source;
  {size} points.
"""

from pathlib import Path

import numpy as np
import xarray as xr

import toymodels
from toymodels import figure as fig
from toymodels import plotting
from toymodels.figure import Claim, Count, Experiment, Sparsities

SLOPE = 2.0
COLOR = "red"


class Spec(fig.Spec):
    """Settings of the line."""

    size: Count = 3
    """How many points."""
    sparsity: Sparsities = (0.0, 0.5)
    """S, the probability that a feature is inactive."""


def run(lab):
    with (Path(__file__).parent / "runs.log").open("a") as log:
        log.write("run\\n")
    line = SLOPE * np.arange(lab.spec.size)
    return xr.Dataset({"y": (("sparsity", "x"), np.outer(lab.spec.sparsity, line))})


def plot(data):
    figure = plotting.figure(2, 1)
    figure.subplots().plot(data.y.T, color=COLOR)
    return figure


def claims(data):
    last = float(data.y[0, -1])
    yield Claim("It begins at 0", "figure 1", 0, data.y[0, 0], bool(data.y[0, 0] == 0))
    yield Claim("It ends high", "figure 1", (100, 200), [last, np.nan], last > 100)
    if data.sizes["x"] < 3:
        yield Claim("It is bent", "figure 1", 1, np.nan, None)


EXPERIMENT = Experiment(
    __file__, Spec, run, plot, claims, smoke=Spec(size=2), paper=Spec(size=9),
)

if __name__ == "__main__":
    EXPERIMENT.main()
'''


@dataclass(frozen=True)
class Tree:
    """A repository with experiments in it."""

    root: Path

    def write(self, name: str, text: str = COUNTING) -> Path:
        """Write experiments/FAMILY/STEM.py, and return its path."""
        path = self.root / "experiments" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.root / "experiments" / "__init__.py").write_text("")
        (self.root / "experiments" / "__main__.py").write_text(MAIN)
        path.write_text(text)
        return path

    def command(self, *words: str) -> int:
        """Run `python -m experiments ...` in this process, and return its exit status."""
        try:
            cli.suite(self.root / "experiments", words)
        except SystemExit as end:
            return int(end.code or 0)

    def runs(self, family: str = "lines") -> int:
        """Count how often the experiments of a family have run."""
        log = self.root / "experiments" / family / "runs.log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def record(self, name: str, out: str = "figures") -> dict:
        """Read a figure's record."""
        return json.loads((self.root / out / f"{name}.json").read_text())


def forget_experiments() -> dict[str, ModuleType]:
    """Unload the package `experiments`, so that the next import takes another tree's; return it."""
    names = [name for name in sys.modules if name.partition(".")[0] == "experiments"]
    return {name: sys.modules.pop(name) for name in names}


@contextmanager
def without_experiments() -> Iterator[None]:
    """Let another tree's `experiments` be imported within, and this one's afterwards."""
    own = forget_experiments()
    try:
        yield
    finally:
        forget_experiments()
        sys.modules.update(own)


def start(*words: str | Path, cwd: Path, **variables: str) -> subprocess.Popen:
    """Start `python ...` in a process of its own, as a user would."""
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(cwd / ".xla"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        **variables,
    }
    return subprocess.Popen(
        [sys.executable, "-c", HEAR_CTRL_C, *map(str, words)],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    """Wait for a process, and return its status, stdout and stderr."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err
