"""What all commands have in common: how they are called, and how wrong usage ends."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from toymodels.suite.spec import Range, Spec

USAGE = """usage: python -m experiments COMMAND

  list [--out DIR]               one line a figure: family/stem, title, source; what there is of it
  run STEM|FAMILY|all ...        make figures; `run STEM --help` shows what can be set
      [--preset smoke|quick|paper] [--seed N] [--out DIR] [--data-dir DIR] [--force]
  status [--out DIR]             which figures in DIR (figures) are current, stale, missing
  report [--out DIR]             rebuild the pages in DIR (figures) from the records there
  new FAMILY/STEM                write a script that runs, to be filled in

presets:
  smoke                          seconds, to see that it works; the pictures mean nothing
  quick                          minutes on two cores: the phenomenon, and what is run by default
  paper                          the source's own sizes and steps; some take hours

Files go to `figures`, at the preset smoke and with changed settings to `out`, or where --out says.
"""
COMMANDS = ("list", "run", "status", "report", "new")

Preset = Literal["smoke", "quick", "paper"]


class Options(Spec):
    """How to run, whatever the figure."""

    preset: Preset = "quick"
    """Its size: smoke takes seconds, quick minutes, paper is the source's own."""
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Decides all random numbers."""
    out: str | None = None
    """Folder for the files; without it `figures`, or `out` for smoke and changed settings."""
    data_dir: str | None = None
    """Folder with MNIST's four files; without it they are sought, or downloaded."""
    force: bool = False
    """Train even if the result is there, replace a higher preset's, record uncommitted sources."""

    def check(self) -> None:
        """Refuse folders without a name, which are variables of a shell that were never set."""
        for name in ("out", "data_dir"):
            if getattr(self, name) == "":
                raise ValueError(f"{name} must name a folder; got ''")
        if self.data_dir is not None and not Path(self.data_dir).expanduser().is_dir():
            raise ValueError(f"data_dir must name a folder; there is no {self.data_dir}")


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Raise ValueError."""
        raise ValueError(message)


def parse_out(command: str, words: Sequence[str]) -> Path | None:
    """Return the folder that --out names, the only flag of a command; None without it."""
    parser = Parser(f"python -m experiments {command}", allow_abbrev=False)
    parser.add_argument("--out", metavar="DIR", help="the folder with the figures")
    with wrong_usage():
        out = Options(out=parser.parse_args(words).out).out
    return Path(out) if out else None


@contextmanager
def wrong_usage() -> Iterator[None]:
    """Make what a ValueError says the end of a command that cannot be understood."""
    try:
        yield
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
