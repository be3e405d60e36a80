"""Throughput: training toy models here, and with the loop of the reference notebook.

    python -m benchmarks.throughput [--quick] [--out FILE]

The reference is the training loop of "Toy Models of Superposition" (Elhage et al. 2022) in
PyTorch eager, written anew; ours is `toymodels.train`, as every experiment calls it. The work
is the same: ten instances of x' = relu(W^T W x + b), for each step a fresh batch of 1,024
samples, the importance-weighted squared error, its gradient, and AdamW with learning rate
1e-3 and weight decay 0.01.

The wall-clock time of a step is measured, including sampling. Ours is a training of 10,000
steps in chunks of 100, and includes the work between chunks; neither side includes compilation,
first steps or test losses. Both sides take turns, two seconds each (`common.time_in_turns`).
Torch uses its default number of threads or one, whichever is faster for the size (last column
of the table).

- main table: ten sparsities, which share random draws in ours, as in the experiments;
- "own draws": ten seeds at one sparsity, with separate draws. The reference's step is the same in
  both: it draws for each instance.
"""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import common
from toymodels import Axis, Reconstruction, ReluOutput, SparseFeatures, train

INSTANCES, BATCH, STEPS = 10, 1024, 10_000
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


def reference_step(size: Size, sparsities: np.ndarray) -> Callable[[], Any]:
    """Return one training step of the reference, on arrays [sample, instance, ...]."""
    torch = common.import_torch()
    shape = (BATCH, INSTANCES, size.n)
    W = torch.nn.Parameter(torch.nn.init.xavier_normal_(torch.empty(INSTANCES, *size)))
    b = torch.nn.Parameter(torch.zeros(INSTANCES, size.n))
    optimizer = torch.optim.AdamW([W, b], lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    probability = torch.tensor(1.0 - sparsities, dtype=torch.float32)[:, None]
    importance = IMPORTANCE_DECAY ** torch.arange(size.n)

    def step() -> Any:
        optimizer.zero_grad()
        active = torch.rand(shape) <= probability
        x = torch.where(active, torch.rand(shape), torch.zeros(()))
        hidden = torch.einsum("bin,inm->bim", x, W)
        output = torch.relu(torch.einsum("bim,inm->bin", hidden, W) + b)
        loss = (importance * (x - output) ** 2).mean(dim=(0, 2)).sum()
        loss.backward()
        optimizer.step()
        return loss

    return step


def problem(size: Size, sparsity: Any = SPARSITY_OF_SEEDS) -> Any:
    """Return objective and optimizer of the same task for `toymodels.train`, at one sparsity."""
    importance = IMPORTANCE_DECAY ** np.arange(size.n)
    features = SparseFeatures(size.n, sparsity=sparsity, importance=importance)
    objective = Reconstruction(features, lambda key: ReluOutput(*size, key=key), batch_size=BATCH)
    return objective, optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)


def measure(size: Size, axis: Axis, sparsities: np.ndarray, quick: bool) -> common.Timing:
    """Time both sides on one size; `axis` has our instances, `sparsities` the reference's."""
    key = jax.random.key(0)
    ours = partial(train, partial(problem, size), [axis], STEPS, key=key)
    rounds, seconds = (3, 0.5) if quick else (7, 2.0)
    return common.time_in_turns(reference_step(size, sparsities), ours, rounds, seconds)


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


def print_share(size: Size, step_ms: float, quick: bool) -> None:
    """Print the share of the machine's matrix-product rate that our step reaches."""
    rate, whose = matrix_product_rate(quick)
    giga = step_operations(size) / 1e9
    reached = giga / (step_ms * 1e-3)
    print(
        f"\nOur step at n = {size.n}, m = {size.m} takes {step_ms:.3g} ms for {giga:.3f} GFLOP in "
        f"its matrix products\n(5 x 2 n m x {BATCH} samples x {INSTANCES} instances): "
        f"{reached:.0f} GFLOP/s, {reached * 1e9 / rate:.0%} of the {rate / 1e9:.0f} GFLOP/s\n"
        f"of a {MATRIX_SIZE} x {MATRIX_SIZE} float32 product in {whose}."
    )


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
            timing = measure(size, axis, sparsities, quick)
            row = common.result_row(
                name, timing, n=size.n, m=size.m, instances=INSTANCES, batch=BATCH
            )
            common.print_row(row, timing.threads, heading=size is SIZES[0])
            rows.append(row)
    print_share(SIZES[-1], rows[len(SIZES) - 1]["ours_ms"], quick)
    common.write_results(out, rows, common.machine_facts(cores))


if __name__ == "__main__":
    common.main(run, Path(__file__).with_name("results.json"), __doc__)
