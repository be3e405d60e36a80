"""How far a training is: a bar with the time left on a terminal, a line now and then elsewhere.

Everything goes to stderr, so that stdout keeps the results.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import xarray as xr

from toymodels.engine.progress import bar, mean_loss
from toymodels.engine.training import Report

SECONDS_BETWEEN_LINES = 15.0


def show_progress(name: str, steps: int) -> AbstractContextManager[Report]:
    """Show the progress of a training, reported step by step, in the way stderr can."""
    return bar(name, steps) if sys.stderr.isatty() else _lines(name, steps)


@contextmanager
def _lines(name: str, steps: int) -> Iterator[Report]:
    _say(f"{name}: {steps} steps")
    start = said = time.monotonic()
    first: tuple[int, float] | None = None  # step and time: compiling is no measure of speed
    last_loss = ""

    def report(step: int, steps: int, loss: float | xr.DataArray) -> None:
        nonlocal first, last_loss, said
        now, last_loss = time.monotonic(), f", {mean_loss(loss)}"
        if first is None:
            first = step, now
        elif now - said > SECONDS_BETWEEN_LINES and step < steps:
            left = (now - first[1]) * (steps - step) / (step - first[0])
            _say(f"{name}: step {step} of {steps}{last_loss}, about {left:.0f} s left")
            said = now

    yield report
    _say(f"{name}: done in {time.monotonic() - start:.1f} s{last_loss}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
