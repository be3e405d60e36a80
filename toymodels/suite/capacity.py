"""Whether settings fit into this machine: told from sizes, before anything is made of them."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from toymodels.suite.spec import Spec

BYTES = 4  # of a number
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class TooLarge(ValueError):
    """Settings need more memory than there is; the message is one sentence."""


def refuse_too_large(spec: Spec) -> None:
    """Make sure that the arrays that a Spec names fit into memory.

    Raises:
        TooLarge: with the memory that they need, and that there is.
    """
    shapes = [tuple(shape) for shape in spec.arrays()]
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
