"""JAX and Matplotlib as a command uses them: all cores, no recompiling, no windows.

To be called before anything touches a device. What the user has set stays as it is, and is refused
in a sentence where JAX cannot do it.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

DEVICES = "JAX_NUM_CPU_DEVICES"
CACHE_BYTES = 2**30
"""How much room the compiled programs of earlier commands may take."""


def prepare() -> None:
    """Give the CPU backend a device per core, keep compiled programs, draw without a screen.

    Raises:
        ValueError: if JAX cannot do what the environment asks of it.
    """
    _draw_without_a_screen()
    _check_count_of_devices()
    _use_all_cores()
    _keep_compiled_programs()
    _start()


def _draw_without_a_screen() -> None:
    os.environ["MPLBACKEND"] = "agg"  # heard when Matplotlib is imported, by what draws
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].use("agg")


def _check_count_of_devices() -> None:
    asked = os.environ.get(DEVICES, "").strip()
    if DEVICES in os.environ and not (asked.isdecimal() and int(asked) > 0):
        raise ValueError(f"{DEVICES} must be a whole number >= 1; got {asked!r}")


def _start() -> None:
    """Start the devices here, where it can be said what is wrong with them."""
    import jax

    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        asked = os.environ.get("JAX_PLATFORMS")
        where = f"JAX_PLATFORMS={asked}" if asked else "this machine"
        reason = " ".join(str(error).split()).partition(". (")[0] or "no such devices"
        raise ValueError(f"JAX finds no devices with {where}: {reason}") from None


def _use_all_cores() -> None:
    flags = os.environ.get("XLA_FLAGS", "")
    import jax

    if DEVICES in os.environ or "xla_force_host_platform_device_count" in flags:
        return
    with suppress(RuntimeError):  # a backend is up already, with the devices it has
        jax.config.update("jax_num_cpu_devices", usable_cores())


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
