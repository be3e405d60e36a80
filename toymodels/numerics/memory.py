"""Whether arrays fit into memory: checked by their bytes, before anything is allocated."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class TooLarge(ValueError):
    """Arrays need more memory than there is; the message is one sentence."""


def check_fits(what: str, needed: int, available: float | None = None) -> None:
    """Raise TooLarge if `what`, of `needed` bytes, does not fit into memory.

    Args:
        what: the arrays, in words: a noun in the plural that begins the sentence.
        needed: their bytes.
        available: the bytes that there are; those of this machine if not given.
    """
    available = machine_bytes() if available is None else available
    if needed > available:
        raise TooLarge(
            f"{what} need at least {in_words(needed)} of memory, and there are "
            f"{in_words(available)}"
        )


def machine_bytes() -> float:
    """Return the bytes that this process can have; infinite where the system does not tell."""
    return min(_limits(), default=float("inf"))


def _limits() -> Iterator[float]:
    """Yield the memory of the machine, and the limits of the container."""
    with suppress(ValueError, OSError, AttributeError):  # not every system has sysconf
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in LIMITS:
        with suppress(ValueError, OSError):  # there is no such file, or it says "max"
            yield int(Path(path).read_text())


def in_words(count: float) -> str:
    """Write a number of bytes, such as 1.5 GB."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.0f} PB"
