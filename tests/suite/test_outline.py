"""A script's presets, read without running it, are those that it has."""

import pytest
from scripts import COUNTING, REPOSITORY, Tree, finish, start

from toymodels.suite import catalog, cli
from toymodels.suite.outline import read_preset

PRESETS = ("smoke", "quick", "paper")


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def outlined(path):
    specs = [read_preset(path, preset) for preset in PRESETS]
    return [spec and spec.to_dict() for spec in specs]


def test_presets_are_read_and_nothing_else_runs(tree):
    broken = COUNTING.replace("import numpy as np", "import no_such_package as np")
    path = tree.write("lines/line", broken.replace('COLOR = "red"', "COLOR = 1 / 0"))
    assert [spec["size"] for spec in outlined(path)] == [2, 3, 9]
    assert read_preset(path, "quick").__doc__ == "Settings of the line."


def test_what_is_shared_is_read_where_it_stands(tree):
    shared = '''
from math import prod
import toymodels as tm
import no_such_package

MOST = prod([2, 5])


class Shared(tm.TrainingSpec):
    """Shared settings."""

    size: tm.Count = MOST
    """How many points."""

    def optimizer(self) -> no_such_package.Optimizer:
        return no_such_package.Optimizer(self.size)

    def check(self):
        if self.size > twice(MOST):
            raise ValueError("size is too large")


def twice(number):
    return 2 * number


SMOKE = Shared(steps=7)
'''
    script = COUNTING.replace("Spec(size=2)", "SMOKE").replace("Spec(size=9)", "SMOKE")
    imports = "from experiments.lines._shared import SMOKE, Shared as Spec\n\nSLOPE"
    before, _, after = script.partition("class Spec")
    script = before.replace("SLOPE", imports) + after[after.index("def run") :]
    tree.write("lines/_shared", shared)
    path = tree.write("lines/line", script)
    smoke, quick, _ = outlined(path)
    assert (smoke["steps"], quick["size"]) == (7, 10)
    with pytest.raises(ValueError, match="too large"):
        type(read_preset(path, "quick"))(size=21)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("EXPERIMENT = ", "EXPERIMENT = None\nEXPERIMENT = "),
        ("smoke=Spec(size=2)", "smoke=Spec(size=0)"),
        ("smoke=Spec(size=2)", "**{'smoke': Spec()}"),
        ("import toymodels\n", "import toymodels\nimport experiments.other\n"),
        ("class Spec(toymodels.Spec)", "class Spec(nobody.Spec)"),
        ("class Spec", "class Spec("),
    ],
)
def test_what_only_running_can_tell_is_left_to_that(tree, old, new):
    text = COUNTING.replace(old, new)
    assert text != COUNTING
    spec = read_preset(tree.write("lines/line", text), "smoke")
    assert spec is None or "other" in new


@pytest.mark.slow
def test_the_real_scripts_have_the_presets_that_are_read():
    for path in catalog.find_scripts(REPOSITORY / "experiments").values():
        experiment = cli._loader(path)()
        assert outlined(path) == [experiment.preset(preset).to_dict() for preset in PRESETS]


@pytest.mark.slow
def test_help_and_wrong_usage_of_the_real_scripts_need_no_library():
    program = """
import contextlib, io, sys, time
from pathlib import Path
from toymodels.suite import catalog, cli
folder = Path("experiments")
for stem in catalog.find_scripts(folder):
    for words in (["--help"], ["--restarts", "2000000000"]):
        began = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                cli.suite(folder, ["run", stem, *words])
            except SystemExit as end:
                assert end.code == 2 * (words != ["--help"]), (stem, words)
        assert time.process_time() - began < 1, (stem, words)
        slow = {"jax", "flax", "numpy", "xarray", "matplotlib"} & set(sys.modules)
        assert not slow, (stem, words, slow)
"""
    status, _, err = finish(start("-c", program, cwd=REPOSITORY))
    assert status == 0, err
