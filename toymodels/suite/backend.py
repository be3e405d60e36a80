"""JAX and Matplotlib set up: all cores, nothing compiled twice, and for a command no windows.

To be called before anything touches a device. What the user has set stays as it is.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

CACHE_BYTES = 2**30
"""How much room the compiled programs of earlier sessions may take."""


def setup(cpu_devices: int | None = None) -> None:
    """Let JAX use all cores and keep what it compiles: the first line of a notebook.

    XLA does not spread the small steps of a toy model over cores, but an ensemble is spread over
    devices: the CPU becomes one device a core. Compiled programs are kept in the user's cache
    folder, one gigabyte of them, so that the next session does not compile them again. The command
    line does the same by itself. What JAX's own settings say already stays as it is.

    Args:
        cpu_devices: how many devices; one a core by default.

    Raises:
        ValueError: if `cpu_devices` is no whole number of at least 1.
        RuntimeError: if JAX has been used before, with another number of devices.
    """
    import jax

    from toymodels.numerics.checks import check_count

    if cpu_devices is not None:
        check_count("cpu_devices", cpu_devices)
    elif _has_a_number_of_devices():
        return _keep_compiled_programs()
    try:
        jax.config.update("jax_num_cpu_devices", cpu_devices or usable_cores())
    except RuntimeError:
        raise RuntimeError(
            "toymodels.setup() comes before the first use of JAX, which cannot change its devices "
            "any more: restart, and call it right after the imports"
        ) from None
    _keep_compiled_programs()


def prepare() -> None:
    """Set up for a command that computes, and go on with the devices that there are."""
    try:
        setup()
    except RuntimeError:
        _keep_compiled_programs()


def draw_without_a_screen() -> None:
    """Let Matplotlib open no windows."""
    os.environ["MPLBACKEND"] = "agg"  # heard when Matplotlib is imported, by what draws
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].use("agg")


def _has_a_number_of_devices() -> bool:
    flags = os.environ.get("XLA_FLAGS", "")
    return "JAX_NUM_CPU_DEVICES" in os.environ or "xla_force_host_platform_device_count" in flags


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _keep_compiled_programs() -> None:
    import jax

    if jax.config.values["jax_compilation_cache_dir"]:
        return
    with suppress(OSError, RuntimeError):  # no home, or one that cannot be written: no cache
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            forget_oldest(folder, CACHE_BYTES)
            jax.config.update("jax_compilation_cache_dir", str(folder))
            # By default only what took a second to compile is kept; toy models take less.
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def forget_oldest(folder: Path, limit: int) -> None:
    """Remove the files written first until those that are left take at most `limit` bytes.

    JAX has a limit of its own, but it looks through the whole folder for each program it keeps.
    """
    files = [(path.stat(), path) for path in folder.iterdir() if path.is_file()]
    found = sorted((status.st_mtime, status.st_size, path) for status, path in files)
    excess = sum(size for _, size, _ in found) - limit
    for _, size, path in found:
        if excess <= 0:
            return
        path.unlink(missing_ok=True)  # another process may do the same
        excess -= size


def cache_folder() -> Path:
    """Return the folder for compiled programs, in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "toymodels" / "xla"
