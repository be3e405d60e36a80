"""The one way in which a script trains: progress, checkpoints, streams of random numbers."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import xarray as xr

from toymodels.suite.spec import Spec, TrainingSpec

if TYPE_CHECKING:
    import optax
    from jaxtyping import PRNGKeyArray

    from toymodels.data.images import ImageDataset, ImageSource
    from toymodels.engine.axes import Axis
    from toymodels.engine.objective import Objective
    from toymodels.engine.probe import Probe
    from toymodels.engine.training import Report, Store

    Swept = str | Axis | Sequence[str | Axis]
    """What to sweep: fields of the Spec by name, and axes."""
    Given = Objective | tuple[Objective, optax.GradientTransformation]
    """An objective, with an optimizer of its own if the Spec's is not meant."""

S = TypeVar("S", bound=Spec, covariant=True)


def _train(*given: Any, **named: Any) -> xr.Dataset:
    from toymodels.engine.ensemble import train  # scripts name a Lab to draw as well

    return train(*given, **named)


@dataclass
class Lab(Generic[S]):
    """What a script's `run` is given: its settings, and how to train and to draw at random.

    `Lab(spec)` is quiet and touches no disk, for notebooks and tests; the command line gives one
    with progress and checkpoints.

    Attributes:
        spec: the settings.
        seed: decides all random numbers of the run.
        store: gives the store for the training of a name.
        progress: gives a context for the training of a name and a number of steps, within
            which its progress is reported.
        data_dir: the folder with a dataset's files, if the user names one.
        engine: what trains: `ensemble.train`, or `ensemble.rehearse`, which takes no step.
    """

    spec: S
    seed: int = 0
    _: KW_ONLY
    store: "Callable[[str], Store | None]" = lambda name: None
    progress: "Callable[[str, int], AbstractContextManager[Report | None]]" = lambda name, steps: (
        nullcontext()
    )
    data_dir: Path | None = None
    engine: Callable[..., xr.Dataset] = _train
    streams: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    """The random stream of each training and each draw so far."""

    def key(self, name: str) -> "PRNGKeyArray":
        """Return the key of the run's stream of this name, for draws outside of a training.

        Raises:
            ValueError: if the name was used before: keep the key to draw from it again.
        """
        return self._key(name, f"draw {name}")

    def integer(self, name: str) -> int:
        """Return a seed in [0, 2^31) of the run's stream of this name, for libraries that ask so.

        Raises:
            ValueError: if the name was used before.
        """
        import jax

        return int(jax.random.randint(self.key(name), (), 0, 2**31 - 1))

    def train(
        self,
        name: str,
        problem: "Callable[..., Given]",
        over: "Swept" = (),
        *,
        steps: int | None = None,
        restarts: int | None = None,
        shared_batches: bool = False,
        stream: str | None = None,
        data: Mapping[str, Any] | None = None,
        snapshots: Sequence[int] = (),
        probe: "Probe | None" = None,
        refreshes: Sequence[int] = (),
        history: bool = False,
    ) -> xr.Dataset:
        """Train an ensemble as `toymodels.train` does, under a name of its own in this run.

        What is not said here is taken from a `TrainingSpec`: the optimizer of a problem that is
        but an objective, the steps and the restarts.

        Args:
            name: the training's name: that of its checkpoint and of its random stream.
            problem: axis values by name -> objective, or (objective, optimizer).
            over: what is swept, fields of the Spec by name or axes; restarts are added.
            steps: optimizer steps.
            restarts: models trained at each point, along the axis `seed`.
            shared_batches: whether the restarts see the same batches.
            stream: the random stream, if not the training's own. Trainings of one stream start
                from the same weights, where sizes agree, and see the same samples.
            data: pytrees of arrays that the problem receives by name at every point alike.
            snapshots: steps at which to keep the weights.
            probe: what else to measure, at which steps or at the end.
            refreshes: steps after which to call the objective's `refresh`.
            history: whether to keep the training loss, as `loss_history`.

        Raises:
            ValueError: if the name was used before, or could not be a file's.
            TypeError: if the Spec is no TrainingSpec, and something is left to it.
        """
        from toymodels.engine.axes import Axis

        if not re.fullmatch(r"\w[\w.=-]*", name):
            raise ValueError(f"a training's name is letters, digits and _.=-; got {name!r}")
        key = self._key(name, f"training {stream or name}")
        steps = self._setting("steps") if steps is None else steps
        seeds = Axis.seeds(
            self._setting("restarts") if restarts is None else restarts,
            shared_batches=shared_batches,
        )
        with self.progress(name, steps) as report:
            models = self.engine(
                self._with_optimizer(problem),
                [*self._axes(over), seeds],
                steps,
                key,
                data=data,
                snapshots=snapshots,
                probe=probe,
                refreshes=refreshes,
                store=self.store(name),
                report=report,
            )
        return models if history else models.drop_dims("step")

    def images(self, name: "ImageSource") -> "ImageDataset":
        """Return a dataset of labelled images, from the folder that the user named, if any.

        Raises:
            DatasetError: if it is damaged, or neither here nor to be had.
        """
        from toymodels.data.images import load_images

        return load_images(name, self.data_dir)

    def _key(self, name: str, stream: str) -> "PRNGKeyArray":
        if name in self.streams:
            raise ValueError(f"two trainings or draws of one run cannot share the name {name!r}")
        import jax

        from toymodels.numerics.streams import stream_key

        self.streams[name] = stream
        return stream_key(jax.random.key(self.seed), stream)

    def _setting(self, name: str) -> int:
        if not hasattr(self.spec, name):
            raise TypeError(f"{type(self.spec).__name__} has no {name}: say it to train")
        return getattr(self.spec, name)

    def _axes(self, over: "Swept") -> "list[Axis]":
        from toymodels.engine.axes import Axis

        swept = [over] if isinstance(over, str | Axis) else over
        return [
            Axis(one, getattr(self.spec, one)) if isinstance(one, str) else one for one in swept
        ]

    def _with_optimizer(self, problem: "Callable[..., Given]") -> "Callable[..., Given]":
        def complete(**values: Any) -> "Given":
            given = problem(**values)
            if isinstance(given, tuple):
                return given
            if not isinstance(self.spec, TrainingSpec):
                raise TypeError("the problem needs an optimizer: the Spec is no TrainingSpec")
            return given, self.spec.optimizer()

        return complete
