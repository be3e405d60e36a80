"""Whether settings fit into this machine, and end: told from sizes, before anything is made."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from toymodels.suite.spec import Spec, Trained

BYTES = 4  # of a number
MOST_MULTIPLICATIONS = 5 * 10**15  # weeks on two cores; the longest preset takes 3e15
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class TooLarge(ValueError):
    """Settings need more memory or time than there is; the message is one sentence."""


def refuse_too_large(spec: Spec) -> None:
    """Make sure that the arrays that a Spec names fit into memory, and that its trainings end.

    Raises:
        TooLarge: with the memory that they need, and that there is, or with the multiplications.
    """
    shapes = list(spec.arrays())
    _refuse_too_wide(shapes)
    work = sum(shape.multiplications for shape in shapes if isinstance(shape, Trained))
    if work > MOST_MULTIPLICATIONS:
        raise TooLarge(
            f"these settings need at least {work:,} multiplications, which take weeks; "
            f"{MOST_MULTIPLICATIONS:,} are the most that a figure may take"
        )


def _refuse_too_wide(shapes: Sequence[Sequence[int]]) -> None:
    needed = BYTES * sum(map(math.prod, shapes))
    there = min(limits(), default=needed)
    if needed > there:
        sizes = " x ".join(f"{size:,}" for size in max(shapes, key=math.prod))
        raise TooLarge(
            f"these settings need at least {in_words(needed)} of memory, for {sizes} numbers; "
            f"this machine has {in_words(there)}"
        )


def in_words(count: int) -> str:
    """Write a number of bytes."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.0f} PB"


def limits() -> Iterator[int]:
    """Give what bounds the memory of this process: the machine's own, and a container's."""
    with suppress(ValueError, OSError, AttributeError):  # not every system tells
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in LIMITS:
        with suppress(ValueError, OSError):  # there is none, or it says "max"
            yield int(Path(path).read_text())
