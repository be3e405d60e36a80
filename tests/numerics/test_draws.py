import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels.numerics.draws import threefry, uniform


@pytest.mark.parametrize("shape", [(), (1,), (7,), (5, 1024), (3, 2, 5)])
@pytest.mark.parametrize("seed", [0, 12345])
def test_draws_are_those_of_jax(shape, seed):
    key = jax.random.key(seed)
    np.testing.assert_array_equal(uniform(key, shape), jax.random.uniform(key, shape))


def test_mapped_and_compiled_draws_are_the_single_ones():
    keys = jax.random.split(jax.random.key(1), 4)
    single = np.stack([uniform(key, (3, 5)) for key in keys])
    mapped = jax.jit(jax.vmap(lambda key: uniform(key, (3, 5))))(keys)
    np.testing.assert_array_equal(mapped, single)


def test_another_generator_is_left_to_jax():
    key = jax.random.key(0, impl="rbg")
    np.testing.assert_array_equal(uniform(key, (4, 4)), jax.random.uniform(key, (4, 4)))


def test_the_cipher_gives_its_published_answer():
    """The known answer for counter and key zero that comes with the authors' library."""
    zero = jnp.zeros(2, jnp.uint32)
    left, right = threefry(zero, jnp.zeros(1, jnp.uint32))
    assert [hex(left[0]), hex(right[0])] == ["0x6b200159", "0x99ba4efe"]
