"""Ensembles: one problem trained at every point of a grid of named axes, as one program.

A problem is a function `problem(**axis_values) -> (objective, optimizer)`. The ensemble is its
vmap, axis by axis, so that a learning rate can be an axis as well as a sparsity; the axis called
`seed` is not passed on: it decides the initial weights and the batches.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

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
) -> xr.Dataset:
    """Train `problem` at every point of the grid of `axes`.

    All members share their random numbers except along the seed axis, so a member equals the
    same point trained alone with the same key and seed. The test set is one for all.

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

    A problem that was trained before in this process, perhaps with other values of its axes,
    another key or number of steps, is not compiled again.

    To go on with a result, give it as `start`, with the same problem, axes and key: k steps and
    then l more are k + l steps, to the last bit. Weights and optimizer go on as they are, and
    so does the count of steps, for the loss records, snapshots, probes and refreshes; the records
    are those of the new steps. Another learning rate is another problem whose optimizer has the
    same structure. Members can be selected, `models.isel(seed=[3])`, with the axes to match.

    Ctrl-C returns what there is, with a warning. To stop where the loss has not fallen by a
    hundredth for ten reports:

        losses = []

        def at_a_plateau(step, steps, loss):
            losses.append(float(loss.mean()))
            return min(losses[-10:]) > 0.99 * min(losses[:-10], default=float("inf"))

    and `train(..., report=at_a_plateau)`.

    Args:
        problem: axis values by name (the seed's aside) -> (objective, optimizer).
        axes: the grid's axes; none trains a single model.
        steps: optimizer steps, besides those that `start` has behind it.
        key: randomness of everything.
        data: what the problem receives by name at every point alike: pytrees of arrays.
        snapshots: steps (0 to the last) at which to keep the parameters.
        probe: what else to measure, at which steps or at the end.
        refreshes: steps (1 to the last) after which to call the objective's `refresh`, before a
            snapshot of the same step is taken; it is called at no others.
        devices: where to train; all local devices by default.
        start: a result of `train` to go on with.
        store: where checkpoints go, and come from when the run is resumed. Ctrl-C saves one and
            is not caught then.
        report: called as report(step, steps, loss) about a hundred times, with the step reached,
            the last step, and the training loss since the report before as a DataArray with the
            ensemble's axes; the training ends where it returns True.
        progress: whether to show how far it is, on a terminal and in a notebook; a name is shown
            with it, and elsewhere, as in a log file, by a line now and then.

    Returns:
        A Dataset with a dimension for each axis, the parameters under their own names,
        `loss` (test loss), `loss_history` (training loss, mean since the previous `step`),
        and NAME_history (..., snapshot, ...) for each parameter if snapshots were asked for,
        (..., probed, ...) for each measurement of the probe, without `probed` if it has no steps.
        Variables with a dot in their names are what resuming needs besides; `best_of`, `save` and
        `load` keep them. The attribute `steps` counts the steps taken; `incomplete` is there, and
        says why, if they are fewer than asked for.

    Raises:
        ValueError: if axes or data repeat a name or take one that the results need, a value is
            outside its range, steps < 1, refreshes are given to an objective without `refresh`,
            `start` is of other axes, models or optimizers, or the problem is none; a TooLarge,
            before anything is allocated, if weights, optimizer state and records do not fit into
            memory.
        TrainingDiverged: if a loss becomes NaN or infinite.
    """
    request = Request(problem, axes, steps, key, data, snapshots, probe, refreshes, devices, start)
    training = request.prepare()
    with show(progress, training.borders[-1]) as shown:
        run = training.run(store, [each for each in (shown, report) if each])
    models = with_state(training.dataset(run), run, training.order)
    if not run.ended:
        return models
    sentence = f"{run.ended} after {run.step} of {training.borders[-1]} steps"
    if run.ended == "interrupted":
        warnings.warn(f"{sentence}: the result is what there is so far", stacklevel=2)
    return models.assign_attrs(incomplete=sentence)
