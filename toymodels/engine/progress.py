"""Progress display: a bar on a terminal, a line in a notebook, lines in a log file."""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import xarray as xr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from toymodels.engine.training import Report

SECONDS_BETWEEN_LINES = 15.0


def show(progress: bool | str, steps: int) -> AbstractContextManager[Report | None]:
    """Show the progress of a training; the context's value is its report function, or None.

    A line in a notebook, a bar on a terminal; elsewhere lines of text on stderr if the training
    has a name, else nothing.

    Args:
        progress: whether to show progress, or the name to show.
        steps: the last step.
    """
    if not progress:
        return nullcontext()
    name = progress if isinstance(progress, str) else "training"
    if in_notebook():
        return notebook_line(name)
    if sys.stderr.isatty():
        return bar(name, steps)
    return lines(name, steps) if isinstance(progress, str) else nullcontext()


def mean_loss(loss: float | xr.DataArray) -> str:
    """Format the mean loss of all members."""
    return f"loss {float(np.mean(loss)):.4g}"


@contextmanager
def bar(name: str, steps: int) -> Iterator[Report]:
    """Show a bar with the time left, on stderr."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=steps, start=False, loss="")

        def report(step: int, steps: int, loss: float | xr.DataArray) -> None:
            progress.start_task(task)  # not before, as the time left would include compilation
            progress.update(task, completed=step, total=steps, loss=mean_loss(loss))

        yield report


def in_notebook() -> bool:
    """Whether this runs in a notebook's kernel, and not in IPython on a terminal."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


@contextmanager
def notebook_line(name: str, seconds_between: float = 0.2) -> Iterator[Report]:
    """Show a line under the cell, updated in place, without widgets."""
    from IPython.display import display

    start = shown = time.monotonic()
    line = display({"text/plain": f"{name}: compiling"}, raw=True, display_id=True)

    def report(step: int, steps: int, loss: float | xr.DataArray) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < seconds_between and step < steps:
            return
        shown = now
        filled = 30 * step // steps
        parts = [f"{name} {'━' * filled}{'·' * (30 - filled)} {step:,}/{steps:,}", mean_loss(loss)]
        line.update({"text/plain": ", ".join([*parts, f"{now - start:.0f} s"])}, raw=True)

    yield report


@contextmanager
def lines(name: str, steps: int) -> Iterator[Report]:
    """Print a line of text at most every `SECONDS_BETWEEN_LINES`, with the time left."""
    _say(f"{name}: {steps} steps")
    start = said = time.monotonic()
    first: tuple[int, float] | None = None  # step and time, without compilation
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
