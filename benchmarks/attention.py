"""Attention heads: a training step of the mixing model here, and head by head in PyTorch.

    python -m benchmarks.attention [--quick] [--out FILE]

The task is that of "Attention superposition" (Anthropic, January 2024): 5 attentional features
into 2 heads by one mixing matrix M, 8 tokens, a residual stream of width 32, for each step a
fresh batch of 256 samples, the squared error of relu(sum_k A_k x O_k), its gradient, and Adam
with learning rate 2e-2. An ensemble of restarts, which differ in M, sees the same batches.

- The reference is one batched module in PyTorch eager that follows the equation: M mixes patterns
  and OV matrices, the heads are applied and summed. Batches and targets are computed once for all
  restarts. Torch uses its default number of threads or one, whichever is faster.
- Ours is `toymodels.train` with restarts that share their batches, over all CPU devices: the
  products A_k x O_l are computed once, and each restart weights them with its M^T M.

Both sides take turns (`common.time_in_turns`), and both draw their samples in the step that is
timed; neither side includes compilation, first steps or test losses.
"""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from benchmarks import common
from toymodels import AttentionMixing, Axis, MixingMatrix, OvDraw
from toymodels.engine.request import Request

K, HEADS, TOKENS, D_MODEL, BATCH = 5, 2, 8, 32, 256
RESTARTS = (16, 64)
SPARSITY, DENSITY = 0.9, 0.05
LEARNING_RATE = 2e-2


def reference_step(restarts: int, ovs: np.ndarray) -> common.Step:
    """Return one eager training step of all restarts in one module: M [restarts, heads, K]."""
    torch = common.import_torch()
    M = torch.nn.Parameter(torch.nn.init.xavier_normal_(torch.empty(restarts, HEADS, K)))
    optimizer = torch.optim.Adam([M], lr=LEARNING_RATE)
    O, p = torch.tensor(ovs), 1.0 - SPARSITY  # noqa: E741

    def step() -> Any:
        optimizer.zero_grad()
        u = torch.rand(K, BATCH, TOKENS, TOKENS)
        A, x = torch.where(u < p, u / p, 0.0), torch.rand(BATCH, TOKENS, D_MODEL)
        target = torch.relu(torch.einsum("kbst,kbtd->bsd", A, torch.einsum("btd,kde->kbte", x, O)))
        patterns = torch.einsum("rjk,kbst->rjbst", M, A)
        values = torch.einsum("btd,rjde->rjbte", x, torch.einsum("rjk,kde->rjde", M, O))
        output = torch.relu(torch.einsum("rjbst,rjbte->rbse", patterns, values))
        loss = torch.square(target - output).sum() / BATCH
        loss.backward()
        optimizer.step()
        return loss

    return step


def problem(ovs: jax.Array) -> Any:
    """Return objective and optimizer of the same task for `toymodels.train`."""
    build = partial(MixingMatrix, K, HEADS, D_MODEL)
    objective = AttentionMixing(
        lambda key: build(key=key), ovs, SPARSITY, tokens=TOKENS, batch_size=BATCH
    )
    return objective, optax.adam(LEARNING_RATE)


def measure(restarts: int, quick: bool) -> dict[str, float]:
    """Time both sides on an ensemble of `restarts` models."""
    key = jax.random.key(0)
    ovs = OvDraw.of(K, D_MODEL, key=key).sparse(DENSITY)
    seeds = Axis.seeds(restarts, shared_batches=True)
    ours = partial(Request, problem, [seeds], key=key, data={"ovs": ovs})
    rounds, seconds = (3, 0.5) if quick else (7, 2.0)
    eager = common.Reference(reference_step(restarts, np.array(ovs)))
    return common.time_in_turns({"PyTorch": [eager]}, ours, rounds, seconds)


def run(quick: bool, out: Path) -> None:
    """Measure the table, print it, and write it to `out`."""
    cores = common.use_all_cores()
    rows: list[common.Row] = []
    sizes = {"features": K, "heads": HEADS, "tokens": TOKENS, "d_model": D_MODEL, "batch": BATCH}
    for restarts in RESTARTS:
        times = measure(restarts, quick)
        row = common.result_row("attention", times, restarts=restarts, **sizes)
        common.print_row(row)
        rows.append(row)
    common.write_results(out, rows, common.machine_facts(cores))


if __name__ == "__main__":
    common.main(run, Path(__file__).with_suffix(".json"), __doc__)
