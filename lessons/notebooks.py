"""Write the lessons as Jupyter notebooks: `python lessons/notebooks.py FOLDER [PACKAGE]`.

The first cell installs PACKAGE, where pip finds toymodels, unless it is there. Sliders, choices and
predictions become plain variables, to be changed before the cells below are run.
"""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HOW = """*A notebook made from a lesson of toymodels. Run the cells from above, one by one: where
one waits, answer what stands above it. Numbers with a remark behind them take the place of
sliders: change them, and run the cells below again.*"""
INSTALL = """# @title Install the package, unless it is there
from importlib.util import find_spec

if find_spec("toymodels") is None:
    %pip install --quiet {package}"""
SHARED = "toymodels_workshop"
"""The module that a notebook writes beside itself: what all lessons share."""
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}


def lessons() -> list[Path]:
    """Return the paths of all lessons, in their order."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def notebook(lesson: Path, package: str) -> dict[str, Any]:
    """Return a lesson as a Jupyter notebook."""
    command = [sys.executable, "-m", "marimo", "export", "ipynb", "--sort", "top-down", str(lesson)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8")
    made = json.loads(done.stdout)
    for cell in made["cells"]:
        cell["source"] = "".join(cell["source"])
    plain, names = {}, []
    for cell in made["cells"]:
        if cell["cell_type"] == "code" and (variable := as_variable(cell["source"])):
            plain[cell["id"]], name = variable
            names.append(name)
    for cell in made["cells"]:
        text = plain.get(cell["id"], cell["source"])
        text = text.replace("import marimo as mo\n", f"from {SHARED} import mo\n")
        text = text.replace("from workshop import", f"from {SHARED} import")
        for name in names:
            text = re.sub(rf"\b{name}\.value\b", name, text)
        if cell["cell_type"] == "code":
            is_check = text.lstrip().startswith("check(") or "= check(" in text
            cell["metadata"] = FOLDED if is_check else {}
        cell["source"] = text
    made["cells"] = [*first_cells(package), *made["cells"]]
    made["metadata"] = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return made


def first_cells(package: str) -> list[dict[str, Any]]:
    """Return the cells that install the package and hold what all lessons share."""
    shared = "\n\n".join(
        (HERE / name).read_text("utf-8") for name in ("workshop.py", "in_jupyter.py")
    )
    return [
        {"cell_type": "markdown", "id": "how", "metadata": {}, "source": HOW},
        code("install", INSTALL.format(package=package)),
        code("shared", f"%%writefile {SHARED}.py\n{shared}"),
    ]


def code(name: str, source: str) -> dict[str, Any]:
    """Return a folded code cell."""
    return {
        "cell_type": "code",
        "id": name,
        "metadata": FOLDED,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def as_variable(cell: str) -> tuple[str, str] | None:
    """Return the plain variable for a cell that makes a slider or asks, and its name."""
    first = ast.parse(cell).body[0]
    if not isinstance(first, ast.Assign) or not isinstance(first.value, ast.Call):
        return None
    name, call = ast.unparse(first.targets[0]), first.value
    options = {each.arg: each.value for each in call.keywords}
    match ast.unparse(call.func):
        case "mo.ui.slider":
            if "steps" in options:
                between = f"one of {ast.unparse(options['steps'])}"
            else:
                between = "from {} to {}".format(*map(ast.unparse, call.args[:2]))
            remark = f"{ast.literal_eval(options['label'])}: {between}"
            return f"{name} = {ast.unparse(options['value'])}  # {remark}", name
        case "mo.ui.radio":
            remark = f"{ast.literal_eval(options['label'])}: one of {ast.unparse(call.args[0])}"
            return f"{name} = {ast.unparse(options['value'])}  # {remark}", name
        case "prediction":
            question, choices = map(ast.literal_eval, call.args)
            lines = [f"# {question}", *(f"#   {choice!r}" for choice in choices)]
            return "\n".join([*lines, f"{name} = None  # your prediction"]), name
    return None


def main(folder: str, package: str = "toymodels") -> None:
    """Write all notebooks into a folder."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for lesson in lessons():
        path = out / f"{lesson.stem}.ipynb"
        path.write_text(json.dumps(notebook(lesson, package), indent=1), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
