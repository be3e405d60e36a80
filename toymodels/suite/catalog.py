"""Which figures there are, and what their scripts say of themselves, read without running them."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


@dataclass(frozen=True)
class Page:
    """What a script's docstring says: its first line, and the paragraph that begins `Source:`."""

    path: Path
    title: str
    source: str

    @property
    def stem(self) -> str:
        """The script's name, and its figure's."""
        return self.path.stem

    @property
    def family(self) -> str:
        """The folder that the script lies in."""
        return self.path.parent.name

    @property
    def name(self) -> str:
        """Family and stem, as `list` prints them."""
        return f"{self.family}/{self.stem}"


def read_page(path: Path) -> Page:
    """Read a script's title and source.

    Raises:
        ValueError: if the script does not parse, or its docstring lacks either.
    """
    try:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    except SyntaxError as error:
        raise ValueError(f"{path} does not parse: {error}") from error
    title = docstring.partition("\n")[0].strip().removesuffix(".")
    paragraphs = [" ".join(block.split()) for block in docstring.split("\n\n")]
    sources = [p.removeprefix("Source:").strip() for p in paragraphs if p.startswith("Source:")]
    if not title or not sources:
        raise ValueError(f"{path} needs a docstring: a title, then a paragraph `Source: ...`")
    return Page(path, title, sources[0].removesuffix("."))


def find_scripts(folder: Path) -> dict[str, Path]:
    """Return the scripts FOLDER/FAMILY/STEM.py by stem, sorted by family and stem.

    Raises:
        ValueError: if two names collide, since any of them may be asked for by name alone.
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
    """Return the scripts meant by `all`, a family, a stem or FAMILY/STEM, each once.

    Raises:
        ValueError: if a target is none of these, naming the nearest and the choices.
    """
    chosen = [path for target in targets for path in _meant(scripts, target)]
    return list(dict.fromkeys(chosen))


def choices(scripts: Mapping[str, Path]) -> str:
    """Say what can be chosen."""
    families = ", ".join(_families(scripts))
    return f"choose all, a family ({families}) or a figure ({', '.join(scripts)})"


def _families(scripts: Mapping[str, Path]) -> list[str]:
    return list(dict.fromkeys(path.parent.name for path in scripts.values()))


def _meant(scripts: Mapping[str, Path], target: str) -> list[Path]:
    meant = [path for path in scripts.values() if target in _names(path)]
    if meant:
        return meant
    nearest = get_close_matches(target, ["all", *_families(scripts), *scripts], n=1)
    hint = f", did you mean {nearest[0]!r}?" if nearest else ";"
    raise ValueError(f"there is no figure {target!r}{hint} {choices(scripts)}")


def _names(path: Path) -> set[str]:
    return {"all", path.parent.name, path.stem, f"{path.parent.name}/{path.stem}"}
