"""What code a computation reaches, found by following names through the sources.

A statement counts if it binds a name that a counting statement looks up, in its own module or
through imports in another one of the repository; where it cannot be told what is meant, all that
it may be counts. Statements that do something when they are run (a call, a loop) count in every
module that is imported on the way.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from toymodels.suite.store.modules import Chain, Module, Statement, imported_name, read_module

LAB = ("toymodels.suite.lab", "Lab")
"""What every `run` is given: of its methods those count that are asked for."""
SETTINGS = (("toymodels.suite.spec", "Spec"), ("toymodels.suite.spec", "TrainingSpec"))
"""Their values stand in the identity: how they are checked changes no result."""

_KNOWN = {home for home, _ in (LAB, *SETTINGS)}  # they ask settings for fields, of any name
_OWN_NAMES = {"globals", "eval", "exec", "vars", "locals"}  # which may look up anything here
_IMPORTERS = ("importlib.import_module", "importlib.util", "runpy", "pkgutil", "sys.modules")


@dataclass(frozen=True)
class External:
    """Something of another package, by its full name."""

    name: str


@dataclass(frozen=True)
class Whole:
    """A module as an object: anything may be asked of it."""

    module: Module


@dataclass(frozen=True)
class Imported:
    """A module that is imported on the way."""

    module: Module


Found = Statement | External | Whole


@dataclass
class Reach:
    """What was reached: statements, and names of other packages."""

    statements: set[Statement] = field(default_factory=set)
    external: set[str] = field(default_factory=set)

    def by_file(self) -> dict[str, list[Statement]]:
        """Return the statements of each file, in their order."""
        modules = sorted({statement.module for statement in self.statements}, key=lambda m: m.label)
        return {
            module.label: [
                own
                for statement in module.statements
                for own in (statement, *statement.methods)
                if own in self.statements
            ]
            for module in modules
        }


class Library:
    """The sources of a repository, by the names that they are imported by.

    Args:
        sources: (label, content) of each file by the full name of its module; a stub, too, by
            the name of its package and ".pyi".

    Raises:
        SyntaxError: when it comes to a file that does not parse.
    """

    def __init__(self, sources: Mapping[str, tuple[str, bytes]]) -> None:
        self._sources = sources
        self._modules: dict[str, Module] = {}
        self._targets: dict[Statement, frozenset[Found]] = {}
        self._on_the_way: dict[Module, frozenset[Statement | Imported]] = {}

    @cached_property
    def packages(self) -> set[str]:
        """The names of all folders, those without an `__init__.py` included."""
        names = (name.removesuffix(".pyi").split(".") for name in self._sources)
        return {package for parts in names for package in accumulate(parts[:-1], _dotted)}

    def knows(self, name: str) -> bool:
        """Whether there is a module or package of this name."""
        return name in self._sources or name in self.packages

    def module(self, name: str) -> Module:
        """Return a module, read once; a folder without `__init__.py` is an empty one."""
        if name not in self._modules:
            label, content = self._sources.get(name, (name, b""))
            is_package = name in self.packages or label.endswith(("__init__.py", "__init__.pyi"))
            module = read_module(name.removesuffix(".pyi"), label, content, is_package)
            for home, split in (LAB, *SETTINGS):
                if home == name:
                    module.split(split, keep_special=(home, split) == LAB)
            self._modules[name] = module
        return self._modules[name]

    def reach(self, start: Iterable[Found | Imported]) -> Reach:
        """Follow all names from here."""
        reach, methods, asked, anything = Reach(), set[Statement](), set[str](), False
        seen: set[Found | Imported] = set()
        waiting: set[Found | Imported] = set(start)
        while waiting:
            found = waiting.pop()
            seen.add(found)
            waiting.update(self._next(found))
            if isinstance(found, External):
                reach.external.add(found.name)
            elif isinstance(found, Statement):
                reach.statements.add(found)
                methods.update(found.methods)
                asked |= found.attributes
                anything |= found.asks_for_anything and found.module.name not in _KNOWN
            waiting -= seen
            if not waiting:  # methods that somebody asks for, perhaps of something else
                waiting = {own for own in methods - seen if anything or own.method in asked}
        return reach

    def _next(self, found: Found | Imported) -> Iterable[Found | Imported]:
        if isinstance(found, Statement):
            return (*self.targets(found), Imported(found.module))
        if isinstance(found, Whole):
            return self._everything_in(found.module)
        if isinstance(found, Imported):
            return self._imported_on_the_way(found.module)
        return ()

    def targets(self, statement: Statement) -> frozenset[Found]:
        """Return what a statement looks up."""
        if statement not in self._targets:
            self._targets[statement] = frozenset(self._look_up(statement))
        return self._targets[statement]

    def _look_up(self, statement: Statement) -> Iterator[Found]:
        module = statement.module
        for chain in statement.chains:
            yield from self._all_of(self.resolve(module, chain))
        for node, chains in statement.local_imports:
            for chain in chains:
                yield from self._all_of(self._through(module, node, chain[1:]))

    def _all_of(self, found: Iterable[Found]) -> Iterator[Found]:
        """Add everything that there is where a module is imported by a name that is computed."""
        for one in found:
            yield one
            if isinstance(one, External) and one.name.startswith(_IMPORTERS):
                yield from (Whole(self.module(name)) for name in self.packages if "." not in name)

    def resolve(
        self, module: Module, chain: Chain, seen: frozenset[tuple[str, str]] = frozenset()
    ) -> list[Found]:
        """Return what a name in a module means, with the attributes that are asked of it."""
        root, rest = chain[0], chain[1:]
        found: list[Found] = []
        for statement in module.bindings.get(root, ()):
            if isinstance(statement.node, ast.Import | ast.ImportFrom):
                found += self._through(module, statement.node, rest, seen)
            else:
                found.append(statement)
        if root in module.bindings:
            return found
        for star in module.stars:
            source = self._located(module, module.absolute(star))
            if source and self._has(source, root, seen):
                return self._member(source, root, rest, seen)
        if root == "__import__":
            return [External("importlib.import_module")]
        return [Whole(module)] if root in _OWN_NAMES else []

    def bindings(self, statement: Statement) -> dict[str, str]:
        """Say what the imported names mean that a statement looks up, for its identity."""
        module = statement.module
        elsewhere = {
            chain: self.resolve(module, chain)
            for chain in statement.chains
            if chain[0] in module.imported or chain[0] not in module.bindings
        }
        return {
            ".".join(chain): " ".join(sorted(map(name_of, found)))
            for chain, found in elsewhere.items()
            if found
        }

    def _through(
        self,
        module: Module,
        node: ast.Import | ast.ImportFrom,
        rest: Chain,
        seen: frozenset[tuple[str, str]] = frozenset(),
    ) -> list[Found]:
        """Return what is meant by the name that an import binds, and attributes of it."""
        (alias,) = node.names
        if isinstance(node, ast.Import):
            name = alias.name if alias.asname else imported_name(node)
            return self._attribute(module, name, rest, seen)
        source = module.absolute(node)
        if alias.name == "*":
            return []
        located = self._located(module, source)
        if located is None:
            return [External(".".join((source, alias.name, *rest)))]
        return self._member(located, alias.name, rest, seen)

    def _located(self, module: Module, name: str) -> str | None:
        """Return the full name of a module as another one imports it; None if it is not ours.

        A plain name may be a neighbour's, as when a script is run directly.
        """
        beside = f"{module.name.rpartition('.')[0]}.{name}"
        if name.partition(".")[0] in self.packages:
            return name if self.knows(name) else None
        return beside if module.name.startswith("experiments.") and self.knows(beside) else None

    def _attribute(
        self, module: Module, name: str, rest: Chain, seen: frozenset[tuple[str, str]]
    ) -> list[Found]:
        located = self._located(module, name)
        if located is None:
            return [External(".".join((name, *rest)))]
        if not rest:
            return [Whole(self.module(located))]
        return self._member(located, rest[0], rest[1:], seen)

    def _has(self, name: str, attribute: str, seen: frozenset[tuple[str, str]]) -> bool:
        return any(
            not isinstance(found, Whole) or found.module.name != name
            for found in self._member(name, attribute, (), seen)
        )

    def _member(
        self, name: str, attribute: str, rest: Chain, seen: frozenset[tuple[str, str]]
    ) -> list[Found]:
        """Return what a module's attribute means: its own name, its stub's, or a submodule."""
        module, inside = self.module(name), f"{name}.{attribute}"
        if (name, attribute) not in seen:
            seen = seen | {(name, attribute)}
            for home in (module, *self._stub(name)):
                if attribute in home.bindings:
                    return self.resolve(home, (attribute, *rest), seen)
        if self.knows(inside):
            return self._attribute(module, inside, rest, seen)
        for star in module.stars:
            source = self._located(module, module.absolute(star))
            if source and self._has(source, attribute, seen | {(name, attribute)}):
                return self._member(source, attribute, rest, seen)
        return [] if attribute.startswith("__") else [Whole(module)]

    def _stub(self, name: str) -> list[Module]:
        return [self.module(f"{name}.pyi")] if f"{name}.pyi" in self._sources else []

    def _everything_in(self, module: Module) -> Iterator[Found]:
        """Give all that a module defines and takes from others, and for a package all modules."""
        for statement in module.statements:
            if isinstance(statement.node, ast.Import | ast.ImportFrom):
                meant = self._through(module, statement.node, ())
                yield from (found for found in meant if not isinstance(found, Whole))
            else:
                yield statement
                yield from statement.methods
        if module.is_package:
            for name in self._sources:
                if name.startswith(f"{module.name}.") and not name.endswith(".pyi"):
                    yield Whole(self.module(name))

    def _imported_on_the_way(self, module: Module) -> frozenset[Statement | Imported]:
        """Return what runs when a module is imported: statements with an effect, and modules."""
        if module not in self._on_the_way:
            self._on_the_way[module] = frozenset(self._run_by_importing(module))
        return self._on_the_way[module]

    def _run_by_importing(self, module: Module) -> Iterator[Statement | Imported]:
        for package in accumulate(module.name.split(".")[:-1], _dotted):
            yield Imported(self.module(package))
        for statement in module.statements:
            if not statement.is_import and statement.has_effect:
                yield statement
            for node in statement.imports_on_the_way:
                source = (
                    node.names[0].name if isinstance(node, ast.Import) else module.absolute(node)
                )
                located = self._located(module, source)
                if located:
                    yield Imported(self.module(located))
                    meant = self._through(module, node, ())
                    yield from (Imported(m.module) for m in meant if not isinstance(m, External))


def _dotted(package: str, name: str) -> str:
    return f"{package}.{name}"


def name_of(found: Found) -> str:
    """Name what was found by where it is, not by what it is."""
    if isinstance(found, External):
        return found.name
    if isinstance(found, Whole):
        return found.module.name
    return f"{found.module.name}:{','.join(sorted(found.binds))}"
