"""Cost of repeated calls of `train` with one step each: CPU and wall seconds per call.

    python -m benchmarks.recompile

There are three sessions, each in its own process: without a compilation cache on disk, with an
empty one, and with a filled one. CPU seconds are user and system time of all threads, which depends
least on other load.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

CALLS = {
    "first": "the first call of a process",
    "again": "the same function again",
    "values": "other axis values, seeds and key",
    "rewritten": "the same problem, defined again",
    "size": "another size",
}


def main() -> None:
    """Print a table with a row for each call and a column for each session."""
    with tempfile.TemporaryDirectory() as cache:
        sessions = {"no cache": "", "empty cache": cache, "filled cache": cache}
        times = {name: _in_process(folder) for name, folder in sessions.items()}
    print(f"| CPU s (wall s) | {' | '.join(times)} |")
    print("| --- " * (len(times) + 1) + "|")
    for call, meaning in CALLS.items():
        cells = [f"{cpu:.2f} ({wall:.2f})" for cpu, wall in (t[call] for t in times.values())]
        print(f"| {meaning} | {' | '.join(cells)} |")


def _in_process(cache: str) -> dict[str, tuple[float, float]]:
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_COMPILATION_CACHE_DIR": cache}
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    command = [sys.executable, "-m", "benchmarks.recompile", "--calls"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, tuple[float, float]] = json.loads(done.stdout)
    return found


def _time_calls() -> dict[str, tuple[float, float]]:
    import jax
    import numpy as np
    import optax

    import toymodels as tm

    jax.config.update("jax_num_cpu_devices", 2)

    def define(n):
        def problem(sparsity, learning_rate):
            features = tm.SparseFeatures(n, sparsity=sparsity, importance=0.9 ** np.arange(n))
            objective = tm.Reconstruction(features, lambda key: tm.ReluOutput(n, 2, key=key))
            return objective, optax.adamw(learning_rate, weight_decay=1e-2)

        return problem

    def train(problem, sparsities=(0.0, 0.8, 0.95), seeds=range(8), key=0):
        rates = tm.Axis("learning_rate", [1e-3, 1e-2])
        axes = [tm.Axis("sparsity", list(sparsities)), rates, tm.Axis.seeds(list(seeds))]
        tm.train(problem, axes, 1, key=jax.random.key(key), progress=False)

    problem = define(5)
    calls = {
        "first": lambda: train(problem),
        "again": lambda: train(problem),
        "values": lambda: train(problem, (0.1, 0.5, 0.9), range(8, 16), 1),
        "rewritten": lambda: train(define(5)),
        "size": lambda: train(define(6)),
    }
    times = {}
    for name, call in calls.items():
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        times[name] = time.process_time() - cpu, time.perf_counter() - wall
    return times


if __name__ == "__main__":
    if "--calls" in sys.argv:
        print(json.dumps(_time_calls()))
    else:
        main()
