"""Scripts may broadcast between ranks as users' own do: the rule is for the library's code."""

import jax
import pytest


@pytest.fixture(scope="module", autouse=True)
def _as_users_have_it():
    before = jax.config.jax_numpy_rank_promotion
    jax.config.update("jax_numpy_rank_promotion", "allow")
    yield
    jax.config.update("jax_numpy_rank_promotion", before)
