"""What a figure's numbers depend on: settings, seed, version, code, packages, files.

Of `experiments` those statements count that define what `run` and `Spec` use, in the script and in
the scripts that it imports from. Of `toymodels` the modules count that these statements use, and
the modules that those import, each as a whole. Nothing is imported or run to find them.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
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
LAB_METHODS = {"images": "toymodels.data.images"}
"""Modules that a method of Lab alone uses: they count where a script calls it."""
ALSO_COUNT = (LAB, "toymodels.suite.training_spec")  # the latter makes the optimiser

COMPUTE = ("jax", "jaxlib", "flax", "optax", "numpy")
"""Packages whose versions always count; those of others where code that counts uses them."""
OTHERS_COMPUTE_NOTHING = {
    *("xarray", "jaxtyping", "typing_extensions", "lazy_loader", "matplotlib", "pydantic"),
    *("rich", "pooch", "h5py", "h5netcdf", "IPython"),
}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "skimage": "scikit-image"}


class SourceChanged(Exception):
    """What is loaded is not what the files say; the message is one sentence."""


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
        self._stubs = {_module_name(f): f for f in self._files if f.endswith(".pyi")}
        self._rooms = {room for name in self._labels for room in accumulate(name.split("."), _join)}

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
            found, used = self._reached(name, ast.unparse(given["Spec"]), ast.unparse(given["run"]))
            asked = {name for one in found.values() for s in one for name in s.attributes}
            modules = self._closure(asked, used)
        except SyntaxError as error:
            raise ValueError(f"{error.filename} does not parse: {error.msg}") from error
        code = {
            self._labels[home]: _hash(_code_of(self._module(home), found[home])) for home in found
        }
        code |= {one.label: _hash(one.code) for one in modules}
        imported = used.union(*(module.imports for module in modules))
        return Identity(
            _hash(settings),
            seed,
            ast.literal_eval(given["version"]) if "version" in given else 1,
            code,
            versions(*COMPUTE, *sorted(_computing(imported))),
        )

    def check_unchanged(self, identity: Identity) -> None:
        """Load what an identity has of the library, and check that it is what was read here.

        Raises:
            SourceChanged: naming a file that was changed since, or after it had been loaded.
        """
        for label in identity.code:
            if label.startswith("toymodels/"):
                import_module(_module_name(label))  # so that nothing is loaded later
        for label in identity.code:
            path, content = self._files[label]
            known = getattr(sys.modules.get(_module_name(label)), "__dict__", {})
            first = known.setdefault("__toymodels_source__", content)
            if first != content or path.read_bytes() != content:
                raise SourceChanged(
                    f"{label} was changed after it had been loaded, so that the old one would "
                    "compute under the new one's name: run it again"
                )

    def _module(self, name: str) -> Module:
        label = self._labels.get(name, name)  # a folder without `__init__.py` is an empty module
        return read_module(name, label, self._files[label][1] if label in self._files else b"")

    def _reached(self, script: str, *paths: str) -> tuple[dict[str, set[Statement]], set[str]]:
        """Return the statements that names in a script mean, by module of experiments.

        And the full names of all that these statements use of the library and other packages.
        """
        found: dict[str, set[Statement]] = {}
        used: set[str] = set()
        done, left = set(), {(script, path) for path in paths}
        while left:
            done.add(item := left.pop())
            (name, path), more = item, set()
            module, (head, _, rest) = self._module(name), path.partition(".")
            full = _join(module.names[head], rest) if head in module.names else ""
            if full.startswith("experiments."):
                more = {self._locate(full)}
            elif full:
                used.add(full)
            else:  # all of a module used as an object; a statement without a name runs in any case
                new = [s for s in module.statements if not head or not s.binds or head in s.binds]
                for statement in new:
                    found.setdefault(name, set()).add(statement)
                more = {(name, inner) for statement in new for inner in statement.paths}
            left |= more - done
        return found, used

    def _closure(self, asked: set[str], used: set[str]) -> list[Module]:
        """Return the library's modules that are used, by name or as methods, and their imports."""
        methods = {home for method, home in LAB_METHODS.items() if method in asked}
        names, left = set(), {LAB, *methods, *self._homes(used)}
        while left:
            names.add(name := left.pop())
            imported = self._homes(self._module(name).imports)
            left |= imported - names - (set(LAB_METHODS.values()) if name == LAB else set())
        return [self._module(name) for name in sorted(names)]

    def _homes(self, full_names: Iterable[str]) -> set[str]:
        """Return the modules that count among those that names mean: of a lazy package all."""
        homes = {self._locate(full)[0] for full in full_names}
        inside = [self._homes(self._exports(home).values()) for home in homes]
        return {home for home in homes if _counts(home)}.union(*inside)

    def _locate(self, full: str) -> tuple[str, str]:
        """Return the module that a full name leads to, through packages' stubs, and the rest."""
        name, _, rest = full.partition(".")
        while rest:
            part, _, after = rest.partition(".")
            inner = _join(name, part)
            public = self._exports(name).get(part, inner)
            if public != inner:
                return self._locate(_join(public, after))
            if inner not in self._rooms:
                break
            name, rest = inner, after
        return name, rest

    def _exports(self, package: str) -> Mapping[str, str]:
        """Return the full name behind each public name of a lazy package, as its stub has it."""
        stub = self._stubs.get(package)
        return read_module(package, stub, self._files[stub][1]).names if stub else {}


def _experiment(script: Module) -> dict[str | None, ast.expr]:
    """Return what a script gives to Experiment, by name."""
    for statement in script.statements:
        call = getattr(statement.node, "value", None)
        if "EXPERIMENT" in statement.binds and isinstance(call, ast.Call):
            given = {word.arg: word.value for word in call.keywords}
            given |= zip(("file", "Spec", "run"), call.args, strict=False)
            if all(isinstance(given.get(n), ast.Name | ast.Attribute) for n in ("Spec", "run")):
                return given
    raise ValueError(f"{script.label} has no EXPERIMENT = Experiment(__file__, Spec, run, ...)")


def _code_of(script: Module, statements: set[Statement]) -> list[Any]:
    """Return the code of some of a script's statements, and of the imports that they use."""
    heads = {path.partition(".")[0] for statement in statements for path in statement.paths}
    ordered = sorted(statements, key=lambda statement: statement.node.lineno)
    return [{h: script.names[h] for h in heads & script.names.keys()}, [s.code for s in ordered]]


def _counts(name: str) -> bool:
    within = any(f"{name}.".startswith(f"{room}.") for room in COMPUTES_NOTHING)
    return name.startswith("toymodels") and (name in ALSO_COUNT or not within)


def _module_name(label: str) -> str:
    return label.rpartition(".")[0].replace("/", ".").removesuffix(".__init__")


def _join(package: str, name: str) -> str:
    return f"{package}.{name}" if name else package


def _computing(names: Iterable[str]) -> set[str]:
    """Return the distributions among other packages' names that may compute something."""
    packages = {name.partition(".")[0] for name in names} - {"experiments", "toymodels"}
    foreign = packages - sys.stdlib_module_names - OTHERS_COMPUTE_NOTHING - set(COMPUTE)
    return {DISTRIBUTIONS.get(name, name) for name in foreign}


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
    return _sha256(json.dumps(content, sort_keys=True).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
