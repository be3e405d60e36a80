"""Identity of a result: a hash of settings, seed, version, code and package versions.

Of `experiments`, it includes the statements that `run` and `Spec` use, in the script and in the
scripts that it imports from. Of `toymodels`, it includes the modules that these statements use,
and the modules that those import, each as a whole. They are found without importing any code.
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
"""Packages and modules that draw, write files, show progress or check input.

They do not affect the numbers of a result, so changing them makes no figure stale.
"""
LAB = "toymodels.suite.lab"
"""Included for every figure: it makes the random streams of `run` and calls the engine."""
ALSO_COUNT = (LAB, "toymodels.suite.training_spec")  # the latter builds the optimiser
IMAGES = "toymodels.data.images"
"""Imported by the Lab, but included only where a script uses `images`."""

COMPUTE = ("jax", "jaxlib", "flax", "optax", "numpy")
"""Packages whose versions are always included."""
COMPUTE_TOO = {"sklearn": "scikit-learn", "scipy": "scipy"}
"""Packages, by import name, whose versions are included where the code uses them."""


class SourceChanged(Exception):
    """A source file changed after the process read it; the message is one sentence."""


@dataclass(frozen=True)
class Identity:
    """Everything a result depends on; results with equal identities are equal.

    Attributes:
        settings: a hash of the settings.
        seed: the seed.
        version: `version` of the script's Experiment.
        code: hash of the included code, by file.
        packages: versions of the included packages.
    """

    settings: str
    seed: int
    version: int
    code: Mapping[str, str]
    packages: Mapping[str, str | None]

    @cached_property
    def hash(self) -> str:
        """Hash of all fields."""
        return _hash(asdict(self))

    def to_dict(self) -> dict[str, Any]:
        """Return hash and fields as a dict for JSON."""
        return {"hash": self.hash, **asdict(self)}

    def changes_since(self, recorded: Mapping[str, Any]) -> list[str]:
        """List the differences from an earlier identity, given as its `to_dict`."""
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
    """The source files of a repository, read at construction.

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
        """Return the identity of the result of experiments/FAMILY/STEM.py.

        Args:
            script: its path.
            settings: the result of `Spec.to_dict`.
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
        """Check that the files of an identity have not changed since they were read.

        Raises:
            SourceChanged: if one has changed.
        """
        for label in identity.code:
            path, content = self._files[label]
            if path.read_bytes() != content:
                raise SourceChanged(f"{label} was changed after it had been read: run it again")

    def _module(self, name: str) -> Module:
        label = self._labels[name]
        return read_module(name, label, self._files[label][1])

    def _reached(self, left: set[tuple[str, str]]) -> tuple[dict[str, set[Statement]], set[str]]:
        """Return the statements that the names `left`, pairs (module, name), depend on, by module.

        Also returns the full names from the library and other packages that they may use.
        """
        found: dict[str, set[Statement]] = {}
        used, done = set[str](), set[tuple[str, str]]()
        while left:
            done.add(item := left.pop())
            home, name = item
            module = self._module(home)
            uses = [(name, set[str]())] if name in module.names else []
            for statement in module.statements:
                # statements that bind no name always run
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
                # any attribute in the statement may be one of this object
                parts = [meant.rpartition(".") for meant in (full, *_asked(full, attributes))]
                left |= {(head, last) for head, _, last in parts if head in self._labels} - done
        return {home: statements for home, statements in found.items() if statements}, used

    def _resolved(self, full: str, attributes: set[str]) -> set[str]:
        """Resolve a name, and attributes it may have, through lazily loaded packages."""
        found, left = set[str](), {full}
        while left:
            found.add(name := left.pop())
            meant = self._public.get(name, name)
            left |= ({meant} | _asked(meant, attributes) & self._public.keys()) - found
        return found

    def _closure(self, asked: set[str], used: set[str]) -> list[Module]:
        """Return the library's modules that are used, and the modules that they import."""
        names, left = set[str](), {LAB, *self._homes(used)}
        left |= {IMAGES} if "images" in asked else set()
        while left:
            names.add(name := left.pop())
            imported = self._homes(self._module(name).imports)
            left |= imported - names - ({IMAGES} if name == LAB else set())
        return [self._module(name) for name in sorted(names)]

    def _homes(self, full_names: Iterable[str]) -> set[str]:
        """Return the included modules that define these names."""
        homes = set[str]()
        for full in full_names:
            name = self._public.get(full, full)
            while name and name not in self._labels:
                name = name.rpartition(".")[0]
            homes.add(name)
        return {home for home in homes - self._lazy.keys() if _counts(home)}


def _experiment(script: Module) -> dict[str | None, Any]:
    """Return the arguments of a script's call of Experiment, by name."""
    for statement in script.statements:
        call = getattr(statement.node, "value", None)
        if "EXPERIMENT" in statement.binds and isinstance(call, ast.Call):
            given = {word.arg: word.value for word in call.keywords}
            given |= zip(("file", "Spec", "run"), call.args, strict=False)
            if all(isinstance(given.get(name), ast.Name) for name in ("Spec", "run")):
                return given
    raise ValueError(f"{script.label} has no EXPERIMENT = Experiment(__file__, Spec, run, ...)")


def _code_of(script: Module, statements: set[Statement]) -> list[Any]:
    """Return the code of some statements of a script, and the imports that they use."""
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
    """Return the installed version of each package, None if it is not installed."""
    return {package: _version(package) for package in packages}


@cache  # versions do not change within a process
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
