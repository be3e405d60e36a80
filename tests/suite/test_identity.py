"""What a figure's numbers depend on, and nothing else: one thing is changed, and it is asked."""

import ast
import subprocess
import sys
from textwrap import dedent

import pytest
from scripts import REPOSITORY, forget_experiments, without_experiments

from toymodels.suite.store import identity, modules
from toymodels.suite.store.identity import SourceChanged, Sources

LIBRARY = {
    "__init__.py": """
        import lazy_loader
        __getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
        """,
    "__init__.pyi": """
        from . import plotting as plotting
        from . import theory as theory
        from .engine.ensemble import train as train
        from .measures import geometry as geometry
        from .models import Linear as Linear
        from .models import Relu as Relu
        from .suite.spec import Count as Count
        from .suite.spec import Spec as Spec
        """,
    "engine/ensemble.py": """
        from .training import step
        MANY = 3
        def train(problem, steps: int):
            '''Train.'''
            return [step(i) for i in range(MANY)]  # all
        def unused():
            return 1
        """,
    "engine/training.py": "def step(i):\n    return i + 1\n",
    "measures/__init__.py": "",
    "measures/geometry.py": """
        import numpy as np
        def norms(W):
            return np.sqrt(W)
        def angles(W):
            return np.arctan(W)
        """,
    "models/__init__.py": "from .linear import *\nfrom .relu import Relu\n",
    "models/linear.py": "class Linear:\n    def __call__(self, x):\n        return x\n",
    "models/relu.py": "class Relu:\n    pass\n",
    "numerics/fallbacks.py": """
        try:
            from .fast import product
        except ImportError:
            from .slow import product
        """,
    "numerics/fast.py": "def product(x):\n    return x * 2\n",
    "numerics/slow.py": "def product(x):\n    return 2 * x\n",
    "data/images.py": """
        def load(name):
            import sklearn.datasets
            return sklearn.datasets.load_digits()
        """,
    "theory/__init__.pyi": "from .linear import optimum as optimum\n",
    "theory/__init__.py": """
        import lazy_loader
        __getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
        """,
    "theory/linear.py": "def optimum(p):\n    return p / 3\ndef other(p):\n    return p\n",
    "plotting/__init__.py": "from .colors import RED\n",
    "plotting/colors.py": "RED = 'red'\n",
    "suite/cli.py": "def main():\n    print('hello')\n",
    "suite/spec.py": """
        Count = int
        def check(value):
            return value
        class Spec:
            def __post_init__(self):
                check(self)
            def to_dict(self):
                return {}
        class TrainingSpec(Spec):
            steps: Count = 3
            def optimizer(self):
                return 'adam'
        """,
    "suite/lab.py": """
        from toymodels.data.images import load
        from toymodels.engine import ensemble
        from toymodels.suite.spec import Spec
        class Lab:
            spec: Spec
            def train(self, name, problem):
                return ensemble.train(problem, self._setting('steps'))
            def images(self, name):
                return load(name)
            def _setting(self, name):
                return getattr(self.spec, name)
        """,
}
SCRIPT = '''
    """A title.

    Source: a figure.

    Deviations:
    - None.
    """

    import matplotlib.pyplot as plt
    import toymodels as tm
    from toymodels import Count, geometry, plotting

    STEPS = 5
    TABLE = {}
    TABLE["first"] = 1
    WIDTH = 7


    class Settings(tm.Spec):
        """Settings."""

        steps: Count = 3
        """How many."""


    def run_all(lab):
        """Train."""
        WIDTH = lab.spec.steps
        return helper(lab, WIDTH)


    def helper(lab, x: int):
        models = lab.train("relu", lambda: tm.Relu())
        return geometry.norms(models), STEPS, TABLE["first"]


    def plot(data):
        return label(data), WIDTH, plotting.RED, tm.theory.optimum(1)


    def label(data):
        return plt.title("a")


    def claims(data):
        return []


    EXPERIMENT = Experiment(
        __file__, Settings, run_all, plot, claims, smoke=Settings(), sweeps="x"
    )

    if __name__ == "__main__":
        EXPERIMENT.main()
    '''
STEM = "experiments/family/stem.py"


@pytest.fixture
def tree(tmp_path):
    for name, text in LIBRARY.items():
        write(tmp_path, f"toymodels/{name}", text)
    write(tmp_path, "experiments/__init__.py", "")
    write(tmp_path, STEM, SCRIPT)
    return tmp_path


def write(tree, name, text):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text).lstrip("\n"))


def edit(tree, name, old, new):
    path = tree / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


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


