"""What a figure's numbers depend on, and nothing else: one thing is changed, and it is asked."""

import ast
import shutil
import subprocess
import sys
from importlib.util import find_spec
from textwrap import dedent

import pytest
from scripts import REPOSITORY

from toymodels.suite.lab import Lab
from toymodels.suite.store import identity
from toymodels.suite.store.identity import SourceChanged, Sources

SCRIPTS = sorted((REPOSITORY / "experiments").rglob("*.py"))
STEM = "experiments/family/stem.py"
SHARED = "experiments/family/_shared.py"
SCRIPT = '''
    """A title.

    Source: a figure.
    """

    import matplotlib.pyplot as plt
    import numpy as np

    import toymodels as tm
    from experiments.family import _shared as shared
    from experiments.family._shared import draw, work
    from toymodels import geometry, plotting, theory

    STEPS = 5
    TABLE = {}
    TABLE["first"] = 1
    WIDTH = 7


    class Settings(fig.Spec):
        """Settings."""

        steps: fig.Count = STEPS
        """How many."""


    def run_all(lab):
        """Train."""
        WIDTH = lab.spec.steps
        return helper(lab, WIDTH)


    def helper(lab, x: int):
        models = lab.train("relu", lambda: tm.ReluOutput(5, 2))  # all
        return geometry.norms(models), TABLE["first"], work(x), np.sqrt(shared.SCALE)


    def plot(data):
        return plt.title("a"), draw(data), WIDTH, plotting.COLORS, theory.linear(1)


    def claims(data):
        return [WIDTH]


    EXPERIMENT = fig.Experiment(
        __file__, Settings, run_all, plot, claims, smoke=Settings(), paper=None
    )
    '''
HELPERS = """
    from experiments._base import A, B

    SCALE = 2

    def work(x):
        return A + x

    def draw(data):
        return B
    """


@pytest.fixture
def tree(tmp_path):
    shutil.copytree(REPOSITORY / "toymodels", tmp_path / "toymodels")
    write(tmp_path, "experiments/__init__.py", "")
    write(tmp_path, "experiments/_base.py", "A = 1\nB = 2\n")
    write(tmp_path, SHARED, HELPERS)
    write(tmp_path, STEM, SCRIPT)
    return tmp_path


def write(tree, name, text):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text).lstrip("\n"))


def edit(tree, name, old, new):
    """Replace a text, or append one where `old` is empty."""
    text = (tree / name).read_text()
    assert old in text
    (tree / name).write_text(text.replace(old, new) if old else text + new)


def of(tree, settings=None, seed=0, stem="stem"):
    """The identity in a tree as it is now."""
    script = tree / "experiments" / "family" / f"{stem}.py"
    sources = Sources(tree, tree / "toymodels")
    return sources.identify(script, {"steps": 3} if settings is None else settings, seed)


def changes(tree, name, old, new):
    """What an edit changes about the identity."""
    before = of(tree)
    edit(tree, name, old, new)
    after = of(tree)
    through = after.changes_since(before.to_dict())
    assert bool(through) == (after.hash != before.hash)
    return through


COMPUTES_NOTHING = (
    *("plotting/colors", "suite/cli", "data/downloads", "data/files", "numerics/checks"),
    *("engine/checks", "data/images", "theory/linear", "models/mlp"),  # the last three unused here
)
UNUSED = [
    (STEM, '"""Train."""', '"""Train, much better described."""'),
    (STEM, '"""How many."""', ""),
    (STEM, "A title.", "Another title."),
    (STEM, "STEPS = 5", "STEPS = (5)  # steps\n\n\n"),
    (STEM, "  # all", ""),
    (STEM, "x: int", "x: float"),
    (STEM, "fig.Count =", "fig.Positive ="),
    (STEM, 'plt.title("a")', 'plt.title("b")'),
    (STEM, "return [WIDTH]", "return []"),
    (STEM, "import matplotlib.pyplot as plt", "import seaborn as plt"),
    (STEM, "", "\nif __name__ == '__main__':\n    EXPERIMENT.main()\n"),
    (SHARED, "return B", "return -B"),
    ("experiments/_base.py", "B = 2", "B = 3"),
    ("toymodels/engine/training.py", "", "# a comment\n"),
    ("toymodels/engine/training.py", "", "'''A text.'''\n"),
    *((f"toymodels/{name}.py", "", "x = 1\n") for name in COMPUTES_NOTHING),
]
USED = [
    (STEM, "STEPS = 5", "STEPS = 6", STEM),
    (STEM, 'TABLE["first"] = 1', 'TABLE["first"] = 2', STEM),
    (STEM, "TABLE = {}", "TABLE = {}\nfor i in range(3):\n    TABLE[i] = i", STEM),
    (STEM, "WIDTH = lab.spec.steps", "WIDTH = lab.spec.steps + 1", STEM),
    (STEM, "class Settings(fig.Spec)", "class Settings(fig.TrainingSpec)", STEM),
    (STEM, "import numpy as np", "import jax.numpy as np", STEM),
    (STEM, "import geometry, plotting", "import selectivity as geometry, plotting", STEM),
    (STEM, "paper=None", "version=2", "version 1 -> 2"),
    (SHARED, "A + x", "A - x", SHARED),
    (SHARED, "SCALE = 2", "SCALE = 3", SHARED),
    ("experiments/_base.py", "A = 1", "A = 2", "experiments/_base.py"),
    *(
        (f"toymodels/{name}.py", "", "x = 1\n", f"toymodels/{name}.py")
        for name in ("engine/training", "models/relu_output", "measures/geometry", "suite/lab")
    ),
    ("toymodels/numerics/streams.py", "", "import scipy\n", "toymodels/numerics/streams.py"),
]


