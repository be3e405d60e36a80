"""The examples in the docstrings run, and print what they say."""

import ast
import doctest
from pathlib import Path

import pytest

import toymodels

PACKAGE = Path(toymodels.__file__).parent
DOCUMENTED = ast.Module, ast.ClassDef, ast.FunctionDef
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.FAIL_FAST


def examples():
    """Read from the sources: doctest's own search misses what is decorated or loaded lazily."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for node in ast.walk(tree):
            text = isinstance(node, DOCUMENTED) and ast.get_docstring(node)
            if text and ">>>" in text:
                name = f"{module.removesuffix('.__init__')}.{getattr(node, 'name', '')}"
                yield pytest.param(name, text, id=name.rstrip("."))


EXAMPLES = list(examples())


def test_what_is_used_most_has_an_example():
    names = {example.id.rpartition(".")[2] for example in EXAMPLES}
    assert names > {"toymodels", "models", "distributions", "train", "Axis", "best_of"}
    assert names > {"SparseFeatures", "ReluOutput", "Reconstruction", "dimensionality", "animate"}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_examples_are_true(name, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, name, None, 0)
    said = []
    failed, tried = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.append)
    assert not failed, "".join(said)
    assert tried
