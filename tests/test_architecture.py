"""What the sources promise beyond who imports whom, which are contracts in pyproject.toml."""

import ast
import inspect
import json
import subprocess
import sys
import types
from importlib import import_module
from pathlib import Path

import pytest

import toymodels

PACKAGE = Path(toymodels.__file__).parent


def dotted(path):
    """A file's name inside the package: `engine.axes`, and of a room the room's."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def join(*names):
    return ".".join(filter(None, names))


def qualified(name):
    return join("toymodels", name)


SOURCES = {dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}
STUBS = {dotted(path): path for path in sorted(PACKAGE.rglob("__init__.pyi"))}
ROOMS = [name for name, path in SOURCES.items() if path.name == "__init__.py"]
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}


def public_names(room):
    """What a room's stub lists: (the room, the name, the module that it lives in, or is)."""
    for statement in ast.parse(STUBS[room].read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ImportFrom):
            source = join(room, statement.module)
            for alias in statement.names:
                inside = join(source, alias.name)
                yield room, alias.asname or alias.name, inside if inside in SOURCES else source


PUBLIC = [public for room in STUBS for public in public_names(room)]
each_module = pytest.mark.parametrize("module", SOURCES)


# --- rooms ----------------------------------------------------------------------------------------


@each_module
def test_modules_say_what_they_are(module):
    assert ast.get_docstring(TREES[module])


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_say_what_belongs_there(room):
    """What is there in the first line, and then what is not."""
    lines = (ast.get_docstring(TREES[room]) or "").splitlines()
    assert sum(bool(line.strip()) for line in lines) > 1


@each_module
def test_every_folder_is_a_room(module):
    """The contracts on imports do not see what lies in a folder without `__init__.py`."""
    assert not module or module.rpartition(".")[0] in ROOMS


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
    parents = qualified(module).split(".")
    parents = parents[: len(parents) - node.level + (module in ROOMS)]
    return join(*parents, node.module)


@each_module
def test_the_library_takes_names_from_their_homes(module):
    """Through a lazy room one could reach what the contracts on imports forbid, unseen."""
    lazy = {qualified(room): room for room in STUBS}
    for source, name in imports(module):
        if source in lazy:
            assert name and join(lazy[source], name) in SOURCES, f"{name} from {source}"


# --- importing ------------------------------------------------------------------------------------


def run_python(script):
    """Run a script in a fresh interpreter, and return what it prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_starts_nothing():
    modules = [qualified(name) for name in SOURCES if not name.endswith("__main__")]
    quiet = [name for name in modules if name.startswith("toymodels.plotting")]
    found = run_python(f"""
import json, sys
from importlib import import_module
found = {{}}
for module in ("toymodels", *{quiet!r}, *{modules!r}):
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
    assert not any(with_jax[module] for module in ("toymodels", *quiet))
    assert with_jax["toymodels.engine.ensemble"]
    assert not started_by_imports
    assert started_by_an_array


# --- public names ---------------------------------------------------------------------------------


@pytest.mark.parametrize("room", STUBS)
def test_stubs_dir_and_getattr_agree(room):
    module = import_module(qualified(room))
    names = [name for where, name, _ in PUBLIC if where == room]
    assert sorted(names) == sorted(module.__all__)
    assert set(dir(module)) >= set(names)
    with pytest.raises(AttributeError, match="nothing"):
        _ = module.nothing


def attribute_docstrings(tree):
    """Names that are assigned to and followed by a text."""
    for statement, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(text, ast.Expr):
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            if isinstance(text.value, ast.Constant) and isinstance(text.value.value, str):
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def says_what_it_is(public):
    """Whether it has a docstring of its own, and not a dataclass's or a tuple's signature."""
    text = public.__doc__ or ""
    return bool(text.strip()) and not text.startswith(f"{public.__name__}(")


def undocumented_methods(public):
    fields = getattr(public, "__dataclass_fields__", ())  # whose defaults can be functions
    kinds = (types.FunctionType, classmethod, staticmethod, property)
    for name, member in vars(public).items():
        own = isinstance(member, kinds) and not (name.startswith("_") or name in fields)
        if own and not member.__doc__:
            yield name


@pytest.mark.parametrize(
    ("room", "name", "home"), [pytest.param(*public, id=join(*public[:2])) for public in PUBLIC]
)
def test_a_public_name_has_one_home_and_says_what_it_is(room, name, home):
    """A function or class is public in one room only; a room's file may be in the front hall."""
    public = getattr(import_module(qualified(room)), name)
    module = import_module(qualified(home))
    places = [(where, at) for where, other, at in PUBLIC if other == name]
    assert {at for _, at in places} == {home}
    if inspect.ismodule(public):
        assert public is module
        return
    assert public is getattr(module, name)
    assert places == [(room, home)]
    # constants and aliases of types know neither module nor name
    if inspect.isclass(public) or (callable(public) and hasattr(public, "__name__")):
        assert public.__module__ == module.__name__
        assert says_what_it_is(public)
        assert not inspect.isclass(public) or not list(undocumented_methods(public))
    else:
        assert name in attribute_docstrings(TREES[home])
