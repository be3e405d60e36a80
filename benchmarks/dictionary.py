"""Throughput: training sparse dictionaries here, and in PyTorch eager.

    python -m benchmarks.dictionary [--quick] [--out FILE]

The work is the same on both sides: eight ReLU dictionaries of 512 features for activations of
64 dimensions, one for each L1 coefficient, trained in parallel. A step draws 4,096 of 2^17
activations, with replacement and the same for all eight, takes the gradient of |x - x'|^2 + l1
sum f, projects the decoder's gradient orthogonal to its columns, takes an Adam step, and
normalises the columns. The reference is one PyTorch module with batched parameters; ours is
`toymodels.train`.

Timing as in `benchmarks.throughput`: whole steps, both sides in turns, no compilation, and torch
with its default number of threads or one, whichever is faster.
"""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from benchmarks import common
from toymodels import Axis, ReluDictionary, SparseDictionary, with_unit_columns
from toymodels.engine.request import Request

INPUTS, FEATURES, BATCH = 64, 512, 4096
COEFFICIENTS = np.geomspace(0.01, 1.0, 8)
SAMPLES = 2**17
LEARNING_RATE = 1e-3
ACTIVE = 0.02  # probability of each true feature; there are as many as dictionary features


def activations() -> np.ndarray:
    """Return sparse combinations of random directions, as columns [INPUTS, SAMPLES]."""
    random = np.random.default_rng(0)
    directions = random.normal(size=(INPUTS, FEATURES)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    values = random.random((FEATURES, SAMPLES), np.float32)
    values *= random.random((FEATURES, SAMPLES), np.float32) < ACTIVE
    return directions @ values


def reference_step(x: np.ndarray) -> common.Step:
    """Return a step of the eight dictionaries in PyTorch, on arrays [dictionary, sample, ...]."""
    torch = common.import_torch()
    data = torch.tensor(np.ascontiguousarray(x.T))
    count = len(COEFFICIENTS)
    directions = torch.nn.functional.normalize(torch.randn(count, FEATURES, INPUTS), dim=-1)
    decoder = torch.nn.Parameter(directions.clone())
    encoder = torch.nn.Parameter(directions.transpose(1, 2).clone())
    encoder_bias = torch.nn.Parameter(torch.zeros(count, 1, FEATURES))
    decoder_bias = torch.nn.Parameter(torch.zeros(count, 1, INPUTS))
    optimizer = torch.optim.Adam([encoder, encoder_bias, decoder, decoder_bias], LEARNING_RATE)
    l1 = torch.tensor(COEFFICIENTS, dtype=torch.float32)

    def step() -> Any:
        batch = data[torch.randint(SAMPLES, (BATCH,))]
        codes = torch.relu(torch.baddbmm(encoder_bias, batch - decoder_bias, encoder))
        output = torch.baddbmm(decoder_bias, codes, decoder)
        error = (batch - output).square().sum(dim=-1).mean(dim=-1)
        loss = (error + l1 * codes.sum(dim=-1).mean(dim=-1)).sum()
        optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            parallel = (decoder.grad * decoder).sum(dim=-1, keepdim=True)
            decoder.grad.sub_(parallel * decoder)
            optimizer.step()
            decoder.div_(decoder.norm(dim=-1, keepdim=True))
        return loss

    return step


def problem(l1: Any, activations: Any) -> Any:
    """Return objective and optimizer of the same task for `toymodels.train`, at one coefficient."""
    objective = SparseDictionary(
        lambda key: ReluDictionary(INPUTS, FEATURES, key=key), activations, l1, batch_size=BATCH
    )
    return objective, with_unit_columns(optax.adam(LEARNING_RATE))


def run(quick: bool, out: Path) -> None:
    """Measure both sides, print the row, and write it to `out`."""
    cores = common.use_all_cores()
    x, axes = activations(), [Axis("l1", COEFFICIENTS)]
    ours = partial(Request, problem, axes, key=jax.random.key(0), data={"activations": x})
    rounds, seconds = (3, 2.0) if quick else (7, 10.0)
    eager = common.Reference(reference_step(x))
    times = common.time_in_turns({"PyTorch": [eager]}, ours, rounds, seconds)
    sizes = {"inputs": INPUTS, "features": FEATURES, "batch": BATCH, "l1": len(COEFFICIENTS)}
    row = common.result_row("sparse dictionaries", times, **sizes)
    common.print_row(row)
    common.write_results(out, [row], common.machine_facts(cores))


if __name__ == "__main__":
    common.main(run, Path(__file__).with_suffix(".json"), __doc__)
