"""What all lessons share: predictions, outcomes, live progress, checks of answers, what is deeper.

Boxes are plain HTML, so that they look the same in marimo, Jupyter and Colab.
"""

import ast
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from inspect import getsource
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np

Judge = Callable[[Any], Any]
COLORS = {"right": "#2e8b57", "wrong": "#c8553d", "open": "#888888", "shown": "#3b6fb6"}


def prediction(question: str, options: Sequence[str]) -> Any:
    """Ask for a prediction; the form's `value` is None until one is committed, and then kept."""
    import marimo as mo

    kept: list[str] = []

    def refusal(choice: Any) -> str | None:
        if kept:
            return f"You have committed to “{kept[0]}”."
        return None if choice else "Choose first."

    choice = mo.ui.radio(list(options), label=question)
    return choice.form(
        submit_button_label="Commit",
        validate=refusal,
        on_change=lambda said: kept.append(str(said)),
    )


@contextmanager
def watch(name: str) -> Iterator[Any]:
    """Give the `report` of a training, which moves a bar below the cell in marimo.

    Elsewhere it is None, and `train` shows its own progress.
    """
    if not in_marimo():
        yield None
        return
    import marimo as mo

    with mo.status.progress_bar(total=100, title=name, subtitle="compiling") as bar:
        shown = 0

        def report(step: int, steps: int, loss: Any) -> None:
            nonlocal shown
            percent = 100 * step // steps
            words = f"step {step:,} of {steps:,}, loss {float(np.mean(loss)):.3g}"
            bar.update(increment=percent - shown, subtitle=words)
            shown = percent

        yield report


def in_marimo() -> bool:
    """Whether this runs in marimo and not in Jupyter, where marimo may be missing."""
    try:
        import marimo as mo
    except ImportError:
        return False
    return mo.running_in_notebook()


@dataclass(frozen=True)
class Box:
    """A coloured box with a title, a sentence, and perhaps a closed fold."""

    kind: str
    title: str
    sentence: str = ""
    folded: str = ""

    def _repr_html_(self) -> str:
        style = f"border-left: 4px solid {COLORS[self.kind]}; padding: 0.4em 1em; margin: 0.5em 0"
        fold = f"<pre>{escape(self.folded)}</pre>" if self.folded else ""
        if fold:
            fold = f"<details><summary>A solution</summary>{fold}</details>"
        title = f'<b style="color: {COLORS[self.kind]}">{escape(self.title)}</b>'
        return f'<div style="{style}">{title} {escape(self.sentence)}{fold}</div>'


def outcome(predicted: str | None, happened: str) -> Box:
    """Show a prediction beside what happened."""
    if predicted is None:
        return Box("shown", f"What happened: {happened}.", "You made no prediction.")
    said = f"You predicted: {predicted}. What happened: {happened}."
    if predicted == happened:
        return Box("right", "As you predicted.", said)
    return Box("wrong", "Not as you predicted.", said)


def check(answer: Any, judge: Judge, *, solution: str, then: str = "") -> Box:
    """Judge an answer, `...` until it is given; the box keeps a solution in a fold.

    Args:
        answer: a value, or a function.
        judge: what is wrong with an answer, as a sentence, `...` if it is not given yet, or None
            if it is right.
        solution: Python that gives a right answer, indented by any depth.
        then: what is said of a right answer.
    """
    solution = dedent(solution).strip()
    try:
        complaint = ... if answer is ... else judge(answer)
    except Exception as error:
        complaint = f"It ends with {type(error).__name__}: {error}"
    if complaint is ...:
        return Box("open", "Not answered yet.", "Replace the dots and run the cell.", solution)
    if complaint:
        return Box("wrong", "Not yet.", complaint, solution)
    return Box("right", "Right.", then, solution)


def same_as(
    right: Any,
    wrong: Sequence[tuple[Any, str]] = (),
    at: Sequence[tuple] = ((),),
    precision: float = 1e-3,
) -> Judge:
    """Return a judge that compares with a right answer and with typical wrong ones.

    Args:
        right: a value, or a function of the arguments in `at`.
        wrong: pairs of a wrong answer, like `right`, and what is wrong with it.
        at: arguments at which functions are compared, all of them.
        precision: by which numbers may differ, absolute and relative.
    """

    def values(answer: Any) -> list[Any]:
        return [answer(*args) if callable(answer) else answer for args in at]

    def judge(answer: Any) -> Any:
        if callable(right) != callable(answer):
            return f"A {'function' if callable(right) else 'value'} is asked for."
        given, expected = values(answer), values(right)
        if any(value is ... for value in given):
            return ...
        if all_close(given, expected, precision):
            return None
        for other, sentence in wrong:
            if all_close(given, values(other), precision):
                return sentence
        pairs = zip(at, given, expected, strict=True)
        return next(
            difference(args, *pair)
            for args, *pair in pairs
            if not all_close(pair[:1], pair[1:], precision)
        )

    return judge


