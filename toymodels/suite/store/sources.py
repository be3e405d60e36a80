"""Parse Python files: their statements and imports, without what cannot affect a result.

Comments, layout, docstrings, annotations and `if TYPE_CHECKING` blocks are removed.
"""

import ast
from collections.abc import Iterator
from functools import cached_property, lru_cache

_IMPORTS = (ast.Import, ast.ImportFrom)


class Statement:
    """A statement at the top level of a module.

    Attributes:
        node: its syntax tree.
        code: its source in a normalised layout.
        binds: the names that it defines or modifies; empty for a call, loop or condition.
        names: the names that occur in it.
        attributes: all attribute names in it.
    """

    def __init__(self, node: ast.stmt) -> None:
        self.node, self.code = node, ast.unparse(node)
        self.names, self.binds = _names(node), set[str]()
        self.attributes = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            self.binds = {node.name}
        elif isinstance(node, ast.Assign):
            self.binds = set().union(*map(_names, node.targets))
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            self.binds = _names(node.target)


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


class Module:
    """A parsed module; `label` is its path in the repository.

    Raises:
        SyntaxError: if it does not parse.
    """

    def __init__(self, name: str, label: str, content: bytes) -> None:
        self.label = label
        self.package = name.split(".") if "/__init__." in label else name.split(".")[:-1]
        self.tree = _stripped(ast.parse(content, label))

    @cached_property
    def code(self) -> str:
        """The source of the module in a normalised layout."""
        return ast.unparse(self.tree)

    @cached_property
    def statements(self) -> list[Statement]:
        """The top-level statements, without imports."""
        return [Statement(node) for node in self.tree.body if not isinstance(node, _IMPORTS)]

    @cached_property
    def names(self) -> dict[str, str]:
        """The full name of each name imported at the top level."""
        return dict(pair for node in self.tree.body for pair in self._imported(node))

    @cached_property
    def imports(self) -> set[str]:
        """The full names of all imports, at any level."""
        return {full for node in ast.walk(self.tree) for _, full in self._imported(node)}

    def _imported(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield alias.asname or top, alias.name if alias.asname else top
        if isinstance(node, ast.ImportFrom):
            package = self.package[: len(self.package) + 1 - node.level] if node.level else []
            for alias in node.names:
                parts = [*package, *filter(None, [node.module]), alias.name]
                yield alias.asname or alias.name, ".".join(parts)


@lru_cache(maxsize=1024)  # several commands of one process read the same files
def read_module(name: str, label: str, content: bytes) -> Module:
    """Parse a module; results are cached by content."""
    return Module(name, label, content)


def _stripped(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)  # keep the statement: it defines a field
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not _changes_nothing(s)] or [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def _changes_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If) and not statement.orelse:
        test = ast.unparse(statement.test)
        return test.endswith("TYPE_CHECKING") or test.startswith("__name__ ==")
    value = getattr(statement, "value", None) if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
