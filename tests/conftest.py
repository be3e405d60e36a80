"""Settings of every test, made before JAX starts its backend and `toymodels` is imported.

Shapes written with jaxtyping are checked at run time, a broadcast between ranks is an error, and
the CPU is three devices, so that 1, 2 and 3 can be compared: a test trains on one unless it names
more. Compiled programs are kept from one run of the tests to the next.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
from jaxtyping import install_import_hook
from xdist.scheduler import LoadScopeScheduling

PROGRAMS = Path(__file__).resolve().parents[1] / ".pytest_cache" / "xla"

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "agg")
jax.config.update("jax_num_cpu_devices", 3)
jax.config.update("jax_numpy_rank_promotion", "raise")
# tests compile much and compute little. XLA ends the process at a flag that it does not know
jax.config.update("jax_disable_most_optimizations", True)
if jax.__version_info__ < (0, 11):
    cheap = (
        "--xla_cpu_use_fusion_emitters=false --xla_cpu_enable_concurrency_optimized_scheduler=false"
    )
    os.environ["XLA_FLAGS"] = f"{cheap} {os.environ.get('XLA_FLAGS', '')}"
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    jax.config.update("jax_compilation_cache_dir", str(PROGRAMS))
    jax.config.update("jax_compilation_cache_max_size", 2**30)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
install_import_hook("toymodels", "typecheck.numeric")


@pytest.fixture(scope="session", autouse=True)
def _one_device() -> Iterator[None]:
    """Let training find one device: programs for several take up to twice as long to compile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "local_devices", lambda: jax.devices()[:1])
        yield


class ByFile(LoadScopeScheduling):
    """Lets one process have all tests of a file, or of a family of figures: they share fixtures.

    Those of the lessons share none, and each of them takes long.
    """

    def _split_scope(self, nodeid: str) -> str:
        family = re.search(r"\[\w+/|test_lessons.py.*", nodeid)
        return family[0] if family else nodeid.partition("::")[0]


# in the place of `--dist loadgroup`, which does not group at all with this version of pytest
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Tell how tests are spread over processes."""
    return ByFile(config, log)
