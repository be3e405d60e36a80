"""What the sources promise: who imports whom, who touches the disk, and that all is documented."""

import ast
import inspect
import json
import subprocess
import sys
import types
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import toymodels

PACKAGE = Path(toymodels.__file__).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
ROOT = "__init__"


def part(module):
    """The file or folder of the package that a module belongs to."""
    return module.partition(".")[0]


def imports(module):
    """Every import of a module, wherever it stands: (absolute name of the module, name in it)."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from ((absolute(module, node), alias.name) for alias in node.names)


def absolute(module, node):
    if not node.level:
        return node.module
    is_package = SOURCES[module].name == "__init__.py"
    parents = ["toymodels", *([] if module == ROOT else module.split("."))]
    parents = parents[: len(parents) - node.level + is_package]
    return ".".join([*parents, *([node.module] if node.module else [])])


def own_imports(module):
    """The package's modules that a module imports, with the name that it takes from each."""
    for source, name in imports(module):
        if part(source) != "toymodels":
            continue
        inside = source.removeprefix("toymodels").removeprefix(".")
        submodule = f"{inside}.{name}".removeprefix(".")
        if submodule in SOURCES:
            yield submodule, None
        elif not inside and name in toymodels.__all__:
            yield toymodels._HOME[name], name
        else:
            yield inside or ROOT, name


def parts_imported(module):
    return {part(source) for source, _ in own_imports(module)} - {part(module)}


def foreign_imports(module):
    return {part(source) for source, _ in imports(module)} - {"toymodels"}


GROUND = {
    *("checks", "blocks", "axes", "memory", "draws"),
    *("distributions", "datapoints", "models", "geometry", "theory", "datasets", "selectivity"),
    "recovery",
}
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    "objectives": GROUND,
    "finite_dataset": GROUND,
    "classification": GROUND,
    "datasets": {"downloads", "files"},
    "downloads": set(),
    "attention": GROUND,
    "dictionary_learning": GROUND,
    "baselines": GROUND,
    "training": {"objectives"},
    "results": GROUND | {"training"},
    "ensemble": GROUND | {"objectives", "training", "results"},
    "plotting": set(),
    "spec": set(),
}


def test_the_engine_is_here():
    """So that no rule below is about nothing."""
    assert set(MAY_IMPORT) <= {part(module) for module in SOURCES}
    assert parts_imported("ensemble") >= {"axes", "training", "results"}
    assert ("objectives", "Objective") in own_imports("training")
    assert any(parts_imported(m) == set() and "numpy" in foreign_imports(m) for m in SOURCES)


@pytest.mark.parametrize("module", [name for name in SOURCES if part(name) in MAY_IMPORT])
def test_imports_run_one_way(module):
    assert parts_imported(module) <= MAY_IMPORT[part(module)]


def test_there_are_no_circles():
    graph = {module: {source for source, _ in own_imports(module)} for module in SOURCES}
    TopologicalSorter(graph).prepare()  # raises CycleError, naming the circle


def test_training_knows_the_objective_s_protocol_only():
    assert {name for source, name in own_imports("training") if source == "objectives"} == {
        "Objective",
        "Refreshing",
    }


@pytest.mark.parametrize("module", SOURCES)
def test_the_library_knows_no_experiment(module):
    assert not foreign_imports(module) & {"experiments", "benchmarks", "tests"}


@pytest.mark.parametrize("module", [name for name in SOURCES if part(name) == "plotting"])
def test_plotting_knows_no_jax(module):
    assert not foreign_imports(module) & {"jax", "jaxlib", "jaxtyping", "flax", "optax"}


