"""A script's settings, read without running the rest of it: words are understood without JAX.

Of a script and of what it imports from beside it, those statements run that its `Spec` and presets
look up; the others are for training and drawing, and take seconds to import what they need.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from toymodels.suite.spec import Spec
from toymodels.suite.store.identity import arguments
from toymodels.suite.store.modules import read_module

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def read_preset(script: Path, preset: str) -> Spec | None:
    """Return a preset of the script experiments/FAMILY/STEM.py; None if only running it can tell.

    The Spec's class is this module's own: to be used for its values.
    """
    try:
        outline = Outline(script)
        (made,) = outline.bindings["EXPERIMENT"]
        given = arguments(made.node.value)  # type: ignore[attr-defined]
        spec = outline.value(given["Spec"] if preset == "quick" else given[preset])
        return spec() if preset == "quick" else spec
    except Exception:  # whatever is unusual, or wrong, in a script: running it tells
        return None


class Outline(dict[str, Any]):
    """The names of a script, each made when it is first looked up.

    Args:
        path: experiments/FAMILY/NAME.py.

    Raises:
        SyntaxError: if it does not parse.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        name, source = f"experiments.{path.parent.name}.{path.stem}", path.read_bytes()
        self.bindings = read_module(name, str(path), source, False).bindings
        self.classes = {n.name: n for n in ast.parse(source).body if isinstance(n, ast.ClassDef)}
        # a module of another name than the script's, where tyro finds the docs of the fields
        module = ModuleType(f"outline of {name}")
        module.__file__ = str(path)
        sys.modules[module.__name__] = module
        super().__init__(__name__=module.__name__, __file__=str(path))

    def __missing__(self, name: str) -> Any:
        """Run the statements that bind a name; functions ask for names as well when they run."""
        if name not in self.bindings:
            raise KeyError(name)
        for statement in self.bindings[name]:
            self._run(statement.node)
        return self[name]

    def value(self, expression: ast.expr) -> Any:
        """Return what an expression in the script is."""
        self._make_ready(expression)
        return eval(compile(ast.Expression(expression), self.path, "eval"), self)

    def _run(self, node: ast.stmt) -> None:
        if isinstance(node, ast.ImportFrom | ast.Import) and "experiments" in ast.unparse(node):
            return self._import_outline(node)
        self._make_ready(node)
        tree = ast.fix_missing_locations(ast.Module([node], []))
        exec(compile(tree, self.path, "exec"), self)
        if isinstance(node, ast.ClassDef):  # read without docstrings, but help shows them
            self[node.name].__doc__ = ast.get_docstring(self.classes[node.name])

    def _import_outline(self, node: ast.ImportFrom | ast.Import) -> None:
        """Take a name from the outline of another script, as `from experiments.a.b import c`."""
        experiments, family, stem = (getattr(node, "module", None) or "").split(".")
        if experiments != "experiments":
            raise ImportError(f"{ast.unparse(node)} cannot be outlined")
        (alias,) = node.names
        beside = Outline(self.path.parents[1] / family / f"{stem}.py")
        self[alias.asname or alias.name] = beside[alias.name]

    def _make_ready(self, node: ast.AST) -> None:
        """Make the names that a statement looks up at once, as bodies of functions do not."""
        for name in _looked_up_at_once(node):
            if name not in self and name in self.bindings:
                self[name]


def _looked_up_at_once(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield node.id
    body = getattr(node, "body", ()) if isinstance(node, _FUNCTIONS) else ()
    later = body if isinstance(body, list) else [body]
    for child in ast.iter_child_nodes(node):
        if child not in later:
            yield from _looked_up_at_once(child)
