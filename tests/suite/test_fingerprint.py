import ast
from textwrap import dedent

import pytest

from toymodels.suite.store import reach
from toymodels.suite.store.fingerprint import fingerprint

LIBRARY = {
    "__init__.py": '"""A library."""\n',
    "training.py": 'def train(x):\n    """Train."""\n    return x + 1  # a step\n',
    "plotting/__init__.py": "COLOR = 'red'\n",
}
SCRIPT = '''
"""A title.

Source: a figure.
"""

from dataclasses import dataclass

from library import plotting, train
from library.spec import Count
import matplotlib.pyplot as plt

STEPS = 5
TABLE = {}
TABLE["first"] = 1
WIDTH = 7
plotting.use_style("ours")


@dataclass
class Spec:
    """Settings."""

    steps: Count = 3
    """How many."""


def run(spec, key, runner):
    """Train."""
    WIDTH = spec.steps
    return helper(WIDTH)


def helper(x):
    return train(x) + STEPS + TABLE["first"]


def plot(dataset):
    return label(dataset), WIDTH


def label(dataset):
    return plt.title("a")


def claims(dataset):
    return []


if __name__ == "__main__":
    print("hello")
'''


@pytest.fixture
def tree(tmp_path):
    write(tmp_path / "library", LIBRARY)
    write(tmp_path / "experiments" / "family", {"stem.py": SCRIPT})
    return tmp_path


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def of(tree, spec=None, seed=0):
    """Fingerprint a tree as it is now: in a copy, since a library is read once a process."""
    copy = tree / f"library{len(list(tree.iterdir()))}"
    for path in (tree / "library").rglob("*.py"):
        write(copy, {str(path.relative_to(tree / "library")): path.read_text()})
    script = tree / "experiments" / "family" / "stem.py"
    return fingerprint(spec or {"steps": 3}, seed, script, copy)


def edit(tree, name, old, new):
    path = tree / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


SCRIPT_NAME = "experiments/family/stem.py"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (SCRIPT_NAME, '"""Train."""', '"""Train, much better described."""'),
        (SCRIPT_NAME, '"""How many."""', '"""How many steps."""'),
        (SCRIPT_NAME, '"""Settings."""', ""),
        (SCRIPT_NAME, "A title.", "Another title."),
        (SCRIPT_NAME, "STEPS = 5", "STEPS = (5)  # steps\n\n\n"),
        (SCRIPT_NAME, 'plt.title("a")', 'plt.title("b")'),
        (SCRIPT_NAME, "WIDTH = 7", "WIDTH = 8"),
        (SCRIPT_NAME, "return []", "return [1]"),
        (SCRIPT_NAME, 'print("hello")', 'print("goodbye")'),
        (SCRIPT_NAME, "import matplotlib.pyplot as plt", "import seaborn as plt"),
        (SCRIPT_NAME, "import dataclass\n", "import dataclass, field\n"),
        ("library/training.py", '"""Train."""', '"""Train a model."""'),
        ("library/training.py", "x + 1  # a step", "(x + 1)"),
        ("library/plotting/__init__.py", "red", "blue"),
    ],
)
def test_words_layout_and_drawing_do_not_count(tree, name, old, new):
    before = of(tree)
    edit(tree, name, old, new)
    assert of(tree) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (SCRIPT_NAME, "STEPS = 5", "STEPS = 6"),
        (SCRIPT_NAME, 'TABLE["first"] = 1', 'TABLE["first"] = 2'),
        (SCRIPT_NAME, "train(x) + STEPS", "train(x) - STEPS"),
        (SCRIPT_NAME, "WIDTH = spec.steps", "WIDTH = spec.steps + 1"),
        (SCRIPT_NAME, "Count = 3", "Count = 4"),
        (SCRIPT_NAME, "from library.spec import Count", "from library.spec import Size as Count"),
        (SCRIPT_NAME, "import plotting, train", "import plotting, fit as train"),
        (SCRIPT_NAME, 'use_style("ours")', 'use_style("theirs")'),
        (SCRIPT_NAME, "TABLE = {}", "TABLE = {}\nfor i in range(3):\n    TABLE[i] = i"),
        ("library/training.py", "x + 1", "x + 2"),
        ("library/training.py", "x + 1", "x + 1.0"),
    ],
)
def test_computation_counts(tree, name, old, new):
    before = of(tree)
    edit(tree, name, old, new)
    assert of(tree) != before


def test_spec_seed_and_new_modules_count(tree):
    before = of(tree)
    assert of(tree, spec={"steps": 4}) != before
    assert of(tree, spec={"steps": 3.0}) != before
    assert of(tree, seed=1) != before
    write(tree / "library", {"models/new.py": "x = 1\n"})
    assert of(tree) != before


@pytest.mark.parametrize(
    "import_helper",
    [
        "from experiments.family._shared import train",
        "from experiments.family import _shared as train",
        "import experiments.family._shared as train",
        "from ._shared import train",
        "from . import _shared as train",
        "from _shared import train",
    ],
)
def test_a_module_beside_the_script_counts_whole_and_with_its_own(tree, import_helper):
    folder = tree / "experiments"
    write(folder / "family", {"_shared.py": "from .._base import A\ntrain = A\n"})
    write(folder, {"_base.py": "A = 1\n"})
    edit(tree, SCRIPT_NAME, "from library import plotting, train", import_helper)
    before = of(tree)
    edit(tree, "experiments/_base.py", "A = 1", "A = 2")
    after = of(tree)
    assert after != before
    edit(tree, "experiments/family/_shared.py", "train = A", "train = A\nB = 3")
    assert of(tree) != after


def test_a_module_that_only_the_picture_uses_does_not_count(tree):
    write(tree / "experiments" / "family", {"_draw.py": "A = 1\n"})
    edit(tree, SCRIPT_NAME, "import matplotlib.pyplot as plt", "from ._draw import plt")
    before = of(tree)
    edit(tree, "experiments/family/_draw.py", "A = 1", "A = 2")
    assert of(tree) == before


def test_it_is_the_same_in_every_process_that_has_the_same_files(tree):
    assert of(tree) == of(tree)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("def f(a, b=B):\n    c = a\n    return c + D", {"B", "D"}),
        ("def f():\n    def g():\n        return x + Y\n    x = 1\n    return g", {"Y"}),
        ("@deco\nclass A(Base):\n    n: Count = N\n    def f(self): return M", {"deco", "Base"}),
        ("A = [i for i in ITEMS]", {"ITEMS"}),
        ("A = lambda x: x + B", {"B"}),
    ],
)
def test_names_are_followed_by_scope(statement, names):
    (node,) = ast.parse(dedent(statement)).body
    found = reach.looked_up(node)
    assert names <= found
    assert not found & {"a", "b", "c", "x", "g", "i", "self"}
