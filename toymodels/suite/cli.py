"""The command line of all experiments; `run` is in `run_command`.

Exit status: 0 success, 1 a run failed, 2 wrong usage.
"""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from toymodels.suite import catalog, listing, scaffold
from toymodels.suite.terminal import with_safe_streams
from toymodels.suite.usage import COMMANDS, USAGE, wrong_usage


def suite(folder: Path, words: Sequence[str] | None = None) -> NoReturn:
    """Execute a command on the experiments in a folder, and exit."""
    given = sys.argv[1:] if words is None else words
    sys.exit(with_safe_streams(lambda: command(folder, given)))


def command(folder: Path, words: Sequence[str]) -> int:
    """Execute the command named by the first word; return the exit status."""
    first, *rest = words or [""]
    if first in ("-h", "--help") or (first == "run" and {*rest} in ({"-h"}, {"--help"})):
        print(USAGE, end="")
        return 0
    with wrong_usage():
        if first not in COMMANDS:
            nearest = get_close_matches(first, COMMANDS, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ValueError(f"a command is one of {', '.join(COMMANDS)}; got {first!r}{hint}")
        scripts = catalog.find_scripts(folder)
    if first == "run":
        from toymodels.suite.run_command import run_chosen  # imports JAX, which takes long

        return run_chosen(scripts, folder, rest)
    if first == "new":
        return scaffold.write_script(scripts, folder, rest)
    commands = {
        "list": listing.list_figures,
        "report": listing.rebuild_page,
        "status": listing.show_status,
    }
    return commands[first](scripts, folder.parent, rest)
