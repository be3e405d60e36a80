"""Settings of every test, made before JAX starts its backend and `toymodels` is imported.

Shapes written with jaxtyping are checked at run time, a broadcast between ranks is an error, and
the CPU is three devices, so that 1, 2 and 3 can be compared. Compiled programs are kept from one
run of the tests to the next.
"""

import os
from pathlib import Path

import jax
import pytest
from jaxtyping import install_import_hook

PROGRAMS = Path(__file__).resolve().parents[1] / ".pytest_cache" / "xla"

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "agg")
jax.config.update("jax_num_cpu_devices", 3)
jax.config.update("jax_numpy_rank_promotion", "raise")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    jax.config.update("jax_compilation_cache_dir", str(PROGRAMS))
    jax.config.update("jax_compilation_cache_max_size", 2**30)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
install_import_hook("toymodels", "typecheck.numeric")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process have all tests of a file, whose fixtures they share."""
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
