"""What a figure's numbers depend on, and nothing else: settings, seed, code, versions, files.

The code is what `run` and `Spec` reach, wherever it lies: see `reach`. Nothing is imported, so that
a figure can be asked within a moment whether it is current.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from toymodels.suite.store.modules import Module, Statement
from toymodels.suite.store.reach import LAB, Found, Imported, Library, Reach, name_of

PACKAGE = Path(__file__).parents[2]
"""The library's folder."""

COMPUTE = ("jax", "jaxlib", "flax", "optax", "numpy")
"""Whose versions always count."""
DO_NOT_COMPUTE = {
    *("experiments", "toymodels"),  # of these the sources count
    *("xarray", "jaxtyping", "typing_extensions", "lazy_loader", "matplotlib"),
    *("rich", "pooch", "tyro", "h5py", "h5netcdf"),
}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "skimage": "scikit-image"}

PARTS = ("settings", "seed", "call", "code", "versions", "files")


class SourceChanged(Exception):
    """What is loaded is not what the files say; the message is one sentence."""


@dataclass(frozen=True)
class Identity:
    """What a result is the result of; two results of one identity are the same.

    Attributes:
        settings: a hash of the settings.
        seed: the seed.
        call: the `Spec` and `run` that the script's Experiment is given.
        code: by file, a hash of the part that is reached.
        versions: of the packages that compute.
        files: by name, the SHA-256 of each file that `run` reads.
    """

    settings: str
    seed: int
    call: tuple[str, ...]
    code: Mapping[str, str]
    versions: Mapping[str, str | None]
    files: Mapping[str, str]

    @cached_property
    def hash(self) -> str:
        """All of it as one hash."""
        return _hash({part: getattr(self, part) for part in PARTS})

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it, for a record."""
        parts = {part: getattr(self, part) for part in PARTS}
        return {"hash": self.hash, **parts, "call": list(self.call)}

    def changes_since(self, recorded: Mapping[str, Any]) -> list[str]:
        """Say what is not as an earlier identity, as `to_dict` gave it, has it; [] if all is."""
        if recorded.get("hash") == self.hash:
            return []
        then = {part: recorded.get(part) or {} for part in ("code", "versions", "files")}
        changes = _changed(then["code"], self.code) + _changed(then["files"], self.files)
        for package in _changed(then["versions"], self.versions):
            was, now = then["versions"].get(package), self.versions.get(package)
            changes.append(f"{package} {was or 'none'} -> {now or 'none'}")
        if list(recorded.get("call", ())) != list(self.call):
            changes.append("the script's call of Experiment")
        if (recorded.get("settings"), recorded.get("seed")) != (self.settings, self.seed):
            changes.append("its settings")
        return changes or ["the way in which identities are made"]


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))


class Sources:
    """The sources of a repository, read once: as they are when this is made.

    Args:
        root: the folder that holds `experiments`.
        package: the library's folder.
    """

    def __init__(self, root: Path, package: Path = PACKAGE) -> None:
        self._paths = dict(_files(root / "experiments")) | dict(_files(package))
        self._contents = {label: path.read_bytes() for label, path in self._paths.items()}
        self._library = Library(
            {_module_name(label): (label, content) for label, content in self._contents.items()}
        )

    def identify(self, script: Path, settings: Mapping[str, Any], seed: int) -> Identity:
        """Return what a script's result depends on.

        Args:
            script: experiments/FAMILY/STEM.py.
            settings: as `Spec.to_dict` gives them.
            seed: the run's seed.

        Raises:
            ValueError: if the script makes no Experiment, or a source does not parse.
            OSError: if a file that the script reads is not there.
        """
        try:
            call, reach, reads = self._computation(script)
        except SyntaxError as error:
            raise ValueError(f"{error.filename} does not parse: {error.msg}") from error
        return Identity(
            _hash(settings),
            seed,
            call,
            {label: self._code(parts) for label, parts in reach.by_file().items()},
            versions(*COMPUTE, *sorted(_computing(reach.external))),
            {name: _sha256((script.parent / name).read_bytes()) for name in reads},
        )

    def settle(self, identity: Identity) -> None:
        """Load what an identity has of the library, and make sure that it is what was read here.

        Raises:
            SourceChanged: naming a file that was changed since, or after it had been loaded.
        """
        for label in identity.code:
            if label.startswith("toymodels/"):
                import_module(_module_name(label))  # so that nothing is loaded later
        loaded = _loaded()
        for label in identity.code:
            path, content = self._paths[label], self._contents[label]
            known = vars(loaded[path]) if path in loaded else {}
            first = known.setdefault("__toymodels_source__", _sha256(content))
            if first != _sha256(content) or not _is_still(path, content):
                raise SourceChanged(
                    f"{label} was changed after it had been loaded, so that the old one would "
                    "compute under the new one's name: run it again"
                )

    def _computation(self, script: Path) -> tuple[tuple[str, ...], Reach, tuple[str, ...]]:
        """Return the words for a script's `Spec` and `run`, what they reach, and files read."""
        name = _module_name("/".join(("experiments", *script.with_suffix("").parts[-2:])) + ".py")
        if not self._library.knows(name):
            raise ValueError(f"{script} is not among the experiments")
        module = self._library.module(name)
        expressions, reads = _experiment(module)
        lab = self._library.resolve(self._library.module(LAB[0]), LAB[1:])
        start: list[Found | Imported] = [Imported(module), *lab]
        call = []
        for expression in expressions:
            statement = Statement(ast.Expr(expression), module)
            chains = list(statement.chains)
            found = [one for chain in chains for one in self._library.resolve(module, chain)]
            if isinstance(expression, ast.Name | ast.Attribute):
                call.append(" ".join(sorted(map(name_of, found))))
                start += found
            else:
                call.append(f"{statement.code} {self._library.bindings(statement)}")
                start += self._library.targets(statement)
        return tuple(call), self._library.reach(start), self._reads(module, reads)

    def _code(self, statements: Iterable[Statement]) -> str:
        return _hash([(own.code, self._library.bindings(own)) for own in statements])

    def _reads(self, module: Module, node: ast.expr | None) -> tuple[str, ...]:
        """Return the names of files, said in place or by a name of them."""
        if isinstance(node, ast.Name | ast.Attribute):
            chain = tuple(ast.unparse(node).split("."))
            found = self._library.resolve(module, chain)
            nodes = [one.node for one in found if isinstance(one, Statement)]
            node = nodes[0].value if nodes and isinstance(nodes[0], ast.Assign) else node
        try:
            names = ast.literal_eval(node) if node else ()
        except ValueError:
            raise ValueError(f"{module.label}: `reads` must be a tuple of texts") from None
        return tuple(names)


