"""Ensembles: one problem trained at every point of a grid of named axes, in one program.

A problem is a function `problem(**axis_values) -> (objective, optimizer)`. The ensemble is its
vmap over each axis, so that any argument can be swept, a learning rate as well as a sparsity.
The axis `seed` is not passed to the problem: it determines the initial weights and the batches.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import xarray as xr
from jaxtyping import PRNGKeyArray

from toymodels.engine.axes import Axis
from toymodels.engine.checks import Problem
from toymodels.engine.probe import Probe
from toymodels.engine.progress import show
from toymodels.engine.request import Request
from toymodels.engine.resume import with_state
from toymodels.engine.training import Report, Store


def train(
    problem: Problem,
    axes: Sequence[Axis],
    steps: int,
    *,
    key: PRNGKeyArray,
    data: Mapping[str, Any] | None = None,
    snapshots: Sequence[int] = (),
    probe: Probe | None = None,
    refreshes: Sequence[int] = (),
    devices: Sequence[jax.Device] | None = None,
    start: xr.Dataset | None = None,
    store: Store | None = None,
    report: Report | None = None,
    progress: bool | str = True,
    diverged: Literal["keep", "raise"] = "keep",
) -> xr.Dataset:
    """Train `problem` at every point of the grid of `axes`.

    Members share all random numbers except along the seed axis, so that a member equals the
    same point trained alone with the same key and seed. All members share one test set.

    >>> import jax, optax
    >>> from toymodels import Axis, Reconstruction, ReluOutput, SparseFeatures, train
    >>> def problem(sparsity, learning_rate):
    ...     features = SparseFeatures(5, sparsity=sparsity)
    ...     objective = Reconstruction(features, lambda key: ReluOutput(5, 2, key=key), 64)
    ...     return objective, optax.adam(learning_rate)
    >>> axes = [Axis("sparsity", [0.0, 0.9]), Axis("learning_rate", [0.01]), Axis.seeds(4)]
    >>> models = train(problem, axes, steps=20, key=jax.random.key(0))
    >>> models.W.dims
    ('sparsity', 'learning_rate', 'seed', 'hidden', 'feature')

    Compiled programs are reused within a process: the same problem with other axis values,
    another key or another number of steps is not compiled again.

    To continue from a result, pass it as `start`, with the same problem, axes and key: k steps
    and then l more equal k + l steps, bit for bit. Weights, optimizer state and the step count
    continue; the records cover the new steps only. The problem may differ, for example in its
    learning rate, if its optimizer state has the same structure. Members can be selected,
    `models.isel(seed=[3])`, with matching axes.

    Ctrl-C ends the training and returns the result so far, with a warning. To stop when the
    loss has not fallen by 1% for ten reports:

        losses = []

        def at_a_plateau(step, steps, loss):
            losses.append(float(loss.mean()))
            return min(losses[-10:]) > 0.99 * min(losses[:-10], default=float("inf"))

    and `train(..., report=at_a_plateau)`.

    Args:
        problem: axis values by name, except the seed -> (objective, optimizer).
        axes: the grid's axes; an empty sequence trains a single model.
        steps: optimizer steps, in addition to those of `start`.
        key: PRNG key.
        data: arguments of the problem that are the same at every point: pytrees of arrays.
        snapshots: steps (0 to the last) at which to record the parameters.
        probe: further measurements, at given steps or at the end.
        refreshes: steps (1 to the last) after which to call the objective's `refresh`; a
            snapshot of the same step is taken afterwards.
        devices: where to train; all local devices by default.
        start: a result of `train` to continue from.
        store: where checkpoints are saved, and loaded from if the run is resumed. With a store,
            Ctrl-C saves a checkpoint and raises KeyboardInterrupt.
        report: called as report(step, steps, loss) about a hundred times, with the current step,
            the last step, and the mean training loss since the previous report as a DataArray
            with the ensemble's axes; training stops when it returns True.
        progress: whether to show progress on a terminal or in a notebook. A string is shown as
            the training's name; then lines are also printed elsewhere, such as to a log file.
        diverged: what happens to a member whose loss becomes NaN or infinite. "keep": its loss
            and parameters are NaN, a warning and the attribute `diverged` name it, and `best_of`
            leaves it out. "raise": the training ends.

    Returns:
        A Dataset with a dimension for each axis, the parameters under their own names,
        `loss` (test loss), `loss_history` (training loss, mean since the previous `step`),
        NAME_history (..., snapshot, ...) for each parameter if there are snapshots, and the
        probe's measurements (..., probed, ...), without `probed` if the probe has no steps.
        Variables with a dot in their names hold the rest of the state, for resuming; `best_of`,
        `save` and `load` keep them. The attribute `steps` counts the steps taken; if they are
        fewer than requested, the attribute `incomplete` gives the reason.

    Raises:
        ValueError: if names of axes or data repeat or are reserved, a value is outside its
            range, steps < 1, refreshes are given to an objective without `refresh`, `start` has
            other axes, models or optimizers, or the problem is invalid; TooLarge, before
            anything is allocated, if weights, optimizer state and records exceed the memory.
        TrainingDiverged: if the losses of all members become NaN or infinite, or of one with
            diverged="raise".
    """
    request = Request(
        problem, axes, steps, key, data, snapshots, probe, refreshes, devices, start, diverged
    )
    training = request.prepare()
    with show(progress, training.borders[-1]) as shown:
        run = training.run(store, [each for each in (shown, report) if each])
    models = with_state(training.dataset(run), run, training.order)
    if "diverged" in models.attrs:
        warnings.warn(f"diverged, and NaN in the result: {models.diverged}", stacklevel=2)
    if not run.ended:
        return models
    sentence = f"{run.ended} after {run.step} of {training.borders[-1]} steps"
    if run.ended == "interrupted":
        warnings.warn(f"{sentence}: the result is what there is so far", stacklevel=2)
    return models.assign_attrs(incomplete=sentence)