UNUSED = [
    (STEM, '"""Train."""', '"""Train, much better described."""'),
    (STEM, '"""How many."""', '"""How many steps."""'),
    (STEM, '"""Settings."""', ""),
    (STEM, "A title.", "Another title."),
    (STEM, "STEPS = 5", "STEPS = (5)  # steps\n\n\n"),
    (STEM, 'plt.title("a")', 'plt.title("b")'),
    (STEM, "WIDTH = 7", "WIDTH = 8"),
    (STEM, "return []", "return [1]"),
    (STEM, "EXPERIMENT.main()", "print('goodbye')"),
    (STEM, "import matplotlib.pyplot as plt", "import seaborn as plt"),
    (STEM, "x: int", "x: float"),
    (STEM, "- None.", "- Some."),
    (STEM, "Count, geometry, plotting", "Count, geometry, plotting, Linear"),
    ("toymodels/engine/ensemble.py", "'''Train.'''", ""),
    ("toymodels/engine/ensemble.py", "return 1", "return 2"),
    ("toymodels/engine/ensemble.py", "steps: int", "steps: float"),
    ("toymodels/engine/ensemble.py", "  # all", ""),
    ("toymodels/measures/geometry.py", "np.arctan(W)", "np.arccos(W)"),
    ("toymodels/models/linear.py", "return x", "return 2 * x"),
    ("toymodels/plotting/colors.py", "red", "blue"),
    ("toymodels/theory/linear.py", "p / 3", "p / 2"),
    ("toymodels/suite/cli.py", "hello", "goodbye"),
    ("toymodels/suite/spec.py", "return value", "return 2 * value"),
    ("toymodels/suite/spec.py", "return {}", "return {1: 2}"),
    ("toymodels/suite/spec.py", "adam", "sgd"),
    ("toymodels/data/images.py", "load_digits", "load_iris"),
    ("toymodels/__init__.pyi", "as Linear\n", "as Linear\nfrom .new import X as X\n"),
]
USED = [
    (STEM, "STEPS = 5", "STEPS = 6", STEM),
    (STEM, 'TABLE["first"] = 1', 'TABLE["first"] = 2', STEM),
    (STEM, "WIDTH = lab.spec.steps", "WIDTH = lab.spec.steps + 1", STEM),
    (STEM, "Count = 3", "Count = 4", STEM),
    (STEM, "class Settings(tm.Spec)", "class Settings(tm.Linear)", STEM),
    (STEM, "TABLE = {}", "TABLE = {}\nfor i in range(3):\n    TABLE[i] = i", STEM),
    (STEM, "TABLE = {}", "TABLE = {}\nplotting.use('x')", STEM),
    (STEM, "import Count, geometry", "import Count, theory as geometry", STEM),
    (STEM, "Settings, run_all, plot", "Settings, partial(run_all, m=3), plot", "call"),
    (STEM, "Settings, run_all, plot", "Settings, helper, plot", "call"),
    ("toymodels/engine/ensemble.py", "MANY = 3", "MANY = 4", "toymodels/engine/ensemble.py"),
    ("toymodels/engine/training.py", "i + 1", "i + 1.0", "toymodels/engine/training.py"),
    ("toymodels/measures/geometry.py", "sqrt(W)", "abs(W)", "toymodels/measures/geometry.py"),
    ("toymodels/models/relu.py", "pass", "x = 1", "toymodels/models/relu.py"),
    ("toymodels/suite/lab.py", "(problem,", "(problem, 1,", "toymodels/suite/lab.py"),
]


@pytest.mark.parametrize(("name", "old", "new"), UNUSED)
def test_what_changes_no_number_does_not_count(tree, name, old, new):
    assert changes(tree, name, old, new) == []


@pytest.mark.parametrize(("name", "old", "new", "through"), USED)
def test_what_the_numbers_come_from_counts_and_is_named(tree, name, old, new, through):
    through = "the script's call of Experiment" if through == "call" else through
    assert through in changes(tree, name, old, new)


def test_settings_and_seed_count(tree):
    before = of(tree)
    for other in (of(tree, {"steps": 4}), of(tree, {"steps": 3.0}), of(tree, seed=1)):
        assert other.hash != before.hash
        assert other.changes_since(before.to_dict()) == ["its settings"]
    assert of(tree).hash == before.hash


def test_versions_count_by_name(tree, monkeypatch):
    before = of(tree).to_dict()
    assert set(before["versions"]) == {"jax", "jaxlib", "flax", "optax", "numpy"}
    numpy = before["versions"]["numpy"]
    monkeypatch.setattr(identity, "_version", lambda name: "9" if name == "numpy" else "0")
    assert f"numpy {numpy} -> 9" in of(tree).changes_since(before)


