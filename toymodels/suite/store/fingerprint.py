"""What a figure's data depends on, as one hash: settings, versions and code, not the drawing.

Code counts as its syntax tree without comments and docstrings, so that layout never matters.
"""

import ast
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from toymodels.suite.store import reach

PACKAGE = Path(__file__).parent


def fingerprint(spec: Mapping[str, Any], seed: int, script: Path, package: Path = PACKAGE) -> str:
    """Hash everything that the data of a figure depends on.

    Args:
        spec: the settings, as `Spec.to_dict` gives them.
        seed: the run's seed.
        script: the figure's script, FOLDER/FAMILY/STEM.py.
        package: the library's folder.

    Raises:
        SyntaxError: if a file does not parse.
    """
    parts = {
        "spec": spec,
        "seed": seed,
        "versions": versions("jax", "flax", "optax"),
        "library": library(package),
        "script": computation(script),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def versions(*packages: str) -> dict[str, str | None]:
    """Return the installed versions, None for what is not installed."""
    return {package: _version(package) for package in packages}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache  # what a process has imported does not change either
def library(package: Path) -> dict[str, str]:
    """Return the code of all modules but the drawing ones, by their path in the package."""
    paths = {path.relative_to(package): path for path in sorted(package.rglob("*.py"))}
    return {
        name.as_posix(): code(ast.parse(path.read_bytes()))
        for name, path in paths.items()
        if name.parts[0] != "plotting"
    }


def computation(script: Path) -> dict[str, str]:
    """Return the code that a script's data depends on: its own part, and helpers beside it."""
    folder = script.parents[1]
    tree = reach.reached(ast.parse(script.read_bytes()))
    found, waiting = {"": code(tree)}, list(reach.helpers(tree, script, folder))
    while waiting:
        helper = waiting.pop()
        name = helper.relative_to(folder).as_posix()
        if name not in found:
            tree = ast.parse(helper.read_bytes())
            found[name] = code(tree)
            waiting.extend(reach.helpers(tree, helper, folder))
    return found


def code(tree: ast.Module) -> str:
    """Return code without comments, docstrings and layout; the tree loses its docstrings."""
    return ast.unparse(_DocstringRemover().visit(tree))


class _DocstringRemover(ast.NodeTransformer):
    """Removes every statement that is only a text: docstrings, of fields as well."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node
