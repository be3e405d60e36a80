"""Provenance of a result: commit, versions, device and time."""

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax

from toymodels.data.files import warn
from toymodels.suite.store.identity import versions

PACKAGES = ("toymodels", "jax", "jaxlib", "flax", "optax", "numpy", "xarray")


NOTHING_TO_SAY = ("not a git repository", "Needed a single revision")
"""What git says outside of a repository, and in one without a commit."""


class DirtyTree(Exception):
    """A result would be recorded with uncommitted sources; the message is one sentence."""


class GitError(Exception):
    """Git refuses to answer; the message is its own first line."""


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
    """Return the commit at `root`, and whether files outside `figures` differ from it.

    Both are None, which means unknown, outside of git, and where git refuses, with a warning.
    """
    try:
        head = _git(root, "rev-parse", "--verify", "HEAD")
    except GitError as error:
        warn(f"the commit is not recorded, as git says: {error}")
        head = None
    return {"commit": head, "dirty": None if head is None else bool(changes(root))}


def changes(root: Path) -> list[str]:
    """Return the files at `root`, outside `figures`, that differ from the commit."""
    command = ("status", "--porcelain", "--no-renames", "--", ".", ":!figures")
    return [line[3:] for line in (_git(root, *command) or "").splitlines()]


def refuse_dirty(root: Path) -> None:
    """Check that all sources are committed; outside of git this does nothing.

    Raises:
        DirtyTree: if a file differs from the commit, or git cannot say.
    """
    try:
        changed = changes(root)
    except GitError as error:
        raise DirtyTree(
            f"git cannot tell whether sources are committed ({error}), and figures/ needs "
            "committed sources: use --out DIR or --force"
        ) from None
    if changed:
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise DirtyTree(
            f"{changed[0]}{others} differs from the commit, and figures/ needs committed "
            "sources: commit it, or use --out DIR or --force"
        )


def _git(root: Path, *args: str) -> str | None:
    """Return what a git command prints; None without git, a repository or a commit.

    Raises:
        GitError: if git refuses for another reason, such as a repository of another user.
    """
    command, english = ["git", "--no-optional-locks", *args], {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, env=english)
    except OSError:
        return None
    if done.returncode == 0:
        return done.stdout.rstrip("\n")
    if any(reason in done.stderr for reason in NOTHING_TO_SAY):
        return None
    raise GitError(done.stderr.strip().partition("\n")[0])


def device() -> str:
    """Return number and kind of JAX's devices, such as `2 x cpu`."""
    devices = jax.devices()
    return f"{len(devices)} x {devices[0].device_kind}"