@pytest.mark.parametrize(("name", "old", "new"), UNUSED)
def test_what_changes_no_number_does_not_count(tree, name, old, new):
    assert changes(tree, name, old, new) == []


@pytest.mark.parametrize(("name", "old", "new", "through"), USED)
def test_what_the_numbers_come_from_counts_and_is_named(tree, name, old, new, through):
    assert through in changes(tree, name, old, new)


def test_the_lists_of_modules_name_what_there_is():
    assert all(map(find_spec, (*identity.COMPUTES_NOTHING, *identity.ALSO_COUNT, identity.IMAGES)))
    assert hasattr(Lab, "images")


def test_settings_and_seed_count(tree):
    before = of(tree)
    for other in (of(tree, {"steps": 4}), of(tree, {"steps": 3.0}), of(tree, seed=1)):
        assert other.hash != before.hash
        assert other.changes_since(before.to_dict()) == ["its settings"]
    assert of(tree).hash == before.hash


def test_versions_count_by_name(tree, monkeypatch):
    before = of(tree).to_dict()
    assert set(before["packages"]) == {"jax", "jaxlib", "flax", "optax", "numpy"}
    numpy = before["packages"]["numpy"]
    monkeypatch.setattr(identity, "_version", lambda name: "9" if name == "numpy" else "0")
    assert f"numpy {numpy} -> 9" in of(tree).changes_since(before)


def test_a_dataset_and_its_package_count_where_a_script_asks_for_it(tree):
    edit(tree, STEM, "work(x)", "lab.images('digits')")
    assert "scikit-learn" in of(tree).packages
    assert changes(tree, "toymodels/data/images.py", "", "x = 1\n") == ["toymodels/data/images.py"]


def test_figures_that_import_run_and_spec_have_one_identity(tree):
    for stem, run in (("first", "run_all"), ("second", "run_all"), ("third", "helper as run_all")):
        importing = f"""
            from experiments.family.stem import Settings as Spec, {run}
            EXPERIMENT = Experiment(__file__, run=run_all, Spec=Spec, plot={stem!r})
            """
        write(tree, f"experiments/family/{stem}.py", importing)
    first, second, third = (of(tree, stem=stem) for stem in ("first", "second", "third"))
    assert first == second == of(tree)
    assert first != third


def test_an_identity_of_another_form_is_told(tree):
    then = {"hash": "abc", "code": {}, "versions": {}, "files": {}, "call": ["run"]}
    assert of(tree).changes_since(then) == ["the way in which identities are made"]


def test_what_cannot_be_understood_is_one_sentence(tree):
    edit(tree, STEM, "Settings, run_all, plot", "Settings, partial(run_all), plot")
    with pytest.raises(ValueError, match=r"stem\.py has no EXPERIMENT"):
        of(tree)
    write(tree, STEM, "def\n")
    with pytest.raises(ValueError, match=r"experiments/family/stem\.py does not parse"):
        of(tree)
    with pytest.raises(ValueError, match="not among the experiments"):
        of(tree, stem="other")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_of_the_form_that_is_followed(script):
    """Imports stand at the top and name what they import; nothing else is done at the top."""
    tree = ast.parse(script.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    plain = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    others = [ast.unparse(node) for node in tree.body[1:] if not isinstance(node, plain)]
    assert {*imports} <= {*tree.body}
    assert not [node for node in imports if getattr(node, "level", 0)]
    assert not {"*", "importlib", "runpy"} & {alias.name for n in imports for alias in n.names}
    assert all(words.startswith(("if __name__ == '__main__':", "'", '"')) for words in others)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not {"getattr", "globals", "eval", "exec", "__import__"} & names
    if not script.name.startswith("_"):
        assert Sources(REPOSITORY).identify(script, {}, 0).code


def test_it_is_the_same_in_every_process_and_imports_nothing_for_it(tree):
    program = f"""
import sys
from pathlib import Path
from toymodels.suite.store.identity import Sources
root = Path({str(tree)!r})
script = root / "experiments/family/stem.py"
print(Sources(root, root / "toymodels").identify(script, {{"steps": 3}}, 0).hash)
assert not {{"jax", "numpy", "xarray"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == of(tree).hash, done.stderr


def test_a_file_that_was_changed_since_is_refused(tree):
    sources = Sources(tree, tree / "toymodels")
    now = sources.identify(tree / STEM, {}, 0)
    edit(tree, SHARED, "B", "-B")
    with pytest.raises(SourceChanged, match=r"_shared\.py was changed after .*: run it again"):
        sources.check_unchanged(now)
