"""Handle failing output streams: a full disk, a closed pipe, missing characters."""

import io
import os
import sys
from collections.abc import Callable


def with_safe_streams(command: Callable[[], int]) -> int:
    """Run a command and return its exit status, or 1 if its output cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = command()
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # such as `list | head`
        pass
    except OSError as error:
        where = error.filename or "the output cannot be written"
        print(f"error: {where}: {error.strerror or error}", file=sys.stderr)
        if error.filename:
            return 1
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes at exit
    return 1
