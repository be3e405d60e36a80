"""Find the figures' scripts and parse their docstrings, without running them."""

import ast
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


@dataclass(frozen=True)
class ScriptDoc:
    """A script's parsed docstring, and its path.

    Attributes:
        path: the script.
        title: its first line.
        source: the paragraph that begins with `Source:`.
        prose: the other paragraphs, one per line.
        deviations: the list items below `Deviations:`.
    """

    path: Path
    title: str
    source: str
    prose: str
    deviations: tuple[str, ...]

    @property
    def stem(self) -> str:
        """The name of the script and of its figure."""
        return self.path.stem

    @property
    def family(self) -> str:
        """The name of the script's folder."""
        return self.path.parent.name

    @property
    def name(self) -> str:
        """Family and stem, as `list` prints them."""
        return f"{self.family}/{self.stem}"


def read_doc(path: Path) -> ScriptDoc:
    """Read a script's title, source, prose and deviations.

    Raises:
        ValueError: if the script does not parse, or its docstring lacks title or source.
    """
    try:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    except SyntaxError as error:
        raise ValueError(f"{path} does not parse: {error}") from error
    first, *others = docstring.split("\n\n")
    title = first.partition("\n")[0].strip().removesuffix(".")
    source = _paragraph(docstring, "Source:")
    prose = [block for block in others if not block.startswith(("Source:", "Deviations:"))]
    if not title or not source:
        raise ValueError(f"{path} needs a docstring: a title, then a paragraph `Source: ...`")
    _, *deviations = re.split(r"^- ", _paragraph(docstring, "Deviations:"), flags=re.MULTILINE)
    return ScriptDoc(
        path,
        title,
        _one_line(source).removesuffix("."),
        "\n\n".join(map(_one_line, prose)),
        tuple(map(_one_line, deviations)),
    )


def _paragraph(text: str, name: str) -> str:
    named = [block for block in text.split("\n\n") if block.startswith(name)]
    return named[0].removeprefix(name) if named else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def shorten(path: Path) -> str:
    """Return a path relative to the current folder if it lies in it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def find_scripts(folder: Path) -> dict[str, Path]:
    """Return the scripts FOLDER/FAMILY/STEM.py by stem, sorted by family and stem.

    Raises:
        ValueError: if two names collide, since figures and families are selected by name.
    """
    paths = sorted(path for path in folder.glob("*/*.py") if not _is_private(path))
    taken = {"all": folder} | {path.parent.name: path.parent for path in paths}
    scripts: dict[str, Path] = {}
    for path in paths:
        other = {**taken, **scripts}.get(path.stem)
        if other is not None:
            raise ValueError(f"two figures cannot share a name: {other} and {path}")
        scripts[path.stem] = path
    return scripts


def _is_private(path: Path) -> bool:
    return path.name.startswith("_") or path.parent.name.startswith(("_", "."))


def choose(scripts: Mapping[str, Path], targets: Sequence[str]) -> list[Path]:
    """Return the scripts selected by `all`, a family, a stem or FAMILY/STEM, without duplicates.

    Raises:
        ValueError: if a target is none of these; the message suggests the nearest name.
    """
    named = _named(scripts)
    for target in targets:
        if target not in named:
            nearest = get_close_matches(target, named, n=1)
            hint = f", did you mean {nearest[0]!r}?" if nearest else ";"
            raise ValueError(f"there is no figure {target!r}{hint} {choices(scripts)}")
    return list(dict.fromkeys(path for target in targets for path in named[target]))


def choices(scripts: Mapping[str, Path]) -> str:
    """List the families and figures that can be selected."""
    families = ", ".join(dict.fromkeys(path.parent.name for path in scripts.values()))
    return f"choose all, a family ({families}) or a figure ({', '.join(scripts)})"


def _named(scripts: Mapping[str, Path]) -> dict[str, list[Path]]:
    """Return the scripts selected by each name."""
    named = {"all": list(scripts.values())}
    for stem, path in scripts.items():
        family = path.parent.name
        named.setdefault(family, []).append(path)
        named[stem] = named[f"{family}/{stem}"] = [path]
    return named