def _experiment(module: Module) -> tuple[list[ast.expr], ast.expr | None]:
    """Return the expressions that a script gives for `Spec` and `run`, and for `reads`."""
    for statement in module.bindings.get("EXPERIMENT", ()):
        value = getattr(statement.node, "value", None)
        if not isinstance(value, ast.Call):
            return [ast.Name("EXPERIMENT", ast.Load())], None  # made elsewhere
        given = arguments(value)
        starred = None in given or any(isinstance(a, ast.Starred) for a in value.args)
        if {"Spec", "run"} <= given.keys() and not starred:
            return [given["Spec"], given["run"]], given.get("reads")
        return [value], given.get("reads")  # made in some other way: all of it counts
    raise ValueError(f"{module.label} has no EXPERIMENT = Experiment(...)")


def arguments(call: ast.Call) -> dict[str | None, ast.expr]:
    """Return what a call of Experiment is given, by name; None is what has none."""
    plain = zip(("file", "Spec", "run"), call.args, strict=False)
    return {**dict(plain), **{word.arg: word.value for word in call.keywords}}


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("__init__.pyi")]):
        label = (folder.name if folder.name == "experiments" else "toymodels",)
        yield "/".join((*label, *path.relative_to(folder).parts)), path.resolve()


def _module_name(label: str) -> str:
    stub = ".pyi" if label.endswith(".pyi") else ""
    parts = label.rpartition(".")[0].split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) + stub


def _loaded() -> dict[Path, Any]:
    """Return the modules that this process has, by their files."""
    modules = ((getattr(m, "__file__", None), m) for m in list(sys.modules.values()))
    return {_resolved(file): module for file, module in modules if file}


@cache  # there are thousands
def _resolved(file: str) -> Path:
    return Path(file).resolve()


def _is_still(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _computing(names: Iterable[str]) -> set[str]:
    """Return the distributions among other packages' names that may compute something."""
    packages = {name.partition(".")[0] for name in names}
    foreign = packages - sys.stdlib_module_names - DO_NOT_COMPUTE - set(COMPUTE)
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
