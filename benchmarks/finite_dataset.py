"""Finite datasets: a full-batch step here, and with dense arrays of all datapoints.

    python -m benchmarks.finite_dataset [--quick] [--out FILE]

The task is that of "Superposition, Memorization, and Double Descent" (Henighan et al. 2023):
x' = relu(W^T W x + b) on T fixed datapoints of n = 10,000 features with S = 0.999, the mean
squared error of all of them, its gradient, and AdamW with learning rate 1e-3 and weight decay
0.01. The references hold the datapoints as an array [T, n] or [n, T] and multiply it out:

- "PyTorch": an eager loop, with torch's default number of threads or a single one, whichever
  is faster (last column of the table);
- "dense JAX": `jax.value_and_grad` and `optax.adamw` in one compiled `fori_loop`.

Ours is `toymodels.train` with a `FiniteDataset`, as the experiments call it. All sides have
the same datapoints and take turns (`common.medians_in_turns`); compilation is not timed. Two
datasets at once, as in the figures: ours spreads them over two CPU devices, and a reference
trains them one after the other or in one batched program, whichever is faster for it.

- "one dataset", "two datasets": a step against each reference;
- "cost against T": our step alone, and its memory beyond data and state. The exponent is the
  slope of log time over log T from T = 1,000 on.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import common
from toymodels import (
    Axis,
    Datapoints,
    FiniteDataset,
    ReluOutput,
    SparseFeatures,
    draw_datapoints,
    train,
)
from toymodels.data.datapoints import stack_datapoints
from toymodels.engine.steps import advance, start

N, SPARSITY = 10_000, 0.999
T, SIZES = 2_000, (2, 16)
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 0.01
STEPS = 500  # chunks of five
INITIAL_SCALE = 0.014  # of the weights, as in Xavier initialisation
DENSE_STEPS = 2  # per call of the dense program
MANY = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
QUICK_MANY = (500, 1_000, 2_000, 5_000)
FIT_FROM = 1_000


def objective(m: int, points: Datapoints) -> FiniteDataset:
    """Return our task; test points are unused, as timed trainings are aborted."""
    return FiniteDataset(lambda key: ReluOutput(N, m, key=key), points, points)


def problem(m: int, points: Datapoints) -> Any:
    """Return objective and optimizer for `train`."""
    return objective(m, points), optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)


def ours(m: int, datasets: list[Datapoints]) -> Callable[..., Any]:
    """Return our training on one dataset, or on several along an axis."""
    if len(datasets) == 1:
        return partial(
            train,
            partial(problem, m),
            [],
            STEPS,
            key=jax.random.key(0),
            data={"points": datasets[0]},
        )
    axis = Axis("points", np.arange(len(datasets)), stack_datapoints(datasets))
    return partial(train, partial(problem, m), [axis], STEPS, key=jax.random.key(0))


def torch_step(m: int, x: np.ndarray) -> Callable[[], Any]:
    """Return one eager step on x [T, n], or [instances, T, n] with all instances in one module."""
    torch = common.import_torch()
    data, instances = torch.from_numpy(x), x.shape[:-2]
    W = torch.nn.Parameter(torch.randn(*instances, m, N) * INITIAL_SCALE)
    b = torch.nn.Parameter(torch.zeros(*instances, 1, N))
    optimizer = torch.optim.AdamW([W, b], lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def step() -> Any:
        optimizer.zero_grad()
        output = torch.relu(data @ W.mT @ W + b)
        loss = ((data - output) ** 2).sum() / x.shape[-2]
        loss.backward()
        optimizer.step()
        return loss

    return step


def dense_steps(m: int, x: np.ndarray) -> Callable[[], Any]:
    """Return `DENSE_STEPS` compiled steps on x [n, T], or [instances, n, T] with a vmap."""
    instances, optimizer = x.shape[:-2], optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def loss(params, x):
        W, b = params
        return jnp.sum((x - jax.nn.relu(W.T @ (W @ x) + b[:, None])) ** 2) / x.shape[1]

    def step(params, memory, x):
        updates, memory = optimizer.update(jax.grad(loss)(params, x), memory, params)
        return optax.apply_updates(params, updates), memory

    each: Any = jax.vmap(step) if instances else step
    init: Any = jax.vmap(optimizer.init) if instances else optimizer.init

    @jax.jit
    def steps(state, x):
        return jax.lax.fori_loop(0, DENSE_STEPS, lambda _, state: each(*state, x), state)

    W = jax.random.normal(jax.random.key(0), (*instances, m, N)) * INITIAL_SCALE
    params = (W, jnp.zeros((*instances, N)))
    state, data = (params, init(params)), jnp.asarray(x)

    def call() -> None:
        nonlocal state
        state = jax.block_until_ready(steps(state, data))

    return call


def all_of(steps: list[Callable[[], Any]]) -> Callable[[], None]:
    """Return a function that calls several steps in sequence."""

    def call() -> None:
        for step in steps:
            step()

    return call


def references(m: int, datasets: list[Datapoints]) -> dict[str, list[Callable[[], Any]]]:
    """Return each reference's implementations: sequential, and batched if there are several."""
    columns = np.stack([np.asarray(points.dense(N)) for points in datasets])
    rows = np.ascontiguousarray(columns.swapaxes(1, 2))
    ways: dict[str, list[Callable[[], Any]]] = {}
    for name, make, x in (("PyTorch", torch_step, rows), ("dense JAX", dense_steps, columns)):
        apart = [make(m, one) for one in x]
        ways[name] = [all_of(apart), *([make(m, x)] if len(x) > 1 else [])]
    return ways


