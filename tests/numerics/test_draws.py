import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels.numerics.draws import threefry, uniform, unit_interval

SHAPES = [(), (1,), (7,), (5, 1024), (3, 2, 5)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 12345])
def test_draws_are_made_of_the_bits_of_jax(shape, seed):
    key = jax.random.key(seed)
    found = uniform(key, shape)
    assert found.dtype == np.float32
    bits = np.asarray(jax.random.bits(key, shape, jnp.uint32), float)
    np.testing.assert_array_equal(found, np.minimum((bits / 2**32).astype(np.float32), 1 - 2**-24))
    # they are those of jax.random.uniform, with the bits that it drops
    assert np.all(np.abs(found - jax.random.uniform(key, shape)) <= 2**-23)


def test_mapped_and_compiled_draws_are_the_single_ones():
    keys = jax.random.split(jax.random.key(1), 4)
    single = np.stack([uniform(key, (3, 5)) for key in keys])
    mapped = jax.jit(jax.vmap(lambda key: uniform(key, (3, 5))))(keys)
    np.testing.assert_array_equal(mapped, single)


def test_another_generator_is_left_to_jax():
    key = jax.random.key(0, impl="rbg")
    bits = jax.random.bits(key, (4, 4), jnp.uint32)
    np.testing.assert_array_equal(uniform(key, (4, 4)), unit_interval(bits))


def test_the_ends_of_the_unit_interval():
    bits = jnp.asarray([0, 1, 2**24 - 1, 2**32 - 129, 2**32 - 128, 2**32 - 1], jnp.uint32)
    below_one = 1 - 2**-24
    expected = [0, 2**-32, (2**24 - 1) * 2**-32, below_one, below_one, below_one]
    np.testing.assert_array_equal(jax.jit(unit_interval)(bits), np.asarray(expected, np.float32))


def test_numbers_are_uniform_and_small_ones_are_many():
    count, p = 2**24, 1e-5
    u = np.asarray(uniform(jax.random.key(2), (count,)), float)
    assert u.min() >= 0
    assert u.max() < 1
    for power in (1, 2, 3):
        spread = np.sqrt(1 / (2 * power + 1) - 1 / (power + 1) ** 2)
        assert (u**power).mean() == pytest.approx(1 / (power + 1), abs=5 * spread / count**0.5)
    small = u[u < p]
    assert len(small) == pytest.approx(count * p, abs=5 * (count * p) ** 0.5)
    # of about 170, where 23 bits would leave 84 values to draw from
    assert len(np.unique(small)) >= len(small) - 3


def test_the_cipher_gives_its_published_answer():
    """The known answer for counter and key zero that comes with the authors' library."""
    zero = jnp.zeros(2, jnp.uint32)
    left, right = threefry(zero, jnp.zeros(1, jnp.uint32))
    assert [hex(left[0]), hex(right[0])] == ["0x6b200159", "0x99ba4efe"]
