"""Throughput: training toy models here, and with the loops of notebooks.

    python -m benchmarks.throughput [--quick] [--out FILE]

The task is that of "Toy Models of Superposition" (Elhage et al. 2022): ten instances of
x' = relu(W^T W x + b), for each step a fresh batch of 1,024 samples, the importance-weighted
squared error, its gradient, and AdamW with learning rate 1e-3 and weight decay 0.01. The
references, written anew:

- "PyTorch": the loop of the paper's notebook, eager;
- "torch.compile": the same, with sampling, model and loss compiled; random numbers come from eager
  PyTorch, as those that it compiles for a CPU take twice as long;
- "plain JAX": the style of public replications, one jitted step for each iteration in Python.

Ours is the loop of `toymodels.train`, with the work between chunks. Wall-clock times of a step,
sampling included; compilation and test losses are not. All sides take turns of about two seconds,
half a second with --quick (`common.time_in_turns`).

- ten sparsities, which share random draws in ours, as in the experiments;
- ten seeds at one sparsity, with separate draws. The references draw for each instance in both.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import common
from toymodels import Axis, Reconstruction, ReluOutput, SparseFeatures
from toymodels.engine.request import Request

INSTANCES, BATCH = 10, 1024
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 0.01
IMPORTANCE_DECAY = 0.9
SPARSITIES = 1.0 - np.geomspace(1.0, 0.01, INSTANCES)
SPARSITY_OF_SEEDS = 0.9
MATRIX_SIZE = 2048


class Size(NamedTuple):
    """n features in m hidden dimensions."""

    n: int
    m: int


SIZES = (Size(5, 2), Size(20, 5), Size(80, 20), Size(400, 30))


def torch_step(size: Size, sparsities: np.ndarray, compiled: bool) -> common.Step:
    """Return one training step in PyTorch, on arrays [sample, instance, ...]."""
    torch = common.import_torch()
    shape = (BATCH, INSTANCES, size.n)
    W = torch.nn.Parameter(torch.nn.init.xavier_normal_(torch.empty(INSTANCES, *size)))
    b = torch.nn.Parameter(torch.zeros(INSTANCES, size.n))
    optimizer = torch.optim.AdamW([W, b], lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    probability = torch.tensor(1.0 - sparsities, dtype=torch.float32)[:, None]
    importance = IMPORTANCE_DECAY ** torch.arange(size.n)

    def loss_of_batch() -> Any:
        active = torch.rand(shape) <= probability
        x = torch.where(active, torch.rand(shape), torch.zeros(()))
        hidden = torch.einsum("bin,inm->bim", x, W)
        output = torch.relu(torch.einsum("bim,inm->bin", hidden, W) + b)
        return (importance * (x - output) ** 2).mean(dim=(0, 2)).sum()

    options = {"fallback_random": True}
    compute: Any = torch.compile(loss_of_batch, options=options) if compiled else loss_of_batch

    def step() -> None:
        optimizer.zero_grad()
        compute().backward()
        optimizer.step()

    return step


def jax_step(size: Size, sparsities: np.ndarray) -> common.Step:
    """Return one jitted training step in plain JAX, on arrays [instance, sample, ...]."""
    optimizer = optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    probability = jnp.asarray(1.0 - sparsities, jnp.float32)
    importance = IMPORTANCE_DECAY ** jnp.arange(size.n)

    def loss(params, x):
        W, b = params
        return jnp.mean(importance * (x - jax.nn.relu(x @ W @ W.T + b)) ** 2)

    def of_instance(state, key, p):
        params, memory = state
        which, how_much = jax.random.split(key)
        active = jax.random.uniform(which, (BATCH, size.n)) < p
        x = jnp.where(active, jax.random.uniform(how_much, (BATCH, size.n)), 0.0)
        updates, memory = optimizer.update(jax.grad(loss)(params, x), memory, params)
        return optax.apply_updates(params, updates), memory

    @jax.jit
    def train_step(state, key):
        key, now = jax.random.split(key)
        keys = jax.random.split(now, INSTANCES)
        return jax.vmap(of_instance)(state, keys, probability), key

    xavier = jax.nn.initializers.glorot_normal(batch_axis=0)
    params = xavier(jax.random.key(0), (INSTANCES, *size)), jnp.zeros((INSTANCES, size.n))
    now = (params, jax.vmap(optimizer.init)(params)), jax.random.key(1)

    def step() -> None:
        nonlocal now
        now = jax.block_until_ready(train_step(*now))

    return step


def problem(size: Size, sparsity: Any = SPARSITY_OF_SEEDS) -> Any:
    """Return objective and optimizer of the same task for `toymodels.train`, at one sparsity."""
    importance = IMPORTANCE_DECAY ** np.arange(size.n)
    features = SparseFeatures(size.n, sparsity=sparsity, importance=importance)
    objective = Reconstruction(features, lambda key: ReluOutput(*size, key=key), batch_size=BATCH)
    return objective, optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)


def measure(size: Size, axis: Axis, sparsities: np.ndarray, quick: bool) -> dict[str, float]:
    """Time all sides on one size; `axis` has our instances, `sparsities` the references'."""
    ours = partial(Request, partial(problem, size), [axis], key=jax.random.key(0))
    references = {
        "PyTorch": [common.Reference(torch_step(size, sparsities, compiled=False))],
        "torch.compile": [common.Reference(torch_step(size, sparsities, compiled=True))],
        "plain JAX": [common.Reference(jax_step(size, sparsities), torch=False)],
    }
    rounds, seconds = (3, 0.5) if quick else (7, 2.0)
    return common.time_in_turns(references, ours, rounds, seconds)


