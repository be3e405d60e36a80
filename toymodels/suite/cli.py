"""The command line, of one script and of all: what to make, at which settings.

Exit status: 0 done, 1 a run failed, 2 wrong usage. Nothing here imports JAX before a run, so
that `list`, `report` and wrong usage answer at once.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

from toymodels.suite import catalog
from toymodels.suite.report import write_report
from toymodels.suite.spec import Range, Spec, conform

if TYPE_CHECKING:
    from toymodels.suite.experiment import Experiment
    from toymodels.suite.running import Order
    from toymodels.suite.store.identity import Sources

USAGE = """usage: python -m experiments COMMAND

  list                           one line a figure: family/stem, title, source
  run STEM|FAMILY|all ...        make figures; `run STEM --help` shows what can be set
      [--preset smoke|quick|paper] [--seed N] [--out DIR] [--data-dir DIR] [--force]
  status [--out DIR]             which figures in DIR (figures) are current, stale, missing
  report [--out DIR]             rebuild DIR/README.md (figures) from the records there
"""
COMMANDS = ("list", "run", "status", "report")
WITH_A_VALUE = ("--preset", "--seed", "--out", "--data-dir")  # of the flags that all runs have

Preset = Literal["smoke", "quick", "paper"]
Load = Callable[[], "Experiment[Any]"]


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


def main(experiment: "Experiment[Any]", words: Sequence[str] | None = None) -> NoReturn:
    """Run one script's experiment as the command line says, and exit."""
    page = experiment.page
    words = sys.argv[1:] if words is None else words
    prog = f"python experiments/{page.name}.py"
    sys.exit(run({page.name: lambda: experiment}, experiment.root, words, prog))


