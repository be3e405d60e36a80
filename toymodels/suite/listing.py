"""The commands that compute nothing: `list`, `status`, `report`."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from toymodels.suite import catalog
from toymodels.suite.report import count_claims, name_settings, read_records, write_report
from toymodels.suite.store.identity import Sources
from toymodels.suite.usage import parse_out

MOST_NAMED = 3  # changes listed for a stale figure


def list_figures(scripts: Mapping[str, Path], root: Path, words: Sequence[str]) -> int:
    """Print a line for each figure, and below it one for each of its results."""
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
            yield out / record["family"] / f"{record['name']}.png", record


def _how_made(record: Mapping[str, Any]) -> str:
    settings = name_settings(record["overrides"])
    fared = count_claims([claim["holds"] for claim in record["claims"]])
    return f"preset {record['preset']}{settings}, seed {record['seed']}; {fared}"


def rebuild_page(scripts: Mapping[str, Path], root: Path, words: Sequence[str]) -> int:
    """Rebuild the pages of all figures."""
    out = parse_out("report", words) or root / "figures"
    print(write_report(out, dict(_prose(scripts.values()))))
    return 0


def _prose(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yield name and prose of each script with a valid docstring; `list` reports the others."""
    for path in paths:
        with suppress(ValueError):
            doc = catalog.read_doc(path)
            yield doc.name, doc.prose


def show_status(scripts: Mapping[str, Path], root: Path, words: Sequence[str]) -> int:
    """Print for each figure whether it is current."""
    out = parse_out("status", words) or root / "figures"
    lines = list(statuses(scripts.values(), root, out))
    name_width = max((len(name) for name, _, _ in lines), default=0)
    state_width = max((len(state) for _, state, more in lines if more), default=0)
    for name, state, more in lines:
        print(f"{name:<{name_width}}  {state:<{state_width}}  {more}".rstrip())
    return 0


def statuses(scripts: Iterable[Path], root: Path, out: Path) -> Iterator[tuple[str, str, str]]:
    """Yield for each figure its name, its state, and its preset and claim count.

    A figure with changed settings is listed separately.

    Args:
        scripts: the scripts of all figures.
        root: the folder that holds `experiments`.
        out: the folder with the figures and their records.
    """
    sources, records = Sources(root), list(read_records(out))
    for script in scripts:
        family, stem = script.parent.name, script.stem
        found = [r for r in records if (r["family"], r["stem"]) == (family, stem)]
        if not any(record["name"] == stem for record in found):
            yield f"{family}/{stem}", "missing", ""
        for record in found:
            fared = count_claims([claim["holds"] for claim in record["claims"]])
            yield (
                f"{family}/{record['name']}",
                _state(sources, script, record),
                f"{record['preset']}, {fared}",
            )


def _state(sources: Sources, script: Path, record: Mapping[str, Any]) -> str:
    try:
        now = sources.identify(script, record["spec"], record["seed"])
    except ValueError as error:
        return f"unknown ({error})"
    through = now.changes_since(record.get("identity", {}))
    if not through:
        return "current"
    more = f" and {len(through) - MOST_NAMED} more" if len(through) > MOST_NAMED else ""
    return f"stale (through {', '.join(through[:MOST_NAMED])}{more})"
