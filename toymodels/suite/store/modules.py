"""A module as its source says: top-level statements, and what each binds, looks up and does.

Nothing is imported or run. Comments, layout, docstrings and the annotations of functions are no
part of a statement's code.
"""

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

Chain = tuple[str, ...]
"""A name and the attributes that are asked of it: `geometry.norms` is ("geometry", "norms")."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Match)


@dataclass(eq=False)
class Statement:
    """A statement at the top level of a module, or a method that counts by itself.

    Attributes:
        node: its syntax, without docstrings.
        module: where it stands.
        method: the name by which others ask for it, if it is such a method.
    """

    node: ast.stmt
    module: "Module" = field(repr=False)
    method: str | None = None
    methods: "list[Statement]" = field(default_factory=list)
    """Those of a class that count by themselves."""

    @cached_property
    def code(self) -> str:
        """Its source in one layout."""
        return ast.unparse(self.node)

    @property
    def is_import(self) -> bool:
        """Whether it does nothing but to import one name."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @cached_property
    def binds(self) -> set[str]:
        """The module's names that it defines or changes."""
        if self.method:
            return set()
        inside = (name for node in outside_of_scopes(self.node) for name in _bound(node))
        return {*_bound(self.node), *inside, *_declared_global(self.node)}

    @cached_property
    def chains(self) -> set[Chain]:
        """The names that it looks up in its module, each with the attributes asked of it."""
        names = looked_up(self.node)
        return {chain for chain in _chains(self.node) if chain[0] in names}

    @cached_property
    def local_imports(self) -> list[tuple[ast.Import | ast.ImportFrom, set[Chain]]]:
        """The imports inside of it, each of one name, and what is asked of that name."""
        if self.is_import:
            return []
        chains = _chains(self.node)
        imports = [alone for node in ast.walk(self.node) for alone in _alone(node)]
        names = map(imported_name, imports)
        return [
            (alone, {chain for chain in chains if chain[0] == name} or {(name,)})
            for name, alone in zip(names, imports, strict=True)
        ]

    @cached_property
    def imports_on_the_way(self) -> list[ast.Import | ast.ImportFrom]:
        """The imports that run when its module is imported."""
        nodes = (self.node, *outside_of_scopes(self.node))
        return [alone for node in nodes for alone in _alone(node)]

    @cached_property
    def attributes(self) -> set[str]:
        """The attributes that it may ask of anything, those that texts in it may name included."""
        nodes = list(ast.walk(self.node))
        asked = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        return asked | {
            node.value
            for node in nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }

    @cached_property
    def asks_for_anything(self) -> bool:
        """Whether it asks another object for an attribute whose name is computed."""
        return any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "getattr"
            and len(node.args) > 1
            and isinstance(node.args[0], ast.Name)
            and node.args[0].id != "self"  # whose class counts whole
            and not isinstance(node.args[1], ast.Constant)
            for node in ast.walk(self.node)
        )

    @cached_property
    def has_effect(self) -> bool:
        """Whether running it does more than to bind names of its own module."""
        return any(map(self._does_something, (self.node, *outside_of_scopes(self.node))))

    def _does_something(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Expr):
            return not isinstance(node.value, ast.Constant)
        if isinstance(node, (*_ASSIGNMENTS, ast.Delete)):
            roots = (root for target in _targets(node) for root in _changed(target))
            return any(root in self.module.imported for root in roots)
        return isinstance(node, _LOOPS)


class Module:
    """A module, read from its source.

    Raises:
        SyntaxError: if it does not parse.
    """

    def __init__(self, name: str, label: str, content: bytes, *, is_package: bool) -> None:
        self.name = name  # as it is imported
        self.label = label  # its file, from the repository on
        self.is_package = is_package
        tree = _Stripper().visit(ast.parse(content, label))
        self.statements = [Statement(node, self) for node in _flat(tree.body)]

    @cached_property
    def bindings(self) -> dict[str, list[Statement]]:
        """The statements that define or change each name, in their order."""
        found: dict[str, list[Statement]] = {}
        for statement in self.statements:
            for name in statement.binds:
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def stars(self) -> list[ast.ImportFrom]:
        """Its imports of all that another module has."""
        nodes = (statement.node for statement in self.statements)
        return [n for n in nodes if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]

    @cached_property
    def imported(self) -> set[str]:
        """The names that its imports bind."""
        nodes = (statement.node for statement in self.statements)
        return {imported_name(n) for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)}

    def split(self, name: str, *, keep_special: bool) -> None:
        """Let the methods of a class count by themselves, `__special__` ones if so asked."""
        for statement in self.bindings.get(name, []):
            if isinstance(statement.node, ast.ClassDef) and not statement.methods:
                body = statement.node.body
                apart = [
                    node
                    for node in body
                    if isinstance(node, _FUNCTIONS)
                    and not (keep_special and node.name.startswith("__"))
                ]
                statement.node.body = [node for node in body if node not in apart] or [ast.Pass()]
                statement.methods = [Statement(node, self, node.name) for node in apart]

    def absolute(self, node: ast.ImportFrom) -> str:
        """Return the full name of the module that an import of this one takes names from."""
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        parents = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*parents, *([node.module] if node.module else [])])


