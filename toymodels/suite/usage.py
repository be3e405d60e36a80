"""Shared by all commands: the usage text, and the handling of wrong usage."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

USAGE = """usage: python -m experiments COMMAND

  list [--out DIR]               one line per figure: family/stem, title, source; and its results
  run STEM|FAMILY|all ...        make figures; `run STEM --help` shows what can be set
      [--preset smoke|quick|paper] [--seed N] [--out DIR] [--data-dir DIR] [--force]
  status [--out DIR]             which figures in DIR (figures) are current, stale, missing
  report [--out DIR]             rebuild the pages in DIR (figures) from the records there
  new FAMILY/STEM                write the script of a new figure from a template

presets:
  smoke                          seconds, to test that it runs; the pictures are meaningless
  quick                          minutes on two cores, shows the phenomenon; the default
  paper                          the source's sizes and steps; some take hours

Files go to `figures`; with preset smoke or changed settings to `out`; with --out to DIR.
"""
COMMANDS = ("list", "run", "status", "report", "new")


class Parser(argparse.ArgumentParser):
    """A parser that raises ValueError instead of exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise ValueError."""
        raise ValueError(message)


def parse_out(command: str, words: Sequence[str]) -> Path | None:
    """Return the folder given by --out, the command's only flag, or None."""
    parser = Parser(f"python -m experiments {command}", allow_abbrev=False)
    parser.add_argument("--out", metavar="DIR", help="the folder with the figures")
    with wrong_usage():
        out = parser.parse_args(words).out
        if out == "":
            raise ValueError("out must name a folder; got ''")
    return Path(out) if out else None


@contextmanager
def wrong_usage() -> Iterator[None]:
    """Print the message of a ValueError, and exit with status 2."""
    try:
        yield
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
