"""The command line, of one script and of all: what to make, at which settings.

Exit status: 0 done, 1 a run failed, 2 wrong usage. Nothing here imports JAX before a run, so
that all other commands, `--help` and wrong usage answer at once.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from toymodels.suite import catalog
from toymodels.suite.capacity import refuse_too_large
from toymodels.suite.outline import read_preset
from toymodels.suite.spec import Spec, conform
from toymodels.suite.terminal import attend
from toymodels.suite.usage import COMMANDS, USAGE, Options, Preset, wrong_usage

if TYPE_CHECKING:
    from toymodels.suite.experiment import Experiment
    from toymodels.suite.running import Order
    from toymodels.suite.store.identity import Sources

WITH_A_VALUE = ("--preset", "--seed", "--out", "--data-dir")  # of the flags that all runs have


@dataclass(frozen=True)
class Script:
    """A figure's script, and how to get its experiment."""

    path: Path
    load: "Callable[[], Experiment[Any]]"

    @property
    def name(self) -> str:
        """Family and stem."""
        return f"{self.path.parent.name}/{self.path.stem}"


def main(experiment: "Experiment[Any]", words: Sequence[str] | None = None) -> NoReturn:
    """Run one script's experiment as the command line says, and exit."""
    script = Script(experiment.page.path, lambda: experiment)
    given = sys.argv[1:] if words is None else words
    prog = f"python experiments/{script.name}.py"
    sys.exit(attend(lambda: run([script], experiment.root, given, prog)))


def suite(folder: Path, words: Sequence[str] | None = None) -> NoReturn:
    """Do with the experiments in a folder what the command line says, and exit."""
    given = sys.argv[1:] if words is None else words
    sys.exit(attend(lambda: command(folder, given)))


def command(folder: Path, words: Sequence[str]) -> int:
    """Do what the first word says with the experiments in a folder; return the exit status."""
    first, *rest = words or [""]
    if first in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    with wrong_usage():
        if first not in COMMANDS:
            nearest = get_close_matches(first, COMMANDS, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ValueError(f"a command is one of {', '.join(COMMANDS)}; got {first!r}{hint}")
        scripts = catalog.find_scripts(folder)
    if first == "run":
        return run_chosen(scripts, folder, rest)
    if first == "new":
        from toymodels.suite.scaffold import write_script

        return write_script(scripts, folder, rest)
    from toymodels.suite import listing

    look = {
        "list": listing.list_figures,
        "report": listing.rebuild_page,
        "status": listing.show_status,
    }
    return look[first](scripts, folder.parent, rest)


def run_chosen(scripts: Mapping[str, Path], folder: Path, words: Sequence[str]) -> int:
    """Run the figures that the first words name, as the flags after them say."""
    targets, flags = split_targets(words)
    if not targets and {"-h", "--help"} & set(flags):
        print(USAGE, end="")
        return 0
    with wrong_usage():
        if not targets:
            raise ValueError(f"what to run? {catalog.choices(scripts)}")
        paths = catalog.choose(scripts, targets)
    chosen = [Script(path, _loader(path)) for path in paths]
    return run(chosen, folder.parent, flags, f"python -m experiments run {' '.join(targets)}")


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


def run(scripts: Sequence[Script], root: Path, words: Sequence[str], prog: str) -> int:
    """Make the figures of scripts, and return the exit status."""
    try:
        return _run(scripts, root, words, prog)
    except KeyboardInterrupt:
        sentence = "interrupted; the state is kept, and the same command resumes from it"
        print(f"error: {sentence}", file=sys.stderr)
        return 1


def _run(scripts: Sequence[Script], root: Path, words: Sequence[str], prog: str) -> int:
    with wrong_usage():
        preset = _preset(words)
    early: _Settings | None = None
    if len(scripts) > 1:
        (options,) = _parse(words, prog, "Make these figures.", run=Options())
    elif outlined := read_preset(scripts[0].path, preset):
        early = _settings(catalog.read_page(scripts[0].path), outlined, words, prog)
    sources = _prepare(root)
    from toymodels.suite.batch import perform

    if len(scripts) > 1:
        with wrong_usage():
            return perform({one.name: _order_later(one, sources, options) for one in scripts})
    (script,) = scripts
    experiment = script.load()
    chosen = early or _settings(experiment.page, experiment.preset(preset), words, prog)
    order = _order(experiment, sources, chosen.options, experiment.Spec(**vars(chosen.spec)))
    with wrong_usage():
        return perform({script.name: lambda: order})


def _prepare(root: Path) -> "Sources":
    """Read the sources before anything is loaded from them, and look at the environment.

    Devices are started where something is computed: to draw what is there needs none.
    """
    from toymodels.suite.store.identity import Sources

    sources = Sources(root)
    from toymodels.suite import backend

    with wrong_usage():
        backend.check_environment()
    backend.draw_without_a_screen()
    return sources


@dataclass(frozen=True)
class _Settings:
    """What the words say."""

    options: Options
    spec: Spec


def _settings(page: catalog.Page, preset: Spec, words: Sequence[str], prog: str) -> _Settings:
    about = f"{page.title} ({page.source})"
    options, spec = _parse(words, prog, about, run=Options(), figure=preset)
    with wrong_usage():
        refuse_too_large(spec)
    return _Settings(options, spec)


def _order_later(script: Script, sources: "Sources", options: Options) -> "Callable[[], Order]":
    def order() -> "Order":
        experiment = script.load()
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

    with wrong_usage():
        return parse(words, prog, about, **defaults)


def _preset(words: Sequence[str]) -> str:
    """Look ahead for the preset, which decides the defaults of all other settings."""
    chosen: str = Options.preset
    for word, after in pairwise([*words, ""]):
        flag, equals, value = word.partition("=")
        if flag == "--preset" and (equals or after):
            chosen = value if equals else after
    return conform("preset", Preset, chosen)


def _loader(path: Path) -> "Callable[[], Experiment[Any]]":
    def load() -> "Experiment[Any]":
        spec = spec_from_file_location(f"experiments.{path.parent.name}.{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[spec.name] = module  # where dataclasses look for their annotations
        spec.loader.exec_module(module)
        return module.EXPERIMENT

    return load
