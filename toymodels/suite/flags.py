"""Command-line flags from specs: one for each field, with its doc, range and default."""

from collections.abc import Sequence
from dataclasses import field, fields, make_dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from toymodels.suite.spec import Limit, Spec


def parse(words: Sequence[str], prog: str, description: str, **defaults: Spec) -> list[Any]:
    """Return the specs with what the words say; the names head their flags in the help.

    Raises:
        ValueError: if a value is not what its field may be, or there is no such flag, in one
            sentence.
        SystemExit: after --help (0), or words that are no flag's (2).
    """
    _check_flags(words, [field.name for spec in defaults.values() for field in fields(spec)])
    forms = {name: _form(spec) for name, spec in defaults.items()}
    everything: Any = make_dataclass(
        "Everything", [(name, type(form), field(default=form)) for name, form in forms.items()]
    )
    filled = tyro.cli(
        everything,
        prog=prog,
        description=description,
        args=words,
        config=(tyro.conf.OmitArgPrefixes,),
    )
    return [_to_spec(type(spec), getattr(filled, name)) for name, spec in defaults.items()]


def _check_flags(words: Sequence[str], names: Sequence[str]) -> None:
    """Raise ValueError if a word is a flag that there is not, naming the nearest."""
    for word in words:
        asked = word.partition("=")[0].lstrip("-").replace("-", "_")
        if word.startswith("--") and asked.removeprefix("no_") not in (*names, "help", ""):
            hint = "".join(f"; did you mean {_flag_of(name)}?" for name in nearest(asked, names))
            more = "" if hint else "; --help shows what there is"
            raise ValueError(f"there is no flag {word.partition('=')[0]}{hint or more}")


def nearest(asked: str, names: Sequence[str]) -> list[str]:
    """Return the name that is most likely meant, if any: by initials, its beginning, or letters.

    `lr` is learning_rate, `batch` batch_size, and `learnig_rate` is learning_rate as well.
    """
    by_initials = [name for name in names if "".join(w[0] for w in name.split("_")) == asked]
    begun = [name for name in names if len(asked) > 1 and name.startswith(asked)]
    return [*by_initials, *begun, *get_close_matches(asked, names, n=1)][:1]


def _flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def _to_spec(kind: type[Spec], form: Any) -> Spec:
    return kind(**{field.name: getattr(form, field.name) for field in fields(kind)})


def _form(spec: Spec) -> Any:
    """Return the spec's values in a class that tyro reads words into, checking nothing.

    It descends from the spec's own, where tyro finds the docs of the fields; the checks are
    left to the spec, which is the one to say what is wrong.
    """
    kind = type(spec)
    hints = get_type_hints(kind, include_extras=True)
    namespace = {
        "__annotations__": {field.name: _flag(hints[field.name]) for field in fields(spec)},
        **{field.name: getattr(spec, field.name) for field in fields(spec)},
        "__post_init__": lambda self: None,
        "__doc__": kind.__doc__,
    }
    form: Any = type(kind.__name__, (kind,), namespace)  # a dataclass, as every Spec is
    return form()


def _flag(hint: Any) -> Any:
    """Return the annotation that makes tyro read a field's words as `read` does."""
    if hint is bool:
        return bool
    constructor = PrimitiveConstructorSpec(
        nargs=_word_count(hint),
        metavar=_metavar(hint),
        instance_from_str=lambda words: read(hint, words),
        is_instance=lambda value: True,
        str_from_instance=_to_words,
    )
    limits = "".join(f"{limit}; " for limit in _ranges(hint))
    note = tyro.conf.arg(help_behavior_hint=lambda default: f"({limits}default: {default})")
    return Annotated[hint, constructor, note]


def read(hint: Any, words: list[str]) -> Any:
    """Read words as a field's annotation has them, as far as they can be."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return read(args[0], words)
    if origin is tuple:
        hints = args[:1] * len(words) if args[-1] is ... else args
        return tuple(read(h, [word]) for h, word in zip(hints, words, strict=True))
    if origin in (Union, UnionType):
        values = [read(option, words) for option in args]
        return next((value for value in values if value != words[0]), words[0])
    if origin is Literal:
        return next((choice for choice in args if str(choice) == words[0]), words[0])
    if hint is NoneType:
        return None if words == ["none"] else words[0]
    try:
        return hint(words[0])
    except ValueError:
        return words[0]


def _word_count(hint: Any) -> int | Literal["*"]:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _word_count(args[0])
    if origin is tuple:
        return "*" if args[-1] is ... else len(args)
    return 1


def _metavar(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _metavar(args[0])
    if origin is tuple:
        return f"{_metavar(args[0])} ..." if args[-1] is ... else " ".join(map(_metavar, args))
    if origin in (Union, UnionType):
        return "|".join(map(_metavar, args))
    if origin is Literal:
        return "{" + ",".join(map(str, args)) + "}"
    return {int: "INT", float: "FLOAT", str: "TEXT", bool: "BOOL", NoneType: "none"}[hint]


def _to_words(value: Any) -> list[str]:
    if isinstance(value, tuple):
        return [word for entry in value for word in _to_words(entry)]
    return ["none" if value is None else str(value)]


def _ranges(hint: Any) -> list[str]:
    """Return the ranges in an annotation, in words."""
    here = [str(note) for note in get_args(hint) if isinstance(note, Limit)]
    return here + [text for inner in get_args(hint) for text in _ranges(inner)]
