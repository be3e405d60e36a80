"""An experiment: the settings, training, plot and claims of one figure."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import xarray as xr
from matplotlib.figure import Figure

from toymodels.suite.catalog import ScriptDoc, read_doc
from toymodels.suite.claim import Claim
from toymodels.suite.spec import Spec

if TYPE_CHECKING:
    from toymodels.suite.lab import Lab

S = TypeVar("S", bound=Spec)
Results = xr.Dataset | xr.DataTree


@dataclass(frozen=True)
class Experiment(Generic[S]):
    """One figure of a source, made by one script.

    The script's docstring gives the title, the source and the deviations from it. In deviations,
    `{field}` is replaced by the run's setting, as in `str.format`.

    Attributes:
        file: the script, its `__file__`.
        Spec: its settings class; the defaults are the preset `quick`.
        run: Lab -> Dataset, or DataTree where sizes differ: trains, and computes the data.
        plot: the stored data -> Figure; uses no other input.
        claims: the stored data -> the measured claims.
        smoke: settings that run in seconds.
        paper: the source's settings.
        describes: `long_name` of each variable that the script adds to the data.
        version: increase it when the numbers change for a reason that the identity does not cover.

    Raises:
        TypeError: if Spec has a field that the command line defines, or the deviations name a
            field that Spec lacks.
        ValueError: if the script's docstring lacks a title or a source.
    """

    file: str
    Spec: type[S]
    run: "Callable[[Lab[S]], Results]"
    plot: Callable[[Any], Figure]
    claims: Callable[[Any], Iterable[Claim]]
    _: KW_ONLY
    smoke: S
    paper: S
    describes: Mapping[str, str] = field(default_factory=dict)
    version: int = 1

    def __post_init__(self) -> None:
        taken = {"preset", "seed", "out", "data_dir", "force"} & set(self.Spec.model_fields)
        if taken:
            raise TypeError(f"{', '.join(sorted(taken))}: reserved for the command line")
        try:
            self.deviations_at(self.Spec())
        except KeyError as error:
            raise TypeError(f"a deviation names {error}, which is not a Spec field") from None

    def preset(self, name: str) -> S:
        """Return the settings of a preset."""
        return {"smoke": self.smoke, "quick": self.Spec(), "paper": self.paper}[name]

    def deviations_at(self, spec: S) -> tuple[str, ...]:
        """Return the docstring's deviations, with `{field}` replaced by these settings."""
        settings = {name: getattr(spec, name) for name in spec.to_dict()}
        return tuple(sentence.format(**settings) for sentence in self.doc.deviations)

    @cached_property
    def doc(self) -> ScriptDoc:
        """The script's parsed docstring, and its path."""
        return read_doc(Path(self.file).resolve())

    @property
    def root(self) -> Path:
        """The folder that holds `experiments`."""
        return self.doc.path.parents[2]

    def main(self) -> NoReturn:
        """Run this experiment with the command-line arguments, and exit."""
        from toymodels.suite.run_command import main  # which imports this module

        main(self, sys.argv[1:])
