"""A lesson worked through without a browser: answers filled in, all cells run, answers judged.

`python worked.py blank LESSON ...` runs lessons as they are opened; `python worked.py full LESSON`
fills in predictions and solutions, and judges the wrong answers of `wrong_answers.py`. Both print
what the checks say as JSON. It is a process of its own, as `toymodels.setup()` comes before JAX.
"""

import ast
import importlib.util
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent, indent

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
CHECK = "check_"


def lessons():
    """Return the paths of all lessons."""
    return sorted(LESSONS.glob("[0-9][0-9]_*.py"))


def calls(tree, name):
    """Return the calls of a function of this name, such as `prediction` or `mo.ui.slider`."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call for call in found if ast.unparse(call.func) == name]


def exercises(text):
    """Return the solution of each exercise, by the name that the learner gives a value."""
    found = {}
    for cell in ast.parse(text).body:
        if isinstance(cell, ast.FunctionDef) and cell.name.startswith(CHECK):
            (check,) = calls(cell, "check")
            (solution,) = (each.value for each in check.keywords if each.arg == "solution")
            found[cell.name.removeprefix(CHECK)] = dedent(ast.literal_eval(solution)).strip()
    return found


def predictions(text):
    """Return the options of each prediction, by the name of its form."""
    return {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value.args[1])
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assign) and node.value in calls(node, "prediction")
    }


def fill(text, answers):
    """Replace the statements that define these names by other sources."""
    for name, source in answers.items():
        (place,) = (node for node in ast.walk(ast.parse(text)) if defines(node, name))
        lines = text.splitlines()
        lines[place.lineno - 1 : place.end_lineno] = [indent(source, " " * place.col_offset)]
        text = "\n".join(lines) + "\n"
    return text


def defines(node, name):
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) == name
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name


def committed(text):
    """Return a source that stands for the form of each prediction, with its last option chosen."""
    return {
        name: f"{name} = __import__('types').SimpleNamespace(value={options[-1]!r})"
        for name, options in predictions(text).items()
    }


def run(text):
    """Run the cells of a lesson, and return the module and the values of all names."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lesson.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("lesson", path)
        lesson = importlib.util.module_from_spec(spec)
        sys.modules["lesson"] = lesson  # classes of a lesson look for their module
        spec.loader.exec_module(lesson)
        _, values = lesson.app.run()
        return lesson, dict(values)


def judge(lesson, values, name, source=None):
    """Return what the check of an exercise says to the answer in `values`, or in a source."""
    cell, values = getattr(lesson, CHECK + name), dict(values)
    if source is not None:
        given = vars(lesson) | values
        exec(source, given)
        values[name] = given[name]
    box, _ = cell.run(**{ref: values[ref] for ref in cell.refs if ref in values})
    compile(box.folded, name, "exec")  # the solution as it is shown
    return [box.kind, box.sentence]


def blank(*paths):
    """Return what the checks say of lessons that are as they are opened."""
    texts = {Path(path).stem: Path(path).read_text(encoding="utf-8") for path in paths}
    said = {}
    for stem, text in texts.items():
        lesson, values = run(text)
        said[stem] = {name: judge(lesson, values, name) for name in exercises(text)}
    return said


def full(path):
    """Return what the checks say of the solutions, and of each wrong answer."""
    from wrong_answers import WRONG

    text = Path(path).read_text(encoding="utf-8")
    lesson, values = run(fill(text, exercises(text) | committed(text)))
    names, wrong = exercises(text), WRONG[Path(path).stem]
    return {
        "right": {name: judge(lesson, values, name) for name in names},
        "wrong": {
            name: [judge(lesson, values, name, source) for source in wrong[name]] for name in names
        },
        "script": values.get("script"),
    }


if __name__ == "__main__":
    sys.path.insert(0, str(LESSONS))
    _, command, *paths = sys.argv
    print(json.dumps({"blank": blank, "full": full}[command](*paths)))
