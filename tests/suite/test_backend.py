"""Setting JAX up for a session, each in a process of its own."""

import os

import pytest
from scripts import finish, start

from toymodels.suite import backend


def run(program, tmp_path, **environment):
    cache = {"XDG_CACHE_HOME": str(tmp_path), "JAX_COMPILATION_CACHE_DIR": ""}
    given = {"JAX_PLATFORMS": "cpu", **cache, **environment}
    status, _, err = finish(start("-W", "error", "-c", program, cwd=tmp_path, **given))
    return status, err


FRESH = """
import os
from pathlib import Path
import jax, toymodels
toymodels.setup()
assert jax.device_count() == len(os.sched_getaffinity(0))
toymodels.setup()  # the cell is run again
jax.jit(lambda x: x + 1)(1.0)
toymodels.setup()
assert list((Path(os.environ["XDG_CACHE_HOME"]) / "toymodels" / "xla").iterdir())
"""
CHOSEN = """
import jax, toymodels
toymodels.setup(cpu_devices=3)
assert jax.device_count() == 3
"""
SAID_BEFORE = """
import jax, toymodels
toymodels.setup()
assert jax.device_count() == 4
"""
LATE = """
import jax, toymodels
jax.random.key(0)
toymodels.setup(cpu_devices=3)
"""


NAMED = """
import os
from pathlib import Path
import jax, toymodels
toymodels.setup()
jax.jit(lambda x: x + 1)(1.0)
assert list(Path(os.environ["JAX_COMPILATION_CACHE_DIR"]).iterdir())
"""


def test_programs_are_kept_where_the_user_says(tmp_path):
    assert run(NAMED, tmp_path, JAX_COMPILATION_CACHE_DIR=str(tmp_path / "mine")) == (0, "")


CONFIGURED = """
import jax, toymodels
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
toymodels.setup()
assert jax.config.jax_persistent_cache_min_compile_time_secs == 0.2
"""
SHORTEST = """
import jax, toymodels
toymodels.setup()
assert jax.config.jax_persistent_cache_min_compile_time_secs == 1.0
"""


def test_the_shortest_compilation_that_is_kept_may_be_set(tmp_path):
    assert run(CONFIGURED, tmp_path) == (0, "")
    said = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "1.0"}
    assert run(SHORTEST, tmp_path, **said) == (0, "")


@pytest.mark.parametrize("program", [FRESH, CHOSEN])
def test_setup_gives_devices_and_keeps_programs(program, tmp_path):
    assert run(program, tmp_path) == (0, "")


def test_what_the_environment_says_stays(tmp_path):
    assert run(SAID_BEFORE, tmp_path, JAX_NUM_CPU_DEVICES="4") == (0, "")


def test_setup_after_the_first_use_is_an_error(tmp_path):
    status, err = run(LATE, tmp_path)
    assert status == 1
    assert err.splitlines()[-1].startswith(
        "RuntimeError: toymodels.setup() comes before the first use of JAX"
    )


def test_compiled_programs_are_kept_up_to_a_limit(tmp_path):
    for i in range(5):
        (tmp_path / f"program{i}").write_bytes(b"0" * 10)
        os.utime(tmp_path / f"program{i}", (i, i))
    backend.forget_oldest(tmp_path, 30)
    assert {path.name for path in tmp_path.iterdir()} == {"program2", "program3", "program4"}
