"""Which part of a script its data depends on, found by following names from `run` and `Spec`.

A statement counts if it defines, imports or changes a name that a counting statement looks up,
or if it stands for itself (a call, a loop). What only `plot` and `claims` use does not count.
"""

import ast
import symtable
from collections.abc import Iterator
from pathlib import Path

ROOTS = frozenset({"run", "Spec"})


def reached(tree: ast.Module) -> ast.Module:
    """Return the top-level statements that `run` and `Spec` depend on, in their order."""
    counting: list[ast.stmt] = []
    statements = [part for statement in tree.body for part in _parts(statement)]
    names, size = ROOTS, -1
    while len(counting) > size:  # until nothing new is reached
        size = len(counting)
        counting = [statement for statement in statements if _counts(statement, names)]
        names = names.union(*(looked_up(statement) for statement in counting))
    return ast.Module(counting, type_ignores=[])


def _parts(statement: ast.stmt) -> list[ast.stmt]:
    """Split an import of several names, of which some may count and some not."""
    match statement:
        case ast.Import():
            return [ast.Import([alias]) for alias in statement.names]
        case ast.ImportFrom():
            module, level = statement.module, statement.level
            return [ast.ImportFrom(module, [alias], level) for alias in statement.names]
    return [statement]


def _counts(statement: ast.stmt, names: frozenset[str]) -> bool:
    match statement:
        case ast.If(test=ast.Compare(left=ast.Name("__name__"))):
            return False
        case ast.Expr():
            return not isinstance(statement.value, ast.Constant)  # a docstring
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return statement.name in names
        case ast.Import() | ast.ImportFrom():
            (alias,) = statement.names
            return alias.name == "*" or (alias.asname or alias.name).split(".")[0] in names
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return not names.isdisjoint(_changed(statement))
    return True  # loops, conditions, with, try: whatever they do


def _changed(statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> set[str]:
    """Return the names that get other values; for `a.b = ...` and `a[i] = ...`, `a` as well."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    nodes = [node for target in targets for node in ast.walk(target)]
    return {node.id for node in nodes if isinstance(node, ast.Name)}


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


def helpers(tree: ast.Module, path: Path, folder: Path) -> Iterator[Path]:
    """Give the files inside `folder` that the code at `path` imports.

    Absolute names start at the folder's parent, relative ones at the file, and plain ones may
    also mean a neighbour, as when a script is run directly.
    """
    for statement in ast.walk(tree):
        for base, dotted in _sought(statement, path, folder):
            module = base.joinpath(*dotted.strip(".").split("."))
            for candidate in (module.with_suffix(".py"), module / "__init__.py"):
                if candidate.is_file() and candidate.is_relative_to(folder):
                    yield candidate


def _sought(statement: ast.AST, path: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    """Give the places where an import may find what it names."""
    bases, modules = [folder.parent, path.parent], []
    if isinstance(statement, ast.Import):
        modules = [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        bases = [path.parents[statement.level - 1]] if statement.level else bases
        parent = statement.module or ""
        modules = [parent, *(f"{parent}.{alias.name}" for alias in statement.names)]
    return ((base, module) for base in bases for module in modules if module)
