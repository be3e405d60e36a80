"""An experiment: what it can be set to, how it trains, draws and judges one figure."""

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

    The script's docstring is its page: title, source, and the deviations from it, in which
    `{field}` stands for the setting of the run, formatted as in `str.format`.

    Attributes:
        file: the script, its `__file__`.
        Spec: its settings; the defaults are the preset `quick`.
        run: Lab -> Dataset, or a DataTree where sizes differ: trains, and computes all that is
            drawn.
        plot: the stored data -> Figure: draws from nothing else.
        claims: the stored data -> what the source says, measured.
        smoke: settings that take seconds.
        paper: the source's own settings.
        describes: what the variables are that the script adds to the data, in a few words each.
        version: to be raised where the numbers change by what no identity sees.

    Raises:
        TypeError: if Spec has a field that belongs to the command line, or the docstring's
            deviations name a setting that there is not.
        ValueError: if the script's docstring is no page.
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
            raise TypeError(f"{', '.join(sorted(taken))}: the command line's own, not a Spec field")
        try:
            self.deviations_at(self.Spec())
        except KeyError as error:
            raise TypeError(f"a deviation names {error}, which the Spec has not") from None

    def preset(self, name: str) -> S:
        """Return the settings of a preset."""
        return {"smoke": self.smoke, "quick": self.Spec(), "paper": self.paper}[name]

    def deviations_at(self, spec: S) -> tuple[str, ...]:
        """Return the docstring's deviations, with these settings in the place of `{field}`."""
        settings = {name: getattr(spec, name) for name in spec.to_dict()}
        return tuple(sentence.format(**settings) for sentence in self.doc.deviations)

    @cached_property
    def doc(self) -> ScriptDoc:
        """What the script's docstring says, and where the script is."""
        return read_doc(Path(self.file).resolve())

    @property
    def root(self) -> Path:
        """The folder that holds `experiments`."""
        return self.doc.path.parents[2]

    def main(self) -> NoReturn:
        """Run this script's experiment as its command line says, and exit."""
        from toymodels.suite.run_command import main  # which imports this module

        main(self, sys.argv[1:])
