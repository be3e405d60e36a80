"""Finite datasets: a full-batch step here, and with dense arrays of all datapoints.

    python -m benchmarks.finite_dataset [--quick] [--out FILE]

The task is that of "Superposition, Memorization, and Double Descent" (Henighan et al. 2023):
x' = relu(W^T W x + b) on T fixed datapoints, the mean squared error of all of them, its
gradient, and AdamW with learning rate 1e-3 and weight decay 0.01. The references hold the
datapoints as an array [T, n] or [n, T] and multiply it out:

- "PyTorch": an eager loop, with torch's default number of threads or a single one;
- "dense JAX": `jax.value_and_grad` and `optax.adamw` in one compiled `fori_loop`, members
  vmapped and spread over the CPU devices.

Ours is `toymodels.train` with a `FiniteDataset`, as the experiments call it. All sides have
the same datapoints and take turns; compilation is not timed.

- n = 10,000, S = 0.999: one dataset, and two at once, as in the figures; a reference trains the
  two one after the other or in one batched program, whichever is faster for it;
- n = 1,000, S = 0.99, 24 restarts, over T: the sizes of the quick figures, against dense JAX;
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
from jax.sharding import NamedSharding, PartitionSpec

from benchmarks import common
from toymodels import (
    Axis,
    Datapoints,
    FiniteDataset,
    ReluOutput,
    SparseFeatures,
    draw_datapoints,
)
from toymodels.data.datapoints import stack_datapoints
from toymodels.engine.request import Request
from toymodels.engine.steps import MOST_SPANS, advance, start

N, SPARSITY = 10_000, 0.999
T, SIZES = 2_000, (2, 16)
SMALL_N, SMALL_SPARSITY, RESTARTS = 1_000, 0.99, 24
SMALL_T = (5, 30, 100, 400, 2_000)
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 0.01
INITIAL_SCALE = 0.014  # of the weights, as in Xavier initialisation
DENSE_STEPS = 2  # per call of the dense program
MANY = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
QUICK_MANY = (500, 1_000, 2_000, 5_000)
FIT_FROM = 1_000


def objective(m: int, points: Datapoints, n: int = N) -> FiniteDataset:
    """Return our task; test points are unused, as no test loss is computed."""
    return FiniteDataset(lambda key: ReluOutput(n, m, key=key), points, points)


def problem(m: int, points: Datapoints, n: int = N) -> Any:
    """Return objective and optimizer for `train`."""
    return objective(m, points, n), optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)


def ours(m: int, datasets: list[Datapoints]) -> Callable[..., Any]:
    """Return our training on one dataset, or on several along an axis."""
    if len(datasets) == 1:
        return partial(
            Request,
            partial(problem, m),
            [],
            key=jax.random.key(0),
            data={"points": datasets[0]},
        )
    axis = Axis("points", np.arange(len(datasets)), stack_datapoints(datasets))
    return partial(Request, partial(problem, m), [axis], key=jax.random.key(0))


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


def dense_steps(m: int, x: np.ndarray, restarts: int | None = None) -> Callable[[], Any]:
    """Return a compiled step on x [n, T] or [instances, n, T], or of restarts that share x [n, T].

    Members are vmapped, and spread over the CPU devices if these divide their number.
    """
    optimizer = optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    n, members = x.shape[-2], [restarts] if restarts else list(x.shape[:-2])

    def loss(params, x):
        W, b = params
        return jnp.sum((x - jax.nn.relu(W.T @ (W @ x) + b[:, None])) ** 2) / x.shape[1]

    def step(params, memory, x):
        updates, memory = optimizer.update(jax.grad(loss)(params, x), memory, params)
        return optax.apply_updates(params, updates), memory

    each: Any = jax.vmap(step, (0, 0, None if restarts else 0)) if members else step
    init: Any = jax.vmap(optimizer.init) if members else optimizer.init

    @jax.jit
    def steps(state, x):
        return jax.lax.fori_loop(0, DENSE_STEPS, lambda _, state: each(*state, x), state)

    W = jax.random.normal(jax.random.key(0), (*members, m, n)) * INITIAL_SCALE
    params = (W, jnp.zeros((*members, n)))
    state, data = (params, init(params)), jnp.asarray(x)
    if members and members[0] % jax.device_count() == 0:
        mesh = jax.make_mesh((jax.device_count(),), ("members",))
        spread, whole = (NamedSharding(mesh, PartitionSpec(*a)) for a in (["members"], []))
        state = jax.device_put(state, spread)
        data = jax.device_put(data, whole if restarts else spread)

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


def references(m: int, datasets: list[Datapoints]) -> dict[str, list[common.Reference]]:
    """Return each reference's implementations: sequential, and batched if there are several."""
    columns = np.stack([np.asarray(points.dense(N)) for points in datasets])
    rows = np.ascontiguousarray(columns.swapaxes(1, 2))
    ways: dict[str, list[common.Reference]] = {}
    for name, make, x in (("PyTorch", torch_step, rows), ("dense JAX", dense_steps, columns)):
        apart = [make(m, one) for one in x]
        found = [all_of(apart), *([make(m, x)] if len(x) > 1 else [])]
        ways[name] = [common.Reference(step, torch=make is torch_step) for step in found]
    return ways