@lru_cache(maxsize=1024)  # several figures, and several commands of one process, read the same
def read_module(name: str, label: str, content: bytes, is_package: bool) -> Module:
    """Read a module, once for each content.

    Raises:
        SyntaxError: if it does not parse.
    """
    return Module(name, label, content, is_package=is_package)


def imported_name(node: ast.Import | ast.ImportFrom) -> str:
    """Return the name that an import of one thing binds."""
    (alias,) = node.names
    name = alias.asname or alias.name
    return name.partition(".")[0] if isinstance(node, ast.Import) else name


def outside_of_scopes(node: ast.AST) -> Iterator[ast.AST]:
    """Give the nodes inside of one that run with it: not what functions and classes contain."""
    if isinstance(node, _SCOPES):
        return
    for child in ast.iter_child_nodes(node):
        yield child
        yield from outside_of_scopes(child)


def looked_up(statement: ast.stmt) -> set[str]:
    """Return the module-level names that a statement uses, however deep inside."""
    table = symtable.symtable(ast.unparse(statement), "", "exec")
    here = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    return here.union(*(_global_names(child) for child in table.get_children()))


def _global_names(table: symtable.SymbolTable) -> set[str]:
    in_class = table.get_type() == "class"  # where `x = x` looks up the module's x
    here = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_global() or (in_class and symbol.is_referenced())
    }
    return here.union(*(_global_names(child) for child in table.get_children()))


def _chains(node: ast.AST) -> set[Chain]:
    chain = _chain(node)
    if chain:
        return {chain}
    return set().union(*map(_chains, ast.iter_child_nodes(node)))


def _chain(node: ast.AST) -> Chain | None:
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        before = _chain(node.value)
        return (*before, node.attr) if before else None
    return None


def _bound(node: ast.AST) -> set[str]:
    """Return the names that a node binds by itself, not by what it contains."""
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return set(map(imported_name, _alone(node)))
    if isinstance(node, (*_ASSIGNMENTS, ast.Delete)):
        return {name for target in _targets(node) for name in _names(target)}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return {node.id}
    return {node.name} if isinstance(node, ast.ExceptHandler) and node.name else set()


def _targets(node: Any) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]


def _names(target: ast.expr) -> set[str]:
    """Return the names that get other values; of `a.b = ...` and `a[i] = ...` it is a."""
    if isinstance(target, ast.Tuple | ast.List):
        return {name for entry in target.elts for name in _names(entry)}
    while isinstance(target, ast.Attribute | ast.Subscript | ast.Starred):
        target = target.value
    return {target.id} if isinstance(target, ast.Name) else set()


def _changed(target: ast.expr) -> set[str]:
    """Return the names of objects that are changed by assigning to a part of them."""
    return _names(target) if isinstance(target, ast.Attribute | ast.Subscript) else set()


def _declared_global(node: ast.AST) -> set[str]:
    inside = (inner for inner in ast.walk(node) if isinstance(inner, ast.Global))
    return {name for inner in inside for name in inner.names}


def _alone(node: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    """Split an import of several names, of which some may count and some not."""
    if isinstance(node, ast.Import):
        return [ast.Import([alias]) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
    return []


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements that run when a module is imported, an import of each name alone."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _alone(node)
        elif isinstance(node, ast.If) and _is_for_others(node.test):
            yield from _flat(node.orelse)
        else:
            yield node


def _is_for_others(test: ast.expr) -> bool:
    """Tell `if TYPE_CHECKING` and `if __name__ == "__main__"`."""
    words = ast.unparse(test)
    return words.endswith("TYPE_CHECKING") or (
        words.startswith("__name__ ==") or words.endswith("== __name__")
    )


class _Stripper(ast.NodeTransformer):
    """Removes what changes no result: statements that are only a text, annotations of functions."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._without_annotations(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._without_annotations(node)

    def _without_annotations(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        # a function that is registered for a type is found by its annotation
        if not any(ast.unparse(maker).endswith("register") for maker in node.decorator_list):
            node.returns = None
            arguments = (inner for inner in ast.walk(node.args) if isinstance(inner, ast.arg))
            for argument in arguments:
                argument.annotation = None
        return self.generic_visit(node)