def step_operations(size: Size) -> int:
    """Count the floating-point operations of a step's matrix products, for all instances.

    Five products of 2 n m operations a sample: W x and W^T h forward; backward, dL/dh and the
    two terms of dL/dW. (There is no dL/dx.)
    """
    return 5 * 2 * size.n * size.m * BATCH * INSTANCES


def matrix_product_rate(quick: bool) -> tuple[float, str]:
    """Return the highest float32 rate on a large matrix product, per second, and its library.

    Both JAX, on a single device, and torch use all cores for a product of this size.
    """
    torch, shape = common.import_torch(), (MATRIX_SIZE, MATRIX_SIZE)
    a, b = torch.rand(shape), jax.random.uniform(jax.random.key(0), shape)
    product = jax.jit(jnp.matmul)
    sides = {"torch": lambda: a @ a, "jax": lambda: product(b, b).block_until_ready()}
    best = dict.fromkeys(sides, math.inf)
    for _ in range(20 if quick else 60):
        for name, multiply in sides.items():
            best[name] = min(best[name], common.seconds_a_call(multiply, 0.0))
    name = min(best, key=lambda name: best[name])
    return 2 * MATRIX_SIZE**3 / best[name], name


def share_of_matrix_rate(size: Size, step_ms: float, quick: bool) -> dict[str, Any]:
    """Return the rate of our step's matrix products, and that of a large product in GFLOP/s."""
    rate, whose = matrix_product_rate(quick)
    reached = step_operations(size) / (step_ms * 1e-3)
    sizes = {"n": size.n, "m": size.m}
    giga = {"step": round(reached / 1e9), f"{MATRIX_SIZE} x {MATRIX_SIZE} in {whose}": rate / 1e9}
    return {"name": "GFLOP/s in matrix products", "sizes": sizes, "rates": giga}


def run(quick: bool, out: Path) -> None:
    """Measure both tables, print them, and write them to `out`."""
    cores = common.use_all_cores()
    tables = {
        "ten sparsities, shared draws": (Axis("sparsity", SPARSITIES), SPARSITIES),
        "ten seeds, own draws": (Axis.seeds(INSTANCES), np.full(INSTANCES, SPARSITY_OF_SEEDS)),
    }
    rows = []
    for name, (axis, sparsities) in tables.items():
        for size in SIZES:
            times = measure(size, axis, sparsities, quick)
            rows.append(common.result_row(name, times, n=size.n, m=size.m))
            common.print_row(rows[-1])
    share = share_of_matrix_rate(SIZES[-1], rows[len(SIZES) - 1]["ms"][common.OURS], quick)
    print(share)
    common.write_results(out, [*rows, share], common.machine_facts(cores))


if __name__ == "__main__":
    common.main(run, Path(__file__).with_suffix(".json"), __doc__)
