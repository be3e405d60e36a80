"""Which figures are current, found out without importing or running anything of them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from toymodels.suite.report import count_claims, read_records
from toymodels.suite.store.identity import Sources

MOST_NAMED = 3  # of what a figure is stale through


def statuses(scripts: Iterable[Path], root: Path, out: Path) -> Iterator[tuple[str, str, str]]:
    """Give each figure's name, whether it is current, and how it was made and fares.

    A figure at changed settings has a line of its own.

    Args:
        scripts: the scripts of all figures.
        root: the folder that holds `experiments`.
        out: the folder with the figures and their records.
    """
    sources, records = Sources(root), list(read_records(out))
    for script in scripts:
        family, stem = script.parent.name, script.stem
        found = [r for r in records if (r["family"], r["stem"]) == (family, stem)]
        if not any(record.get("name", stem) == stem for record in found):
            yield f"{family}/{stem}", "missing", ""
        for record in found:
            fared = count_claims([claim["holds"] for claim in record["claims"]])
            name = f"{family}/{record.get('name', stem)}"
            yield name, _state(sources, script, record), f"{record['preset']}, {fared}"


def _state(sources: Sources, script: Path, record: Mapping[str, Any]) -> str:
    if not isinstance(record.get("identity"), dict):
        return "unknown (made before identities were kept)"
    try:
        now = sources.identify(script, record["spec"], record["seed"])
    except ValueError as error:
        return f"unknown ({error})"
    through = now.changes_since(record["identity"])
    if not through:
        return "current"
    more = f" and {len(through) - MOST_NAMED} more" if len(through) > MOST_NAMED else ""
    return f"stale (through {', '.join(through[:MOST_NAMED])}{more})"
