"""How far a training is, for whoever watches: a bar on a terminal, a line in a notebook."""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import xarray as xr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from toymodels.engine.training import Report


def watch(name: str, steps: int) -> AbstractContextManager[Report | None]:
    """Show the progress of a training where somebody may look at it, and nowhere else."""
    if in_notebook():
        return notebook_line(name)
    return bar(name, steps) if sys.stderr.isatty() else nullcontext()


def mean_loss(loss: float | xr.DataArray) -> str:
    """Say the mean loss of all members."""
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
            progress.start_task(task)  # not before: compiling takes a while, and says nothing
            progress.update(task, completed=step, total=steps, loss=mean_loss(loss))

        yield report


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this, as opposed to a terminal's IPython."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


@contextmanager
def notebook_line(name: str, seconds_between: float = 0.2) -> Iterator[Report]:
    """Show a line under the cell that changes in place, in any notebook, without widgets."""
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
