"""Sizes of this machine's memory and caches, and checks that arrays fit before they exist."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
USUAL_L2 = 2**20  # bytes; desktop and server cores have a quarter to twice as much
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class TooLarge(ValueError):
    """Arrays need more memory than is available; the message is one sentence."""


def check_fits(what: str, needed: int, available: float | None = None) -> None:
    """Raise TooLarge if `what`, of `needed` bytes, does not fit into memory.

    Args:
        what: description of the arrays: a plural noun that begins the message.
        needed: their size in bytes.
        available: the available bytes; `machine_bytes()` by default.
    """
    available = machine_bytes() if available is None else available
    if needed > available:
        raise TooLarge(
            f"{what} need at least {in_words(needed)} of memory, and there are "
            f"{in_words(available)}"
        )


def machine_bytes() -> float:
    """Return the bytes available to this process; infinite if unknown."""
    return min(_limits(), default=float("inf"))


def _limits() -> Iterator[float]:
    """Yield the memory of the machine, and the limits of the container."""
    with suppress(ValueError, OSError, AttributeError):  # not every system has sysconf
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in LIMITS:
        with suppress(ValueError, OSError):  # the file is missing or contains "max"
            yield int(Path(path).read_text())


def l2_bytes() -> int:
    """Return the bytes of a core's L2 cache, as Linux describes it; elsewhere `USUAL_L2`."""
    for cache in CACHES.glob("index*"):
        with suppress(ValueError, OSError):
            if (cache / "level").read_text().strip() == "2":
                return 1024 * int((cache / "size").read_text().strip().removesuffix("K"))
    return USUAL_L2


def in_words(count: float) -> str:
    """Format a number of bytes, such as 1.5 GB."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.0f} PB"
