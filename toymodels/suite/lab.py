"""Training for scripts: settings, progress, checkpoints and random streams."""

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
"""Swept axes: names of Spec fields, or `Axis` objects."""
Problem = Callable[..., tuple[Objective, optax.GradientTransformation]]
"""Axis values by name -> (objective, optimizer)."""

S = TypeVar("S", bound=Spec, covariant=True)


@dataclass
class Lab(Generic[S]):
    """The argument of a script's `run`: its settings, training and random keys.

    `Lab(spec)` prints nothing and writes no files, for notebooks and tests; the command line adds
    progress and checkpoints.

    Attributes:
        spec: the settings.
        seed: seed of all random numbers of the run.
        store: training name -> its checkpoint store, or None.
        progress: whether to show the progress of each training.
        data_dir: folder with a dataset's files, if given.
        engine: `toymodels.train`, or a replacement for tests.
    """

    spec: S
    seed: int = 0
    _: KW_ONLY
    store: Callable[[str], Store | None] = lambda name: None
    progress: bool = False
    data_dir: Path | None = None
    engine: Callable[..., xr.Dataset] = train
    streams: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    """The random stream of each training and draw so far, by name."""

    def key(self, name: str) -> PRNGKeyArray:
        """Return the random key of this name, for draws outside of a training.

        Raises:
            ValueError: if the name was used before; keep the key to use it again.
        """
        return self._key(name, f"draw {name}")

    def integer(self, name: str) -> int:
        """Return the random seed of this name, in [0, 2^31), for libraries with integer seeds.

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
        """Train an ensemble with `toymodels.train`, under a name that is unique in this run.

        `steps` and `restarts` default to those of the Spec.

        Args:
            name: name of the training, its checkpoint and its random stream.
            problem: axis values by name -> (objective, optimizer).
            axes: swept axes, names of Spec fields or `Axis` objects; restarts are added.
            steps: optimizer steps.
            restarts: models per point, along the axis `seed`.
            shared_batches: whether restarts use the same batches.
            stream: name of the random stream, `name` by default. Trainings with the same stream
                have the same initial weights, where sizes agree, and the same samples.
            history: whether to keep the training loss as `loss_history`.
            options: `data`, `snapshots`, `probe` and `refreshes` of `toymodels.train`.

        Raises:
            ValueError: if the name was used before, or is not valid as a file name.
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
        if "incomplete" in models.attrs:  # Ctrl-C without a store: stop the run as well
            raise KeyboardInterrupt
        models = without_state(models)
        return models if history else models.drop_dims("step")

    def images(self, name: ImageSource) -> ImageDataset:
        """Return a dataset of labelled images, from `data_dir` if given.

        Raises:
            DatasetError: if it is damaged, or can be neither found nor downloaded.
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