def compare(m: int, datasets: list[Datapoints], quick: bool) -> dict[str, common.Timing]:
    """Time ours and all references in turns; use the fastest implementation of each."""
    rounds, seconds = (2, 0.5) if quick else (7, 2.0)
    ways = references(m, datasets)
    sides: dict[Any, Callable[[float], float]] = {
        "ours": partial(common.seconds_a_step, ours(m, datasets))
    }
    for i, way in enumerate(ways["PyTorch"]):
        for threads in common.thread_counts():
            sides["PyTorch", i, threads] = partial(common.seconds_with_threads, way, threads)
    for i, way in enumerate(ways["dense JAX"]):
        way()  # compiles
        sides["dense JAX", i, 0] = partial(common.seconds_a_call, way)
    medians = common.medians_in_turns(sides, rounds, seconds)
    for side in medians:
        if side[0] == "dense JAX":
            medians[side] /= DENSE_STEPS
    timings = {}
    for name in ways:
        best = min((side for side in medians if side[0] == name), key=lambda side: medians[side])
        timings[name] = common.Timing(1e3 * medians[best], 1e3 * medians["ours"], best[2])
    return timings


def temporary_megabytes(points: Datapoints, m: int) -> float:
    """Return the temporary memory of a compiled chunk of steps, in MB."""
    key, optimizer = jax.random.key(0), problem(m, points)[1]

    def steps(state, points, begin, end):
        return advance(objective(m, points), optimizer, state, key, begin, end)

    state = jax.eval_shape(lambda: start(objective(m, points), optimizer, key))
    compiled = jax.jit(steps).lower(state, points, jnp.int32(0), jnp.int32(9)).compile()
    memory: Any = compiled.memory_analysis()
    return memory.temp_size_in_bytes / 1e6


def cost_against_size(datasets: dict[int, Datapoints], quick: bool) -> list[common.Row]:
    """Time our step over dataset sizes, in turns, and fit the exponent."""
    m, (rounds, seconds) = SIZES[0], (1, 0.3) if quick else (3, 1.0)
    sides = {
        count: partial(common.seconds_a_step, ours(m, [points]))
        for count, points in datasets.items()
    }
    medians = common.medians_in_turns(sides, rounds, seconds)
    rows = [
        {
            "name": "cost against T",
            "n": N,
            "m": m,
            "T": count,
            "ours_ms": round(1e3 * medians[count], 4),
            "ms_per_1000": round(1e6 * medians[count] / count, 4),
            "temporary_mb": round(temporary_megabytes(points, m), 1),
        }
        for count, points in datasets.items()
    ]
    large = [count for count in datasets if count >= FIT_FROM]
    slope = np.polyfit(np.log(large), np.log([medians[count] for count in large]), 1)[0]
    exponent = {"name": "exponent of T", "n": N, "m": m, "from_T": FIT_FROM}
    return [*rows, {**exponent, "exponent": round(float(slope), 3)}]


def run(quick: bool, out: Path) -> None:
    """Measure both tables, print them, and write them to `out`."""
    cores = common.use_all_cores()
    sizes = QUICK_MANY if quick else MANY
    features = SparseFeatures(N, sparsity=SPARSITY)
    most = draw_datapoints(features, max(sizes), key=jax.random.key(0))
    first = {count: Datapoints(most.feature[:count], most.value[:count]) for count in sizes}
    second = draw_datapoints(features, T, key=jax.random.key(1))
    rows: list[common.Row] = []
    for name, datasets in {"one dataset": [first[T]], "two datasets": [first[T], second]}.items():
        for m in SIZES:
            for reference, timing in compare(m, datasets, quick).items():
                label = f"{name}, against {reference}"
                row = common.result_row(label, timing, n=N, m=m, T=T, instances=len(datasets))
                common.print_row(row, timing.threads, heading=not rows)
                rows.append(row)
    for i, row in enumerate(cost := cost_against_size(first, quick)):
        common.print_row(row, heading=i in (0, len(cost) - 1))
    common.write_results(out, [*rows, *cost], common.machine_facts(cores))


if __name__ == "__main__":
    common.main(run, Path(__file__).with_suffix(".json"), __doc__)
