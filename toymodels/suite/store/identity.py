"""What a figure's numbers depend on: settings, seed, version, code, packages, files.

Of `experiments` those statements count that define what `run` and `Spec` use, in the script and in
the scripts that it imports from. Of `toymodels` the modules count that these statements use, and
the modules that those import, each as a whole. Nothing is imported or run to find them.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from toymodels.suite.store.sources import Module, Statement, read_module

PACKAGE = Path(__file__).parents[2]
"""The library's folder."""

COMPUTES_NOTHING = (
    *("toymodels.figure", "toymodels.plotting", "toymodels.suite", "toymodels.testing"),
    *("toymodels.data.downloads", "toymodels.data.files"),
    *("toymodels.engine.checks", "toymodels.engine.progress", "toymodels.numerics.checks"),
    "toymodels.numerics.memory",
)
"""Rooms and modules that draw, write files, show progress or refuse bad input.

No number of a result comes from them, so that no change of theirs makes a figure stale.
"""
LAB = "toymodels.suite.lab"
"""Counts for every figure: it gives `run` its random streams, and calls the engine."""
ALSO_COUNT = (LAB, "toymodels.suite.training_spec")  # the latter makes the optimiser
IMAGES = "toymodels.data.images"
"""Counts of what the Lab uses only where a script asks it for `images`."""

COMPUTE = ("jax", "jaxlib", "flax", "optax", "numpy")
"""Packages whose versions always count."""
COMPUTE_TOO = {"sklearn": "scikit-learn", "scipy": "scipy"}
"""Packages, by the name of their import, whose versions count where code that counts uses them."""


class SourceChanged(Exception):
    """A file is not what it was when the process began; the message is one sentence."""


