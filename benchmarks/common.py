"""Shared by the benchmarks: timing in turns, the table, machine facts, and the JSON file.

A reference is a training step of another implementation; ours is the training loop of
`toymodels.train`. Everything runs on the CPU.
"""

import argparse
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax

from toymodels.engine.request import Request

PACKAGES = ("jax", "flax", "optax", "torch")
WIDTHS = ("avx512f", "avx2")  # of vector instructions, as the system names them
OURS = "toymodels"

Row = dict[str, Any]
Side = TypeVar("Side", bound=Hashable)
Step = Callable[[], Any]


class Reference(NamedTuple):
    """A step of another implementation, and whether torch's number of threads matters to it."""

    step: Step
    torch: bool = True


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
    references: Mapping[str, Sequence[Reference]],
    request: Callable[..., Request],
    rounds: int,
    seconds: float,
) -> dict[str, float]:
    """Return the median milliseconds of a step of each reference and of `OURS`.

    All take turns, `seconds` each, in one process. `request(steps=...)` has the arguments of
    `toymodels.train`. Of a reference's ways the fastest counts: torch takes a turn with its default
    number of threads and with a single one.
    """
    sides: dict[tuple[str, int, int], Callable[[float], float]] = {
        (OURS, 0, 0): partial(seconds_a_step, request)
    }
    for name, ways in references.items():
        for i, way in enumerate(ways):
            way.step()  # compiles
            for threads in thread_counts() if way.torch else {0}:
                sides[name, i, threads] = partial(seconds_with_threads, way.step, threads)
    times: dict[str, float] = {}
    for (name, *_), found in medians_in_turns(sides, rounds, seconds).items():
        times[name] = min(times.get(name, math.inf), 1e3 * found)
    return times


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


def seconds_with_threads(step: Step, threads: int, seconds: float) -> float:
    """Return the time of a reference step with this number of torch threads, 0 for the default.

    The step is warmed up first.
    """
    torch = import_torch()
    default = torch.get_num_threads()
    torch.set_num_threads(threads or default)
    seconds_a_call(step, seconds / 10)
    elapsed = seconds_a_call(step, seconds)
    torch.set_num_threads(default)
    return elapsed


def seconds_a_step(request: Callable[..., Request], seconds: float) -> float:
    """Train for about `seconds`; return the time per step, the work between chunks included.

    It runs the loop of `toymodels.train`, and leaves out what comes before and after: tracing,
    compilation, and the test loss.
    """
    request(steps=1).prepare().run(None, [])  # compiles
    steps = 10
    while True:
        training = request(steps=steps).prepare()
        begin = time.perf_counter()
        training.run(None, [])
        elapsed = time.perf_counter() - begin
        if elapsed > 0.7 * seconds:
            return elapsed / steps
        steps = math.ceil(steps * min(10.0, seconds / elapsed))


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


def result_row(name: str, times: Mapping[str, float], **sizes: int) -> Row:
    """Return one comparison as a row of the result file; `times` are milliseconds a step."""
    return {
        "name": name,
        "sizes": sizes,
        "ms": {side: float(f"{t:.4g}") for side, t in times.items()},
    }


def ratios(row: Row) -> dict[str, float]:
    """Return how many times as long as ours each reference takes."""
    ours = row["ms"][OURS]
    return {side: time / ours for side, time in row["ms"].items() if side != OURS}


def print_row(row: Row) -> None:
    """Print a row: sizes, milliseconds a step, and the references' times divided by ours."""
    sizes = ", ".join(f"{name} = {size:,}" for name, size in row["sizes"].items())
    times = ", ".join(f"{side} {time:g} ms" for side, time in row["ms"].items())
    times_ours = ", ".join(f"{side} {ratio:.3g}x" for side, ratio in ratios(row).items())
    print(f"{row['name']}: {sizes}\n    {times}\n    {times_ours}", flush=True)


def machine_facts(cores: int) -> dict[str, Any]:
    """Return the facts that the times depend on; nothing that identifies the machine."""
    versions = {name: version(name) for name in PACKAGES} | {"python": platform.python_version()}
    return {"processor": _processor(), "cores": cores, "caches": _caches(), **versions}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    widest = next((f" with {name}" for name in WIDTHS if any(name in line for line in lines)), "")
    return (models[0] if models else platform.processor() or platform.machine()) + widest


def _caches() -> str:
    """Return the caches of the first core, as the system describes them; empty if it does not."""
    folders = sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"))
    found = [[(f / n).read_text().strip() for n in ("level", "type", "size")] for f in folders]
    return ", ".join(f"L{level} {size}" for level, kind, size in found if kind != "Instruction")


def write_results(path: Path, rows: Sequence[Row], machine: dict[str, Any]) -> None:
    """Write the rows and the machine as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rows": list(rows), "machine": machine}, indent=2) + "\n")