def suite(folder: Path, words: Sequence[str] | None = None) -> NoReturn:
    """Do with the experiments in a folder what the command line says, and exit."""
    command, *rest = (sys.argv[1:] if words is None else words) or [""]
    if command in ("-h", "--help"):
        print(USAGE)
        sys.exit(0)
    with _wrong_usage():
        if command not in COMMANDS:
            nearest = get_close_matches(command, COMMANDS, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ValueError(f"a command is one of {', '.join(COMMANDS)}; got {command!r}{hint}")
        scripts = catalog.find_scripts(folder)
    if command == "list":
        sys.exit(list_figures(scripts, rest))
    if command == "report":
        sys.exit(rebuild_page(folder.parent, rest))
    if command == "status":
        sys.exit(show_status(scripts, folder.parent, rest))
    sys.exit(run_chosen(scripts, folder, rest))


def list_figures(scripts: Mapping[str, Path], words: Sequence[str]) -> int:
    """Print a line for each figure."""
    with _wrong_usage():
        _Parser("python -m experiments list", allow_abbrev=False).parse_args(words)
    status, pages = 0, []
    for path in scripts.values():
        try:
            pages.append(catalog.read_page(path))
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 1
    width = max((len(page.name) for page in pages), default=0)
    for page in pages:
        print(f"{page.name:<{width}}  {page.title} ({page.source})")
    return status


def rebuild_page(root: Path, words: Sequence[str]) -> int:
    """Rebuild the page of all figures."""
    out = _out("report", root, words)
    try:
        print(write_report(out))
    except OSError as error:
        print(f"error: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
    return 0


def show_status(scripts: Mapping[str, Path], root: Path, words: Sequence[str]) -> int:
    """Print for each figure whether it is current."""
    from toymodels.suite.status import statuses

    out = _out("status", root, words)
    lines = list(statuses(scripts.values(), root, out))
    name_width = max((len(name) for name, _, _ in lines), default=0)
    state_width = max((len(state) for _, state, more in lines if more), default=0)
    for name, state, more in lines:
        print(f"{name:<{name_width}}  {state:<{state_width}}  {more}".rstrip())
    return 0


def _out(command: str, root: Path, words: Sequence[str]) -> Path:
    """Return the folder that a command is about."""
    parser = _Parser(f"python -m experiments {command}", allow_abbrev=False)
    parser.add_argument("--out", default=str(root / "figures"), metavar="DIR")
    with _wrong_usage():
        return Path(Options(out=parser.parse_args(words).out).out or "")


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def run_chosen(scripts: Mapping[str, Path], folder: Path, words: Sequence[str]) -> int:
    """Run the figures that the first words name, as the flags after them say."""
    targets, flags = split_targets(words)
    if not targets and {"-h", "--help"} & set(flags):
        print(USAGE)
        return 0
    with _wrong_usage():
        if not targets:
            raise ValueError(f"what to run? {catalog.choices(scripts)}")
        paths = catalog.choose(scripts, targets)
    loads = {f"{path.parent.name}/{path.stem}": _loader(path) for path in paths}
    return run(loads, folder.parent, flags, f"python -m experiments run {' '.join(targets)}")


def split_targets(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell the figures' names from the flags; after a figure's own flag, all are its values."""
    targets: list[str] = []
    flags: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            targets.append(word)
            continue
        flags.append(word)
        if word in WITH_A_VALUE:
            flags.extend(islice(rest, 1))
        elif word.partition("=")[0] not in (*WITH_A_VALUE, "--force"):
            flags.extend(rest)
    return targets, flags


def run(loads: Mapping[str, Load], root: Path, words: Sequence[str], prog: str) -> int:
    """Make figures, given by name and how to load them, and return the exit status."""
    try:
        return _run(loads, root, words, prog)
    except KeyboardInterrupt:
        sentence = "interrupted; the state is kept, and the same command resumes from it"
        print(f"error: {sentence}", file=sys.stderr)
        return 1


def _run(loads: Mapping[str, Load], root: Path, words: Sequence[str], prog: str) -> int:
    with _wrong_usage():
        _preset(words)
    from toymodels.suite.store.identity import Sources

    sources = Sources(root)  # before anything is loaded from them
    from toymodels.suite import backend

    backend.prepare()
    from toymodels.suite.batch import perform

    if len(loads) == 1:
        ((name, load),) = loads.items()
        order = _order_one(load(), sources, words, prog)
        return perform({name: lambda: order})
    (options,) = _parse(words, prog, "Make these figures.", run=Options())
    return perform({name: _order_later(load, sources, options) for name, load in loads.items()})


def _order_one(
    experiment: "Experiment[Any]", sources: "Sources", words: Sequence[str], prog: str
) -> "Order":
    spec = experiment.preset(_preset(words))
    page = experiment.page
    about = f"{page.title} ({page.source})"
    options, spec = _parse(words, prog, about, run=Options(), figure=spec)
    return _order(experiment, sources, options, spec)


def _order_later(load: Load, sources: "Sources", options: Options) -> "Callable[[], Order]":
    def order() -> "Order":
        experiment = load()
        return _order(experiment, sources, options, experiment.preset(options.preset))

    return order


def _order(
    experiment: "Experiment[Any]", sources: "Sources", options: Options, spec: Spec
) -> "Order":
    from toymodels.suite.running import Order

    changed = spec.overrides(experiment.preset(options.preset))
    folder = experiment.root / ("out" if changed or options.preset == "smoke" else "figures")
    out = Path(options.out) if options.out else folder
    data_dir = Path(options.data_dir) if options.data_dir else None
    how = options.preset, options.seed, out, options.force, data_dir
    return Order(experiment, spec, *how, sources=sources)


def _parse(words: Sequence[str], prog: str, about: str, **defaults: Spec) -> list[Any]:
    from toymodels.suite.flags import parse

    with _wrong_usage():
        return parse(words, prog, about, **defaults)


def _preset(words: Sequence[str]) -> str:
    """Look ahead for the preset, which decides the defaults of all other settings."""
    chosen: str = Options.preset
    for word, after in pairwise([*words, ""]):
        flag, equals, value = word.partition("=")
        if flag == "--preset" and (equals or after):
            chosen = value if equals else after
    return conform("preset", Preset, chosen)


def _loader(path: Path) -> Load:
    def load() -> "Experiment[Any]":
        spec = spec_from_file_location(f"experiments.{path.parent.name}.{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[spec.name] = module  # where dataclasses look for their annotations
        spec.loader.exec_module(module)
        return module.EXPERIMENT

    return load


@contextmanager
def _wrong_usage() -> Iterator[None]:
    """Make what a ValueError says the end of a command that cannot be understood."""
    try:
        yield
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
