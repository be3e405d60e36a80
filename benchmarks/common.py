"""Shared by the benchmarks: timing in turns, the table, machine facts, and the JSON file.

A side called "reference" is a training step in PyTorch eager; "ours" is a whole call of
`toymodels.train`. Everything runs on the CPU.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax

FIRST_CHUNKS = 3  # warm-up chunks of a training, not timed
PACKAGES = ("jax", "flax", "optax", "torch")

Row = dict[str, Any]
Side = TypeVar("Side", bound=Hashable)


class Timing(NamedTuple):
    """Median milliseconds per step of both sides, and torch's fastest thread count."""

    reference_ms: float
    ours_ms: float
    threads: int


class _Enough(Exception):
    """Raised by the report callback to end a training that has been timed."""


def import_torch() -> Any:
    """Import PyTorch, which only benchmarks use, or exit with the command that installs it."""
    try:
        import torch
    except ImportError as error:
        line = "pip install torch"
        raise SystemExit(f"The benchmarks compare with PyTorch; install it with: {line}") from error
    return torch


def use_all_cores() -> int:
    """Set one JAX CPU device per core; call it before the first use of JAX."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", cores or 1)
    return cores or 1


def time_in_turns(
    reference_step: Callable[[], Any], train: Callable[..., Any], rounds: int, seconds: float
) -> Timing:
    """Time a reference step and our training in turns, `seconds` each, in one process.

    `train(report=...)` is a call of `toymodels.train`. The reference takes its turn with torch's
    default number of threads and with a single one; the faster of the two medians counts.
    """
    sides: dict[int, Callable[[float], float]] = {0: partial(seconds_a_step, train)}
    for threads in thread_counts():
        sides[threads] = partial(seconds_with_threads, reference_step, threads)
    medians = medians_in_turns(sides, rounds, seconds)
    threads = min(thread_counts(), key=lambda threads: medians[threads])
    return Timing(1e3 * medians[threads], 1e3 * medians[0], threads)


def medians_in_turns(
    sides: Mapping[Side, Callable[[float], float]], rounds: int, seconds: float
) -> dict[Side, float]:
    """Call each side, seconds -> measured time, in turns; return the medians."""
    times: dict[Side, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, measure in sides.items():
            times[side].append(measure(seconds))
    return {side: statistics.median(found) for side, found in times.items()}


def thread_counts() -> set[int]:
    """Return the thread counts to try with torch: its default, and one."""
    return {import_torch().get_num_threads(), 1}


def seconds_with_threads(step: Callable[[], Any], threads: int, seconds: float) -> float:
    """Return the time of a reference step with this number of torch threads, after a warm-up."""
    torch = import_torch()
    default = torch.get_num_threads()
    torch.set_num_threads(threads)
    seconds_a_call(step, seconds / 10)
    elapsed = seconds_a_call(step, seconds)
    torch.set_num_threads(default)
    return elapsed


def seconds_a_step(train: Callable[..., Any], seconds: float) -> float:
    """Run a training for at least `seconds`; return the median time per step over its chunks.

    Times are between reports: they include all work between chunks, but neither compilation (the
    first chunks are left out) nor the test loss (the training is aborted before it).
    """
    reports: list[tuple[int, float]] = []

    def report(step: int, _steps: int, _loss: float) -> None:
        reports.append((step, time.perf_counter()))
        if len(reports) > 2 * FIRST_CHUNKS and reports[-1][1] - reports[0][1] > seconds:
            raise _Enough

    with suppress(_Enough):
        train(report=report, progress=False)
    pairs = pairwise(reports[FIRST_CHUNKS:])
    return statistics.median((end - start) / (b - a) for (a, start), (b, end) in pairs)


def seconds_a_call(function: Callable[[], Any], seconds: float) -> float:
    """Call a function repeatedly for at least `seconds`; return the mean time per call."""
    begin, calls = time.perf_counter(), 0
    while True:
        function()
        calls, elapsed = calls + 1, time.perf_counter() - begin
        if elapsed >= seconds:
            return elapsed / calls


def main(run: Callable[[bool, Path], None], out: Path, page: str | None) -> None:
    """Read a benchmark's command line and run it.

    Args:
        run: (quick, output path) -> None.
        out: the default result file.
        page: the benchmark's docstring.
    """
    parser = argparse.ArgumentParser(description=page.splitlines()[0] if page else None)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--out", type=Path, default=out, help="JSON file of the results")
    options = parser.parse_args()
    import_torch()
    run(options.quick, options.out)


def result_row(name: str, timing: Timing, **sizes: int) -> Row:
    """Return one comparison as a row of the result file."""
    reference_ms, ours_ms = round(timing.reference_ms, 4), round(timing.ours_ms, 4)
    times = {"reference_ms": reference_ms, "ours_ms": ours_ms}
    return {"name": name, **sizes, **times, "ratio": round(timing.reference_ms / timing.ours_ms, 2)}


def print_row(row: Row, threads: int | None = None, *, heading: bool = False) -> None:
    """Print a row of the table, with the column names above the first."""
    cells = {k: v for k, v in row.items() if k != "name"}
    cells |= {} if threads is None else {"torch_threads": threads or "-"}
    if heading:
        print(f"\n{'name':36}" + "".join(f"{name:>14}" for name in cells))
    print(f"{row['name']:36}" + "".join(f"{value:>14}" for value in cells.values()), flush=True)


def machine_facts(cores: int) -> dict[str, Any]:
    """Return the facts that the times depend on; nothing that identifies the machine."""
    versions = {name: version(name) for name in PACKAGES} | {"python": platform.python_version()}
    return {"processor": _processor(), "cores": cores, **versions}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def write_results(path: Path, rows: Sequence[Row], machine: dict[str, Any]) -> None:
    """Write the rows and the machine as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rows": list(rows), "machine": machine}, indent=2) + "\n")
