"""An experiment: what it can be set to, how it trains, draws and judges one figure."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import xarray as xr
from jaxtyping import PRNGKeyArray
from matplotlib.figure import Figure

from toymodels.engine import ensemble
from toymodels.engine.axes import Axis
from toymodels.engine.ensemble import Problem
from toymodels.engine.training import Report, Store
from toymodels.suite.catalog import Page, describe
from toymodels.suite.claim import Claim
from toymodels.suite.spec import Spec

S = TypeVar("S", bound=Spec)


@dataclass
class Runner:
    """How the trainings of one run are watched and kept; `Runner()` does neither.

    Attributes:
        store: gives the store for the training of a name.
        progress: gives a context for the training of a name and a number of steps, within
            which its progress is reported.
        data_dir: the folder with a dataset's files, if the user names one.
    """

    store: Callable[[str], Store | None] = lambda name: None
    progress: Callable[[str, int], AbstractContextManager[Report | None]] = lambda name, steps: (
        nullcontext()
    )
    data_dir: Path | None = None
    _names: set[str] = field(default_factory=set, init=False, repr=False)

    def train(
        self,
        name: str,
        problem: Problem,
        axes: Sequence[Axis],
        steps: int,
        *,
        key: PRNGKeyArray,
        data: Mapping[str, Any] | None = None,
        snapshots: Sequence[int] = (),
        refreshes: Sequence[int] = (),
    ) -> xr.Dataset:
        """Train an ensemble as `toymodels.train` does, under a name of its own in this run.

        Raises:
            ValueError: if the name was used before, or could not be a file's.
        """
        if not re.fullmatch(r"\w[\w.=-]*", name):
            raise ValueError(f"a training's name is letters, digits and _.=-; got {name!r}")
        if name in self._names:
            raise ValueError(f"two trainings of one run cannot share the name {name!r}")
        self._names.add(name)
        with self.progress(name, steps) as report:
            return ensemble.train(
                problem,
                axes,
                steps,
                key,
                data=data,
                snapshots=snapshots,
                refreshes=refreshes,
                store=self.store(name),
                report=report,
            )


@dataclass(frozen=True)
class Experiment(Generic[S]):
    """One figure of a source, made by one script.

    Attributes:
        Spec: its settings; the defaults are the preset `quick`.
        run: (spec, key, runner) -> Dataset: trains, and computes all that is drawn.
        plot: Dataset -> Figure: draws from nothing else.
        claims: Dataset -> what the source says, measured.
        smoke: settings that take seconds.
        paper: the source's own settings.
        sweeps: the axis that the figure is about.
        deviations: where it differs from the source, a sentence each.

    Raises:
        TypeError: if Spec is no dataclass, or has a field that belongs to the command line.
    """

    Spec: type[S]
    run: Callable[[S, PRNGKeyArray, Runner], xr.Dataset]
    plot: Callable[[xr.Dataset], Figure]
    claims: Callable[[xr.Dataset], Sequence[Claim]]
    _: KW_ONLY
    smoke: S
    paper: S
    sweeps: str
    deviations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "__dataclass_fields__" not in vars(self.Spec):
            raise TypeError("Spec must be decorated with @dataclass(frozen=True)")
        taken = {"preset", "seed", "out", "data_dir", "force"} & set(self.Spec.__dataclass_fields__)
        if taken:
            raise TypeError(f"{', '.join(sorted(taken))}: the command line's own, not a Spec field")

    def preset(self, name: str) -> S:
        """Return the settings of a preset."""
        return {"smoke": self.smoke, "quick": self.Spec(), "paper": self.paper}[name]

    @cached_property
    def page(self) -> Page:
        """What the script's docstring says, and where the script is."""
        file = inspect.getsourcefile(inspect.unwrap(self.claims))
        if file is None:
            raise ValueError("an experiment is defined in a file")
        return describe(Path(file).resolve())

    @property
    def root(self) -> Path:
        """The folder that holds `experiments`."""
        return self.page.path.parents[2]
