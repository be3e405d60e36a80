"""Set up JAX and Matplotlib: all cores, a compilation cache, and no windows for commands.

Call it before the first use of a device. Settings made by the user are kept.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

CACHE_BYTES = 2**30
"""Maximum size of the compilation cache."""

SHORTEST, JAX_SHORTEST = "jax_persistent_cache_min_compile_time_secs", 1.0
"""JAX's setting of the compilation time below which a program is not cached, and its default."""


def setup(cpu_devices: int | None = None) -> None:
    """Use all cores and cache compiled programs; call it in the first cell of a notebook.

    XLA does not parallelise the small steps of a toy model, but an ensemble is sharded over
    devices, so the CPU is split into one device per core. Compiled programs are cached on disk in
    the user's cache folder, up to one gigabyte, and reused by later sessions. The command line
    calls this itself. Existing JAX settings are kept.

    Args:
        cpu_devices: number of CPU devices; one per core by default.

    Raises:
        ValueError: if `cpu_devices` is not an integer of at least 1.
        RuntimeError: if JAX was already initialised with another number of devices.
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
    """Call `setup` for a command; if JAX is already initialised, keep its devices."""
    try:
        setup()
    except RuntimeError:
        _keep_compiled_programs()


def draw_without_a_screen() -> None:
    """Select the Matplotlib backend without windows."""
    os.environ["MPLBACKEND"] = "agg"  # read when Matplotlib is imported
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].use("agg")


def _has_a_number_of_devices() -> bool:
    flags = os.environ.get("XLA_FLAGS", "")
    return "JAX_NUM_CPU_DEVICES" in os.environ or "xla_force_host_platform_device_count" in flags


def usable_cores() -> int:
    """Return the number of cores available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _keep_compiled_programs() -> None:
    import jax

    if SHORTEST.upper() not in os.environ and jax.config.values[SHORTEST] == JAX_SHORTEST:
        jax.config.update(SHORTEST, 0.0)
    if jax.config.values["jax_compilation_cache_dir"]:
        return
    with suppress(OSError, RuntimeError):  # no home, or it is read-only: no cache
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            forget_oldest(folder, CACHE_BYTES)
            jax.config.update("jax_compilation_cache_dir", str(folder))


def forget_oldest(folder: Path, limit: int) -> None:
    """Remove the oldest files until the rest take at most `limit` bytes.

    JAX has a size limit too, but it scans the whole folder each time it adds a program.
    """
    files = [(path.stat(), path) for path in folder.iterdir() if path.is_file()]
    found = sorted((status.st_mtime, status.st_size, path) for status, path in files)
    excess = sum(size for _, size, _ in found) - limit
    for _, size, path in found:
        if excess <= 0:
            return
        path.unlink(missing_ok=True)  # another process may have removed it
        excess -= size


def cache_folder() -> Path:
    """Return the folder for compiled programs, in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "toymodels" / "xla"