# Who may: files, results and checkpoints; what reads sources, records and pictures' folders;
# the command that makes folders, and the cache of compiled programs.
MAY_TOUCH_DISK = {
    *("artifacts", "checkpoints", "files", "datasets", "running", "backend"),
    *("catalog", "fingerprint", "reach", "report", "provenance"),
}
DISK_METHODS = {
    *("read_text", "read_bytes", "write_text", "write_bytes", "open", "exists", "is_file"),
    *("is_dir", "stat", "glob", "rglob", "iterdir", "mkdir", "rmdir", "unlink", "touch"),
    *("rename", "savefig", "to_netcdf", "open_dataset", "load_dataset", "load_dataarray"),
    *("rmtree", "copyfile", "copytree", "move", "mkstemp", "mkdtemp", "urlopen", "urlretrieve"),
    *("savez", "savez_compressed", "savetxt", "loadtxt", "genfromtxt", "memmap", "tofile"),
}
DISK_FUNCTIONS = {
    *("open", "os.replace", "os.remove", "os.makedirs", "os.listdir", "os.scandir", "os.open"),
    *("np.load", "np.save", "jnp.load", "jnp.save", "pickle.load", "pickle.dump", "json.dump"),
    *("json.load", "subprocess.run", "subprocess.check_output", "subprocess.Popen"),
}


def disk_calls(tree):
    """Calls that read or write files, those to itself and its base class aside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            receiver, _, method = called.rpartition(".")
            if called in DISK_FUNCTIONS or (
                method in DISK_METHODS and receiver not in ("", "self", "super()")
            ):
                yield called


def test_disk_calls_are_recognised():
    source = "p.read_text(); open(f); np.savez(f, x); store.save(x); super().savefig(f); load(f)"
    assert set(disk_calls(ast.parse(source))) == {"p.read_text", "open", "np.savez"}
    assert list(disk_calls(TREES["files"]))


@pytest.mark.parametrize("module", [name for name in SOURCES if part(name) not in MAY_TOUCH_DISK])
def test_the_disk_is_left_alone(module):
    assert not list(disk_calls(TREES[module]))


def run_python(script):
    """Run a script in a fresh interpreter, and return what it prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_starts_nothing():
    modules = [
        "toymodels" if name == ROOT else f"toymodels.{name}"
        for name in SOURCES
        if not name.endswith("__main__")
    ]
    found = run_python(f"""
import json, sys
from importlib import import_module
found = {{}}
for module in ("toymodels", "toymodels.plotting", *{modules!r}):
    import_module(module)
    found.setdefault(module, "jax" in sys.modules)
import toymodels
for name in toymodels.__all__:
    getattr(toymodels, name)
import jax
from jax._src.xla_bridge import backends_are_initialized
before = backends_are_initialized()
jax.numpy.zeros(())
print(json.dumps([found, before, backends_are_initialized()]))
""")
    with_jax, started_by_imports, started_by_an_array = found
    assert not with_jax["toymodels"]
    assert not with_jax["toymodels.plotting"]
    assert with_jax["toymodels.engine.ensemble"]
    assert not started_by_imports
    assert started_by_an_array


def attribute_docstrings(tree):
    """Names that are assigned to and followed by a text."""
    for statement, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(text, ast.Expr):
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            if isinstance(text.value, ast.Constant) and isinstance(text.value.value, str):
                yield from (target.id for target in targets if isinstance(target, ast.Name))


@pytest.mark.parametrize("name", toymodels.__all__)
def test_public_names_are_documented(name):
    public = getattr(toymodels, name)
    if inspect.isclass(public) or inspect.isroutine(public) or inspect.ismodule(public):
        text = public.__doc__ or ""
        # a dataclass without a docstring is given its signature
        assert text.strip()
        assert not text.startswith(f"{name}(")
    else:
        assert name in attribute_docstrings(TREES[toymodels._HOME[name]])


@pytest.mark.parametrize("name", toymodels.__all__)
def test_public_methods_are_documented(name):
    public = getattr(toymodels, name)
    members = vars(public).items() if inspect.isclass(public) else ()
    fields = getattr(public, "__dataclass_fields__", ())  # whose defaults can be functions
    kinds = (types.FunctionType, classmethod, staticmethod, property)
    bare = [
        member
        for member, value in members
        if isinstance(value, kinds)
        and not (member.startswith("_") or member in fields or value.__doc__)
    ]
    assert not bare


@pytest.mark.parametrize("module", SOURCES)
def test_modules_say_what_they_are(module):
    assert ast.get_docstring(TREES[module])


def test_dir_and_getattr_agree():
    assert set(dir(toymodels)) >= set(toymodels.__all__)
    for name, home in toymodels._HOME.items():
        assert getattr(toymodels, name) is getattr(import_module(f"toymodels.{home}"), name)
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = toymodels.nothing