def compare(m: int, datasets: list[Datapoints], quick: bool) -> dict[str, float]:
    """Time ours and all references in turns."""
    rounds, seconds = (2, 0.5) if quick else (7, 2.0)
    return a_step(common.time_in_turns(references(m, datasets), ours(m, datasets), rounds, seconds))


def compare_small(points: Datapoints, quick: bool) -> dict[str, float]:
    """Time ours and dense JAX on restarts of a small model that share a dataset."""
    m, (rounds, seconds) = SIZES[0], (3, 0.5) if quick else (7, 2.0)
    dense = dense_steps(m, np.asarray(points.dense(SMALL_N)), RESTARTS)
    task, axes = partial(problem, m, n=SMALL_N), [Axis.seeds(RESTARTS)]
    own = partial(Request, task, axes, key=jax.random.key(0), data={"points": points})
    reference = {"dense JAX": [common.Reference(dense, torch=False)]}
    return a_step(common.time_in_turns(reference, own, rounds, seconds))


def a_step(times: dict[str, float]) -> dict[str, float]:
    """Divide the time of a call of the dense program by its steps."""
    return {name: t / DENSE_STEPS if name == "dense JAX" else t for name, t in times.items()}


def temporary_megabytes(points: Datapoints, m: int) -> float:
    """Return the temporary memory of a compiled chunk of steps, in MB."""
    key, optimizer = jax.random.key(0), problem(m, points)[1]

    def steps(state, points, borders, spans):
        return advance(objective(m, points), optimizer, state, key, borders, spans)

    state = jax.eval_shape(lambda: start(objective(m, points), optimizer, key))
    borders = jnp.arange(MOST_SPANS + 1)
    compiled = jax.jit(steps).lower(state, points, borders, jnp.int32(1)).compile()
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
        common.result_row("cost against T", {common.OURS: 1e3 * medians[count]}, n=N, m=m, T=count)
        | {"temporary_mb": round(temporary_megabytes(points, m), 1)}
        for count, points in datasets.items()
    ]
    large = [count for count in datasets if count >= FIT_FROM]
    slope = np.polyfit(np.log(large), np.log([medians[count] for count in large]), 1)[0]
    sizes = {"n": N, "m": m, "from_T": FIT_FROM}
    return [*rows, {"name": "exponent of T", "sizes": sizes, "exponent": round(float(slope), 3)}]


def run(quick: bool, out: Path) -> None:
    """Measure all tables, print them, and write them to `out`."""
    cores = common.use_all_cores()
    sizes = QUICK_MANY if quick else MANY
    features = SparseFeatures(N, sparsity=SPARSITY)
    most = draw_datapoints(features, max(sizes), key=jax.random.key(0))
    first = {count: Datapoints(most.feature[:count], most.value[:count]) for count in sizes}
    second = draw_datapoints(features, T, key=jax.random.key(1))
    rows: list[common.Row] = []
    for name, datasets in {"one dataset": [first[T]], "two datasets": [first[T], second]}.items():
        for m in SIZES:
            times = compare(m, datasets, quick)
            rows.append(common.result_row(name, times, n=N, m=m, T=T))
            common.print_row(rows[-1])
    small = SparseFeatures(SMALL_N, sparsity=SMALL_SPARSITY)
    for count in SMALL_T:
        points = draw_datapoints(small, count, key=jax.random.key(2))
        times = compare_small(points, quick)
        rows.append(common.result_row("24 restarts", times, n=SMALL_N, m=SIZES[0], T=count))
        common.print_row(rows[-1])
    cost = cost_against_size(first, quick)
    print(*cost, sep="\n")
    common.write_results(out, [*rows, *cost], common.machine_facts(cores))


if __name__ == "__main__":
    common.main(run, Path(__file__).with_suffix(".json"), __doc__)
