"""The streams that a command writes to: closed ones, full ones, and those of few letters."""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress


def attend(command: Callable[[], int]) -> int:
    """Run a command with streams that it can write to, and return the exit status.

    It is 1 if what the command says cannot be written, which is then said in one sentence.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # rather than to fail at a letter
    try:
        status = _status_of(command)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has read enough
        status = 1
    except OSError as error:
        where = error.filename or "the output cannot be written"
        print(f"error: {where}: {error.strerror or error}", file=sys.stderr)
        status = 1
    else:
        return status
    _drop_the_rest()
    return status


def _status_of(command: Callable[[], int]) -> int:
    try:
        return command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))


def _open_closed_streams() -> None:
    """Let what goes to a closed stdout or stderr go nowhere.

    Files that are opened later must not get their numbers: libraries write to stderr's, 2.
    """
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, "w", closefd=False))


def _drop_the_rest() -> None:
    """Keep Python from failing once more when it ends, over what is not written yet."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