def test_packages_count_where_reached_code_uses_them(tree):
    edit(tree, STEM, 'lab.train("relu"', 'lab.train(lab.images("digits")')
    assert "scikit-learn" in of(tree).versions
    assert changes(tree, "toymodels/data/images.py", "load_digits", "load_iris")


@pytest.mark.parametrize(("asked", "counts"), [("lab", True), ("self", False)])
def test_of_the_lab_anything_may_be_asked_by_a_computed_name(tree, asked, counts):
    edit(tree, STEM, "return helper(lab, WIDTH)", f"return getattr({asked}, 'im' + 'ages')()")
    through = changes(tree, "toymodels/data/images.py", "load_digits", "load_iris")
    assert bool(through) == counts


def test_files_count_by_content(tree):
    edit(tree, STEM, 'sweeps="x"', 'sweeps="x", reads=("table.csv",)')
    with pytest.raises(FileNotFoundError, match=r"table\.csv"):
        of(tree)
    write(tree, "experiments/family/table.csv", "1,2\n")
    assert changes(tree, "experiments/family/table.csv", "1,2", "1,3") == ["table.csv"]
    edit(tree, STEM, '("table.csv",)', "TABLES")
    edit(tree, STEM, "STEPS = 5", 'TABLES = ("table.csv",)\nSTEPS = 5')
    assert list(of(tree).files) == ["table.csv"]
    edit(tree, STEM, "reads=TABLES", "reads=names()")
    with pytest.raises(ValueError, match="tuple of texts"):
        of(tree)


@pytest.mark.parametrize(
    "statement",
    [
        "from experiments.family._shared import work",
        "from experiments.family import _shared\nwork = _shared.work",
        "import experiments.family._shared\nwork = experiments.family._shared.work",
        "import experiments.family._shared as shared\nwork = shared.work",
        "from ._shared import work",
        "from . import _shared\ndef work(): return _shared.work()",
        "from ._shared import *",
        "from _shared import work",
        "from ._again import work",
        "def work():\n    from ._shared import work\n    return work()",
        "def work():\n    from experiments.family import _shared as s\n    return s.work()",
        "try:\n    from ._shared import work\nexcept ImportError:\n    work = None",
        "from . import _shared\ndef work(): return getattr(_shared, 'wo' + 'rk')()",
        "import importlib\ndef work(): return importlib.import_module(NAME).work()",
        "from importlib import import_module\nwork = import_module('experiments.' + X).work",
    ],
)
def test_a_helper_counts_however_it_is_imported(tree, statement):
    write(tree, "experiments/family/_shared.py", SHARED)
    write(tree, "experiments/family/_again.py", "from ._shared import work\n")
    write(tree, "experiments/_base.py", "A = 1\nB = 2\n")
    edit(tree, STEM, "STEPS = 5", f"{statement}\nSTEPS = 5")
    edit(tree, STEM, "return helper(lab, WIDTH)", "return work()")
    through = changes(tree, "experiments/_base.py", "A = 1", "A = 2")
    assert through == ["experiments/_base.py"]
    through = changes(tree, "experiments/family/_shared.py", "return A", "return -A")
    assert through == ["experiments/family/_shared.py"]


SHARED = """
    from .._base import A, B
    def work():
        return A
    def draw():
        return B
    """


def test_of_a_helper_only_what_is_reached_counts(tree):
    write(tree, "experiments/family/_shared.py", SHARED)
    write(tree, "experiments/_base.py", "A = 1\nB = 2\n")
    edit(tree, STEM, "STEPS = 5", "from ._shared import draw, work\nSTEPS = work()")
    edit(tree, STEM, "return label(data)", "return draw()")
    assert changes(tree, "experiments/family/_shared.py", "return B", "return -B") == []
    assert changes(tree, "experiments/_base.py", "B = 2", "B = 3") == []


def test_a_module_imported_for_its_effect_counts(tree):
    write(tree, "experiments/_precision.py", "import jax\njax.config.update('x64', True)\n")
    edit(tree, STEM, "STEPS = 5", "import experiments._precision\nSTEPS = 5")
    assert changes(tree, "experiments/_precision.py", "True", "False")


def test_another_package_under_the_same_name_counts(tree):
    through = changes(tree, "toymodels/measures/geometry.py", "import numpy", "import jax.numpy")
    assert through == ["toymodels/measures/geometry.py"]


@pytest.mark.parametrize("name", ["fast", "slow"])
def test_both_ways_of_an_import_that_may_fail_count(tree, name):
    edit(tree, STEM, "STEPS = 5", "from toymodels.numerics.fallbacks import product\nSTEPS = 5")
    edit(tree, STEM, "return helper(lab, WIDTH)", "return product(1)")
    assert changes(tree, f"toymodels/numerics/{name}.py", "return", "return 3 *")