@dataclass(frozen=True)
class Identity:
    """What a result is the result of; two results of one identity are the same.

    Attributes:
        settings: a hash of the settings.
        seed: the seed.
        version: that of the script's Experiment.
        code: by file, a hash of the code that counts.
        packages: the versions of the packages that compute.
    """

    settings: str
    seed: int
    version: int
    code: Mapping[str, str]
    packages: Mapping[str, str | None]

    @cached_property
    def hash(self) -> str:
        """All of it as one hash."""
        return _hash(asdict(self))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it, for a record."""
        return {"hash": self.hash, **asdict(self)}

    def changes_since(self, recorded: Mapping[str, Any]) -> list[str]:
        """Name what differs from an earlier identity, as `to_dict` gave it; [] if nothing does."""
        if recorded.get("hash") == self.hash:
            return []
        if recorded.keys() != self.to_dict().keys():
            return ["the way in which identities are made"]
        changes = _changed(recorded["code"], self.code)
        for package in _changed(recorded["packages"], self.packages):
            was, now = recorded["packages"].get(package), self.packages.get(package)
            changes.append(f"{package} {was or 'none'} -> {now or 'none'}")
        if recorded["version"] != self.version:
            changes.append(f"version {recorded['version']} -> {self.version}")
        if (recorded["settings"], recorded["seed"]) != (self.settings, self.seed):
            changes.append("its settings")
        return changes


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))


class Sources:
    """The sources of a repository, as they are when this is made.

    Args:
        root: the folder that holds `experiments`.
        package: the library's folder.
    """

    def __init__(self, root: Path, package: Path = PACKAGE) -> None:
        folders = {"experiments": root / "experiments", "toymodels": package}
        self._files = {
            "/".join((top, *path.relative_to(folder).parts)): (path, path.read_bytes())
            for top, folder in folders.items()
            for path in [*folder.rglob("*.py"), *folder.rglob("__init__.pyi")]
        }
        self._labels = {_module_name(f): f for f in self._files if f.endswith(".py")}
        self._lazy = {_module_name(f): f for f in self._files if f.endswith(".pyi")}
        self._public = {
            f"{package}.{name}": full
            for package, stub in self._lazy.items()
            for name, full in read_module(package, stub, self._files[stub][1]).names.items()
        }

    def identify(self, script: Path, settings: Mapping[str, Any], seed: int) -> Identity:
        """Return what the result of experiments/FAMILY/STEM.py depends on.

        Args:
            script: its path.
            settings: as `Spec.to_dict` gives them.
            seed: the run's seed.

        Raises:
            ValueError: if the script has no `EXPERIMENT = Experiment(__file__, Spec, run, ...)`,
                or a source does not parse.
        """
        name = f"experiments.{script.parent.name}.{script.stem}"
        if name not in self._labels:
            raise ValueError(f"{script} is not among the experiments")
        try:
            given = _experiment(self._module(name))
            found, used = self._reached({(name, given["Spec"].id), (name, given["run"].id)})
            asked = {name for one in found.values() for s in one for name in s.attributes}
            modules = self._closure(asked, used)
        except SyntaxError as error:
            raise ValueError(f"{error.filename} does not parse: {error.msg}") from error
        code = {
            self._labels[home]: _hash(_code_of(self._module(home), found[home])) for home in found
        }
        code |= {one.label: _hash(one.code) for one in modules}
        imported = {full.partition(".")[0] for full in used.union(*(m.imports for m in modules))}
        packages = *COMPUTE, *(COMPUTE_TOO[name] for name in sorted(imported & COMPUTE_TOO.keys()))
        chosen = ast.literal_eval(given["version"]) if "version" in given else 1
        return Identity(_hash(settings), seed, chosen, code, versions(*packages))

    def check_unchanged(self, identity: Identity) -> None:
        """Check that the files of an identity are what was read here, before code was loaded.

        Raises:
            SourceChanged: naming a file that was changed since.
        """
        for label in identity.code:
            path, content = self._files[label]
            if path.read_bytes() != content:
                raise SourceChanged(f"{label} was changed after it had been read: run it again")

    def _module(self, name: str) -> Module:
        label = self._labels[name]
        return read_module(name, label, self._files[label][1])

    def _reached(self, left: set[tuple[str, str]]) -> tuple[dict[str, set[Statement]], set[str]]:
        """Return the statements that names in scripts, (module, name), mean, by module.

        And the full names of all that these statements may use of the library and other packages.
        """
        found: dict[str, set[Statement]] = {}
        used, done = set[str](), set[tuple[str, str]]()
        while left:
            done.add(item := left.pop())
            home, name = item
            module = self._module(home)
            uses = [(name, set[str]())] if name in module.names else []
            for statement in module.statements:
                # one without a name runs in any case
                if (not statement.binds or name in statement.binds) and (
                    statement not in found.setdefault(home, set())
                ):
                    found[home].add(statement)
                    uses += [(one, statement.attributes) for one in statement.names]
            for one, attributes in uses:
                full = module.names.get(one, f"{home}.{one}")
                if not full.startswith("experiments."):
                    used |= self._resolved(full, attributes)
                    continue
                # what is asked of anything may be asked of this
                parts = [meant.rpartition(".") for meant in (full, *_asked(full, attributes))]
                left |= {(head, last) for head, _, last in parts if head in self._labels} - done
        return {home: statements for home, statements in found.items() if statements}, used

    def _resolved(self, full: str, attributes: set[str]) -> set[str]:
        """Return what a name, and attributes that may be asked of it, are without lazy packages."""
        found, left = set[str](), {full}
        while left:
            found.add(name := left.pop())
            meant = self._public.get(name, name)
            left |= ({meant} | _asked(meant, attributes) & self._public.keys()) - found
        return found

    def _closure(self, asked: set[str], used: set[str]) -> list[Module]:
        """Return the library's modules that are used, by name or as methods, and their imports."""
        names, left = set[str](), {LAB, *self._homes(used)}
        left |= {IMAGES} if "images" in asked else set()
        while left:
            names.add(name := left.pop())
            imported = self._homes(self._module(name).imports)
            left |= imported - names - ({IMAGES} if name == LAB else set())
        return [self._module(name) for name in sorted(names)]

    def _homes(self, full_names: Iterable[str]) -> set[str]:
        """Return the modules that count among those that names lead to."""
        homes = set[str]()
        for full in full_names:
            name = self._public.get(full, full)
            while name and name not in self._labels:
                name = name.rpartition(".")[0]
            homes.add(name)
        return {home for home in homes - self._lazy.keys() if _counts(home)}


def _experiment(script: Module) -> dict[str | None, Any]:
    """Return what a script gives to Experiment, by name."""
    for statement in script.statements:
        call = getattr(statement.node, "value", None)
        if "EXPERIMENT" in statement.binds and isinstance(call, ast.Call):
            given = {word.arg: word.value for word in call.keywords}
            given |= zip(("file", "Spec", "run"), call.args, strict=False)
            if all(isinstance(given.get(name), ast.Name) for name in ("Spec", "run")):
                return given
    raise ValueError(f"{script.label} has no EXPERIMENT = Experiment(__file__, Spec, run, ...)")


def _code_of(script: Module, statements: set[Statement]) -> list[Any]:
    """Return the code of some of a script's statements, and of the imports that they use."""
    heads = set().union(*(statement.names for statement in statements)) & script.names.keys()
    ordered = sorted(statements, key=lambda statement: statement.node.lineno)
    return [{head: script.names[head] for head in heads}, [s.code for s in ordered]]


def _asked(full: str, attributes: set[str]) -> set[str]:
    return {f"{full}.{attribute}" for attribute in attributes}


def _counts(name: str) -> bool:
    within = any(f"{name}.".startswith(f"{room}.") for room in COMPUTES_NOTHING)
    return name.startswith("toymodels") and (name in ALSO_COUNT or not within)


def _module_name(label: str) -> str:
    return label.rpartition(".")[0].replace("/", ".").removesuffix(".__init__")


def versions(*packages: str) -> dict[str, str | None]:
    """Return the installed versions, None for what is not installed."""
    return {package: _version(package) for package in packages}


@cache  # what a process has imported does not change either
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
