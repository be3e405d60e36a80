"""The page of all measured times, `benchmarks/README.md`, from the benchmarks' JSON files.

python -m benchmarks.table
"""

import json
from pathlib import Path
from typing import Any

from benchmarks import common

HERE = Path(__file__).parent
FILES = ("throughput", "finite_dataset", "attention", "dictionary")
INTRODUCTION = """# Measured times

Milliseconds a training step, sampling and optimizer included, and in parentheses how many times as
long as ours. `make benchmark` measures all rows again and writes this page; what each side does is
in the docstring of its script. The sides of a row take turns in one run, so that a row can be
compared, and two rows can not: the same program drifts by a fifth over an hour.
"""


def main() -> None:
    """Write the page."""
    parts = [INTRODUCTION]
    for name in FILES:
        found = json.loads((HERE / f"{name}.json").read_text())
        parts.append(section(name, found["rows"], found["machine"]))
    (HERE / "README.md").write_text("\n".join(parts))


def section(name: str, rows: list[dict[str, Any]], machine: dict[str, Any]) -> str:
    """Return a benchmark's tables: one for each list of sides, then what else was measured."""
    lines = [f"## [{name}]({name}.py)", "", facts(machine), ""]
    timed = [row for row in rows if "ms" in row]
    for sides in dict.fromkeys(tuple(row["ms"]) for row in timed):
        others = [side for side in sides if side != common.OURS]
        lines += [
            f"| task | {' | '.join([common.OURS, *others])} |",
            "| --- " * (len(sides) + 1) + "|",
        ]
        lines += [table_row(row, others) for row in timed if tuple(row["ms"]) == sides]
        lines.append("")
    for row in rows:
        if "ms" not in row:
            values = {k: v for k, v in row.items() if k not in ("name", "sizes")}
            lines += [f"{task(row)}: {in_words(values)}.", ""]
    return "\n".join(lines)


def table_row(row: dict[str, Any], others: list[str]) -> str:
    """Return one row: our time, then each other side's time and ratio."""
    ratio = common.ratios(row)
    cells = [f"{row['ms'][side]:.3g} ({ratio[side]:.2g}x)" for side in others]
    extra = f", {row['temporary_mb']} MB" if "temporary_mb" in row else ""
    ours = f"{row['ms'][common.OURS]:.3g}{extra}"
    return f"| {' | '.join([task(row), ours, *cells])} |"


def task(row: dict[str, Any]) -> str:
    """Return a row's name and sizes."""
    return f"{row['name']}, " + ", ".join(f"{k} = {size:,}" for k, size in row["sizes"].items())


def in_words(values: dict[str, Any]) -> str:
    """Return further measurements as words."""
    flat = {k: v for name, value in values.items() for k, v in _flat(name, value)}
    return ", ".join(f"{name} {value:.3g}" for name, value in flat.items())


def _flat(name: str, value: Any) -> list[tuple[str, float]]:
    return list(value.items()) if isinstance(value, dict) else [(name, value)]


def facts(machine: dict[str, Any]) -> str:
    """Return the machine and the versions as a sentence."""
    versions = ", ".join(f"{k} {machine[k]}" for k in (*common.PACKAGES, "python"))
    caches = f" ({machine['caches']})" if machine["caches"] else ""
    return f"{machine['processor']}, {machine['cores']} cores{caches}; {versions}."


if __name__ == "__main__":
    main()