def test_a_module_handed_on_as_a_value_counts_whole(tree):
    edit(tree, STEM, "return helper(lab, WIDTH)", "return helper(geometry, WIDTH)")
    assert changes(tree, "toymodels/measures/geometry.py", "arctan", "arccos")


def test_a_star_leads_on(tree):
    edit(tree, STEM, "tm.Relu()", "tm.Linear()")
    assert changes(tree, "toymodels/models/linear.py", "return x", "return -x")


def test_figures_that_import_run_and_spec_have_one_identity(tree):
    write(tree, "experiments/family/_runs.py", SCRIPT.partition("def plot")[0])
    for stem, title in (("first", "First"), ("second", "Second")):
        importing = f'''
            """{title}.

            Source: a figure.
            """
            from experiments.family._runs import Settings as Spec, run_all
            def plot(data):
                return "{stem}"
            EXPERIMENT = Experiment(__file__, run=run_all, Spec=Spec, plot=plot)
            '''
        write(tree, f"experiments/family/{stem}.py", importing)
    first, second = of(tree, stem="first"), of(tree, stem="second")
    assert first == second
    assert first.hash != of(tree).hash
    assert "experiments/family/_runs.py" in first.code
    assert not {STEM, "experiments/family/first.py"} & set(first.code)
    edit(tree, "experiments/family/second.py", "run=run_all", "run=partial(run_all, m=3)")
    assert of(tree, stem="second").hash != first.hash


@pytest.mark.parametrize("made", ["build(plot)", "Experiment(*PARTS)", "[Experiment(plot)][0]"])
def test_an_experiment_made_in_another_way_counts_with_its_picture(tree, made):
    edit(tree, STEM, "EXPERIMENT = Experiment(", f"EXPERIMENT = {made}\nOTHER = Experiment(")
    edit(tree, STEM, "STEPS = 5", "STEPS = 5\nPARTS = (lambda: plot,)")
    assert changes(tree, STEM, 'title("a")', 'title("b")')


def test_a_real_figure_depends_on_what_it_uses_alone():
    """A module that imports by a computed name would make it depend on all there is."""
    script = REPOSITORY / "experiments" / "superposition" / "intro_2d.py"
    code = set(Sources(REPOSITORY).identify(script, {}, 0).code)
    assert "toymodels/models/relu_output.py" in code
    foreign = ("toymodels/theory/", "toymodels/measures/", "toymodels/suite/store/")
    assert not [label for label in code if label.startswith(foreign)]


def test_what_cannot_be_understood_is_one_sentence(tree):
    edit(tree, STEM, "EXPERIMENT =", "OTHER =")
    with pytest.raises(ValueError, match=r"stem\.py has no EXPERIMENT"):
        of(tree)
    write(tree, STEM, "def\n")
    with pytest.raises(ValueError, match=r"experiments/family/stem\.py does not parse"):
        of(tree)
    with pytest.raises(ValueError, match="not among the experiments"):
        of(tree, stem="other")


def test_it_is_the_same_in_every_process_and_place(tree, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    subprocess.run(["cp", "-r", tree, elsewhere], check=True)
    program = f"""
import sys
from pathlib import Path
from toymodels.suite.store.identity import Sources
root = Path({str(elsewhere)!r})
script = root / "experiments/family/stem.py"
print(Sources(root, root / "toymodels").identify(script, {{"steps": 3}}, 0).hash)
assert not {{"jax", "numpy", "xarray"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == of(tree).hash, done.stderr


@pytest.mark.slow
def test_a_file_changed_after_it_was_read_or_loaded_is_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path, "experiments/__init__.py", "")
    write(tmp_path, "experiments/aside/_loaded_here.py", "A = 1\n")
    script = SCRIPT.replace("STEPS = 5", "from experiments.aside._loaded_here import A as STEPS")
    write(tmp_path, STEM, script)

    def settle(sources):
        sources.settle(sources.identify(tmp_path / STEM, {}, 0))

    with without_experiments():
        before = Sources(tmp_path)
        settle(before)
        from experiments.aside import _loaded_here  # noqa: F401

        settle(before)
        edit(tmp_path, "experiments/aside/_loaded_here.py", "A = 1", "A = 2")
        with pytest.raises(SourceChanged, match=r"_loaded_here\.py was changed after"):
            settle(before)  # it was read before
        with pytest.raises(SourceChanged, match="run it again"):
            settle(Sources(tmp_path))  # it was loaded before
        forget_experiments()
        settle(Sources(tmp_path))


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
    (node,) = ast.parse(statement).body
    found = modules.looked_up(node)
    assert names <= found
    assert not found & {"a", "b", "c", "x", "g", "i", "self"}
