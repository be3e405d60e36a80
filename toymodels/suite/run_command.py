"""The command `run`: parse its arguments and make the figures.

Sources are read before a script is loaded, so that the identity matches the code that runs.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

from toymodels.suite import backend, catalog
from toymodels.suite.batch import perform
from toymodels.suite.experiment import Experiment
from toymodels.suite.flags import Options, parse
from toymodels.suite.running import Job
from toymodels.suite.spec import Spec
from toymodels.suite.store.identity import Sources
from toymodels.suite.terminal import with_safe_streams
from toymodels.suite.usage import Parser, wrong_usage


def main(experiment: Experiment[Any], words: Sequence[str]) -> NoReturn:
    """Run one experiment with command-line arguments, and exit."""
    prog = f"python experiments/{experiment.doc.name}.py"
    sys.exit(with_safe_streams(lambda: run_one(lambda: experiment, experiment.root, words, prog)))


def run_chosen(scripts: Mapping[str, Path], folder: Path, words: Sequence[str]) -> int:
    """Run the figures named by the first words, with the flags after them."""
    targets = list(takewhile(lambda word: not word.startswith("-"), words))
    flags = words[len(targets) :]
    with wrong_usage():
        if not targets:
            raise ValueError(f"what to run? {catalog.choices(scripts)}")
        paths = catalog.choose(scripts, targets)
    prog = f"python -m experiments run {' '.join(targets)}"
    if len(paths) > 1:
        return run_many(paths, folder.parent, flags, prog)
    return run_one(lambda: load(paths[0]), folder.parent, flags, prog)


def run_one(
    load: Callable[[], Experiment[Any]], root: Path, words: Sequence[str], prog: str
) -> int:
    """Make one figure, with a flag for each Spec field, and return the exit status."""
    sources = Sources(root)  # before the script is loaded
    backend.draw_without_a_screen()
    with wrong_usage():
        preset = _preset(words)
    experiment = load()
    doc, default = experiment.doc, experiment.preset(preset)
    with wrong_usage():
        about = f"{doc.title} ({doc.source})"
        options, spec = parse(words, prog, about, run=Options(), figure=default)
    return perform({doc.name: lambda: _job(experiment, sources, options, spec)})


def run_many(paths: Sequence[Path], root: Path, words: Sequence[str], prog: str) -> int:
    """Make several figures with the same options, and return the exit status."""
    sources = Sources(root)
    backend.draw_without_a_screen()

    def job(path: Path, options: Options) -> Job:
        experiment = load(path)
        return _job(experiment, sources, options, experiment.preset(options.preset))

    with wrong_usage():
        (options,) = parse(words, prog, "Make these figures.", run=Options())
    named = {f"{path.parent.name}/{path.stem}": path for path in paths}
    return perform({name: partial(job, path, options) for name, path in named.items()})


def _job(experiment: Experiment[Any], sources: Sources, options: Options, spec: Spec) -> Job:
    changed = spec.overrides(experiment.preset(options.preset))
    folder = experiment.root / ("out" if changed or options.preset == "smoke" else "figures")
    out = Path(options.out) if options.out else folder
    data_dir = Path(options.data_dir) if options.data_dir else None
    how = options.preset, options.seed, out, options.force, data_dir
    return Job(experiment, spec, *how, sources=sources)


def _preset(words: Sequence[str]) -> str:
    """Parse the preset first, since it sets the defaults of all other settings."""
    parser = Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--preset", default=Options().preset)
    return Options(preset=parser.parse_known_args(words)[0].preset).preset


def load(path: Path) -> Experiment[Any]:
    """Import a figure's script and return its experiment."""
    spec = spec_from_file_location(f"experiments.{path.parent.name}.{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # pydantic reads field docstrings from there
    spec.loader.exec_module(module)
    return module.EXPERIMENT