def all_close(given: Sequence[Any], expected: Sequence[Any], precision: float) -> bool:
    """Whether all pairs agree: text exactly, numbers and arrays of one shape nearly."""
    return all(close(a, b, precision) for a, b in zip(given, expected, strict=True))


def close(given: Any, expected: Any, precision: float) -> bool:
    """Whether two values agree."""
    if isinstance(expected, str) or isinstance(given, str):
        return bool(given == expected)
    if given is None or np.shape(given) != np.shape(expected):
        return False
    return bool(np.allclose(given, expected, rtol=precision, atol=precision))


def difference(args: tuple, given: Any, expected: Any) -> str:
    """Say how a value differs from the right one, without giving that away."""
    where = f"At {', '.join(map(short, args))}: " if args else ""
    if given is None:
        return f"{where}there is no result; is a return missing?"
    if isinstance(expected, str):
        return f"{where}{short(given)} is not it."
    if isinstance(given, str):
        return f"{where}{short(given)} is not a number."
    try:
        numbers, due = np.asarray(given, float), np.asarray(expected, float)
    except (TypeError, ValueError):
        return f"{where}{short(given)} is not a number."
    if numbers.shape != due.shape:
        return f"{where}the shape is {numbers.shape}, and should be {due.shape}."
    if not np.isfinite(numbers).all():
        return f"{where}the result is not finite."
    index = np.unravel_index(np.argmax(np.abs(numbers - due)), due.shape)
    entry = f"entry {tuple(map(int, index))}, " if index else ""
    way = "large" if numbers[index] > due[index] else "small"
    return f"{where}{entry}{numbers[index]:.4g} is too {way}."


def short(value: Any) -> str:
    """Write a value in a few characters."""
    if isinstance(value, str):
        return f"“{value}”"
    if np.ndim(value) > 0:
        return f"an array {np.shape(value)}"
    return f"{value:g}" if isinstance(value, float) else repr(value)


@dataclass(frozen=True)
class Deeper:
    """Figures of the suite that go deeper: title, script, command and picture."""

    names: tuple[str, ...]

    def _repr_html_(self) -> str:
        return "".join(map(self.figure, self.names))

    def figure(self, name: str) -> str:
        family, stem = name.split("/")
        script = SUITE / "experiments" / family / f"{stem}.py"
        words = f"<code>experiments/{name}.py</code>, <code>python -m experiments run {stem}</code>"
        if not script.exists():  # a notebook outside a clone
            return f"<p>{words}</p>"
        page = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or stem
        title = escape(page.partition("\n")[0])
        inside = f"<p>{words}</p>{picture(family, stem)}"
        return f"<details><summary>{title}</summary>{inside}</details>"


def picture(family: str, stem: str) -> str:
    """Return the recorded picture of a figure as HTML."""
    data = b64encode((SUITE / "figures" / family / f"{stem}.png").read_bytes()).decode()
    return f'<img style="max-width: 100%" src="data:image/png;base64,{data}">'


def deeper(*names: str) -> Deeper:
    """Show the figures `family/stem` that go deeper than a lesson, each in a fold."""
    return Deeper(names)


SCRIPT = """\"\"\"{title}

Source: ours.

Deviations:
- AdamW, learning rate {{learning_rate:g}}, batch {{batch_size:,}}, {{steps:,}} steps.
\"\"\"

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry, plotting


{parts}


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(sparsity=(0.5, 0.9), restarts=2, steps=100, batch_size=64),
    paper=Spec(restarts=64),
)

if __name__ == "__main__":
    EXPERIMENT.main()
"""


def as_script(title: str, *parts: Any) -> str:
    """Join Spec, run, plot and claims, as they are defined, to the script of a figure."""
    return SCRIPT.format(title=title, parts="\n\n\n".join(map(source, parts)))


def source(part: Any) -> str:
    """Return the source of a function or class, without marimo's decorator."""
    lines = getsource(part).strip().splitlines()
    return "\n".join(line for line in lines if not line.startswith("@app."))


SUITE = Path(__file__).resolve().parents[1] if "__file__" in globals() else Path.cwd()
