"""Provenance of a result: commit, versions, device and time."""

import platform
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax

from toymodels.suite.store.identity import versions

PACKAGES = ("toymodels", "jax", "jaxlib", "flax", "optax", "numpy", "xarray")


class DirtyTree(Exception):
    """A result would be recorded with uncommitted sources; the message is one sentence."""


class RunInfo:
    """The commit and start time of a run; create it when the run starts."""

    def __init__(self, root: Path) -> None:
        self._start = time.monotonic()
        self._commit = commit(root)  # before training, as the tree may change during it

    def provenance(self, earlier_seconds: float = 0.0) -> dict[str, Any]:
        """Return the run's provenance; `earlier_seconds` are added to its wall time."""
        return {
            **self._commit,
            "versions": {"python": platform.python_version(), **versions(*PACKAGES)},
            "device": device(),
            "wall_seconds": round(earlier_seconds + time.monotonic() - self._start, 1),
            "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def commit(root: Path) -> dict[str, Any]:
    """Return the commit at `root`, and whether files outside `figures` differ from it."""
    head = _git(root, "rev-parse", "--verify", "HEAD")
    return {"commit": head, "dirty": None if head is None else bool(changes(root))}


def changes(root: Path) -> list[str]:
    """Return the files at `root`, outside `figures`, that differ from the commit."""
    command = ("status", "--porcelain", "--no-renames", "--", ".", ":!figures")
    return [line[3:] for line in (_git(root, *command) or "").splitlines()]


def refuse_dirty(root: Path) -> None:
    """Check that all sources are committed; outside of git this does nothing.

    Raises:
        DirtyTree: if a file differs from the commit.
    """
    changed = changes(root)
    if changed:
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise DirtyTree(
            f"{changed[0]}{others} differs from the commit, and figures/ needs committed "
            "sources: commit it, or use --out DIR or --force"
        )


def _git(root: Path, *args: str) -> str | None:
    command = ["git", "--no-optional-locks", *args]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.rstrip("\n")


def device() -> str:
    """Return number and kind of JAX's devices, such as `2 x cpu`."""
    devices = jax.devices()
    return f"{len(devices)} x {devices[0].device_kind}"
