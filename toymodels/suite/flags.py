"""The flags of `run`: one for each field of a Spec, with its help, range and default."""

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from toymodels.suite.spec import Spec
from toymodels.suite.usage import Parser

RANGES = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


class Options(Spec):
    """Options of `run` that all figures share."""

    preset: Literal["smoke", "quick", "paper"] = "quick"
    """Its size: smoke takes seconds, quick minutes, paper is the source's own."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Decides all random numbers."""
    out: str | None = None
    """Folder for the files; without it `figures`, or `out` for smoke and changed settings."""
    data_dir: str | None = None
    """Folder with MNIST's four files; without it they are sought, or downloaded."""
    force: bool = False
    """Train even if the result is there, replace a higher preset's, record uncommitted sources."""

    def check(self) -> None:
        """Reject empty folder names, as from an unset shell variable, and a missing `data_dir`."""
        for name in ("out", "data_dir"):
            if getattr(self, name) == "":
                raise ValueError(f"{name} must name a folder; got ''")
        if self.data_dir is not None and not Path(self.data_dir).expanduser().is_dir():
            raise ValueError(f"data_dir must name a folder; there is no {self.data_dir}")


def parse(words: Sequence[str], prog: str, about: str, **defaults: Spec) -> list[Any]:
    """Return the specs with the flags applied; the keyword names are the help's headings.

    Flags are only split here; the Spec checks their values.

    Raises:
        ValueError: if a flag is unknown or a value is invalid; the message is one sentence.
        SystemExit: after --help.
    """
    parser = Parser(prog=prog, description=about, allow_abbrev=False)
    for title, spec in defaults.items():
        group = parser.add_argument_group(title)
        for name, field in type(spec).model_json_schema()["properties"].items():
            group.add_argument(f"--{name.replace('_', '-')}", **_options(spec, name, field))
    given, unknown = parser.parse_known_args(words)
    if unknown:
        raise ValueError(_no_such(unknown[0], [n for s in defaults.values() for n in s.to_dict()]))
    return [
        type(spec)(**{name: getattr(given, name, value) for name, value in spec})
        for spec in defaults.values()
    ]


def _options(spec: Spec, name: str, field: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `add_argument` for a field, from its JSON schema."""
    default = getattr(spec, name)
    entry = field.get("items") or next(iter(field.get("anyOf", [])), field)
    limits = [f"{sign} {entry[limit]:,}" for limit, sign in RANGES.items() if limit in entry]
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    notes = "; ".join([*limits, f"default: {shown}"])
    text = f"{_description(type(spec), name)} ({notes})".replace("%", "%%")
    if field.get("type") == "boolean":
        flag = argparse.BooleanOptionalAction
        return {"action": flag, "default": argparse.SUPPRESS, "help": text}
    choices = "{" + ",".join(map(str, entry["enum"])) + "}" if "enum" in entry else None
    return {
        "metavar": choices or entry["type"].upper(),
        "nargs": "+" if field.get("type") == "array" else None,
        "default": argparse.SUPPRESS,
        "help": text,
    }


def _description(kind: type[Spec], name: str) -> str:
    """Return a field's docstring, from the class or its nearest ancestor that has one."""
    specs = [ancestor for ancestor in kind.__mro__ if issubclass(ancestor, Spec)]
    fields = (spec.model_fields[name] for spec in specs if name in spec.model_fields)
    return next((field.description for field in fields if field.description), "")


def _no_such(word: str, names: Sequence[str]) -> str:
    flag = word.partition("=")[0]
    nearest = get_close_matches(flag.lstrip("-").replace("-", "_"), names, n=1)
    hint = f"did you mean --{nearest[0].replace('_', '-')}?" if nearest else "see --help"
    return f"there is no flag {flag}; {hint}"
