"""The commands that look and make nothing: `list`, `status`, `report`."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from toymodels.suite import catalog
from toymodels.suite.report import count_claims, name_settings, read_records, write_report
from toymodels.suite.usage import parse_out


def list_figures(scripts: Mapping[str, Path], root: Path, words: Sequence[str]) -> int:
    """Print a line for each figure, and below it one for each result that is there."""
    out = parse_out("list", words)
    docs, status = [], 0
    for path in scripts.values():
        try:
            docs.append(catalog.read_doc(path))
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 1
    there = list(_results([out] if out else [root / "figures", root / "out"]))
    width = max((len(doc.name) for doc in docs), default=0)
    for doc in docs:
        print(f"{doc.name:<{width}}  {doc.title} ({doc.source})")
        for picture, record in there:
            if (record["family"], record["stem"]) == (doc.family, doc.stem):
                print(f"    {catalog.shorten(picture)}: {_how_made(record)}")
    return status


def _results(folders: Sequence[Path]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for out in folders:
        for record in read_records(out):
            name = record.get("name", record["stem"])
            yield out / record["family"] / f"{name}.png", record


def _how_made(record: Mapping[str, Any]) -> str:
    settings = name_settings(record["overrides"])
    fared = count_claims([claim["holds"] for claim in record["claims"]])
    return f"preset {record['preset']}{settings}, seed {record['seed']}; {fared}"


def rebuild_page(scripts: Mapping[str, Path], root: Path, words: Sequence[str]) -> int:
    """Rebuild the pages of all figures."""
    out = parse_out("report", words) or root / "figures"
    try:
        print(write_report(out, dict(_prose(scripts.values()))))
    except OSError as error:
        print(f"error: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
    return 0


def _prose(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Give the prose of those scripts that have a page; `list` names the others."""
    for path in paths:
        with suppress(ValueError):
            doc = catalog.read_doc(path)
            yield doc.name, doc.prose


def show_status(scripts: Mapping[str, Path], root: Path, words: Sequence[str]) -> int:
    """Print for each figure whether it is current."""
    from toymodels.suite.status import statuses

    out = parse_out("status", words) or root / "figures"
    lines = list(statuses(scripts.values(), root, out))
    name_width = max((len(name) for name, _, _ in lines), default=0)
    state_width = max((len(state) for _, state, more in lines if more), default=0)
    for name, state, more in lines:
        print(f"{name:<{name_width}}  {state:<{state_width}}  {more}".rstrip())
    return 0
