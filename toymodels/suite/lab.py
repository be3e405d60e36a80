"""The one way in which a script trains: progress, checkpoints, streams of random numbers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import jax
import optax
import xarray as xr
from jaxtyping import PRNGKeyArray

from toymodels.data.images import ImageDataset, ImageSource, load_images
from toymodels.engine.axes import Axis
from toymodels.engine.ensemble import train
from toymodels.engine.objective import Objective
from toymodels.engine.resume import without_state
from toymodels.engine.training import Store
from toymodels.numerics.streams import stream_key
from toymodels.suite.spec import Spec

Swept = str | Axis | Sequence[str | Axis]
"""What to sweep: fields of the Spec by name, and axes."""
Problem = Callable[..., tuple[Objective, optax.GradientTransformation]]
"""Axis values by name -> (objective, optimizer)."""

S = TypeVar("S", bound=Spec, covariant=True)


@dataclass
class Lab(Generic[S]):
    """What a script's `run` is given: its settings, and how to train and to draw at random.

    `Lab(spec)` is quiet and touches no disk, for notebooks and tests; the command line gives one
    with progress and checkpoints.

    Attributes:
        spec: the settings.
        seed: decides all random numbers of the run.
        store: gives the store for the training of a name.
        progress: whether to show how far each training is.
        data_dir: the folder with a dataset's files, if the user names one.
        engine: what trains: `toymodels.train`, or a stand-in for it.
    """

    spec: S
    seed: int = 0
    _: KW_ONLY
    store: Callable[[str], Store | None] = lambda name: None
    progress: bool = False
    data_dir: Path | None = None
    engine: Callable[..., xr.Dataset] = train
    streams: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    """The random stream of each training and each draw so far."""

    def key(self, name: str) -> PRNGKeyArray:
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
        return int(jax.random.randint(self.key(name), (), 0, 2**31 - 1))

    def train(
        self,
        name: str,
        problem: Problem,
        axes: Swept = (),
        *,
        steps: int | None = None,
        restarts: int | None = None,
        shared_batches: bool = False,
        stream: str | None = None,
        history: bool = False,
        **options: Any,
    ) -> xr.Dataset:
        """Train an ensemble by `toymodels.train`, under a name of its own in this run.

        Steps and restarts that are not given are those of the Spec.

        Args:
            name: the training's name: that of its checkpoint and of its random stream.
            problem: axis values by name -> (objective, optimizer).
            axes: what is swept, fields of the Spec by name or axes; restarts are added.
            steps: optimizer steps.
            restarts: models trained at each point, along the axis `seed`.
            shared_batches: whether the restarts see the same batches.
            stream: the random stream, if not the training's own. Trainings of one stream start
                from the same weights, where sizes agree, and see the same samples.
            history: whether to keep the training loss, as `loss_history`.
            options: `data`, `snapshots`, `probe` and `refreshes`, as `toymodels.train` takes them.

        Raises:
            ValueError: if the name was used before, or could not be a file's.
            TypeError: if the Spec has no steps or restarts, and none are given.
        """
        if not re.fullmatch(r"\w[\w.=-]*", name):
            raise ValueError(f"a training's name is letters, digits and _.=-; got {name!r}")
        key = self._key(name, f"training {stream or name}")
        steps = self._setting("steps") if steps is None else steps
        restarts = self._setting("restarts") if restarts is None else restarts
        models = self.engine(
            problem,
            [*self._axes(axes), Axis.seeds(restarts, shared_batches=shared_batches)],
            steps,
            key=key,
            store=self.store(name),
            progress=self.progress and name,
            **options,
        )
        if "incomplete" in models.attrs:  # by Ctrl-C, without a store: the run is to end as well
            raise KeyboardInterrupt
        models = without_state(models)
        return models if history else models.drop_dims("step")

    def images(self, name: ImageSource) -> ImageDataset:
        """Return a dataset of labelled images, from the folder that the user named, if any.

        Raises:
            DatasetError: if it is damaged, or neither here nor to be had.
        """
        return load_images(name, self.data_dir)

    def _key(self, name: str, stream: str) -> PRNGKeyArray:
        if name in self.streams:
            raise ValueError(f"two trainings or draws of one run cannot share the name {name!r}")
        self.streams[name] = stream
        return stream_key(jax.random.key(self.seed), stream)

    def _setting(self, name: str) -> int:
        if not hasattr(self.spec, name):
            raise TypeError(f"{type(self.spec).__name__} has no {name}: say it to train")
        return getattr(self.spec, name)

    def _axes(self, axes: Swept) -> list[Axis]:
        swept = [axes] if isinstance(axes, str | Axis) else axes
        return [
            Axis(axis, getattr(self.spec, axis)) if isinstance(axis, str) else axis
            for axis in swept
        ]
