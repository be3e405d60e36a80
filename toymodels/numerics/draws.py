"""Fast uniform random numbers for the training loop.

Sampling takes a large share of a training step. On CPUs JAX computes its generator, threefry,
in loops over rounds that pass through memory; with the rounds unrolled, the same bits are
computed several times faster.
"""

import math
from functools import partial
from itertools import cycle, islice

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray, UInt32

from toymodels.numerics.memory import check_fits

PARITY = 0x1BD11BDA
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PIECES = 4


def uniform(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Draw numbers uniform on [0, 1), from the bits of `jax.random.bits`.

    All 32 random bits are used, see `unit_interval`; `jax.random.uniform` uses 23, which leaves
    few for numbers below a small p. Bits of a key that is not threefry's are drawn by JAX. With
    `jax_enable_x64` the same bits become float64 numbers.

    Raises:
        TooLarge: if the numbers do not fit into memory.
    """
    check_fits(f"{' x '.join(f'{size:,}' for size in shape)} random numbers", 4 * math.prod(shape))
    if str(jax.random.key_impl(key)) != "threefry2x32":
        return unit_interval(jax.random.bits(key, shape, jnp.uint32))
    count = math.prod(shape)
    size = -(-count // PIECES)
    words = jax.random.key_data(key)

    # The loop over pieces keeps the compiler from fusing the generator into every use of the
    # numbers, which would draw them again for each.
    def draw(i, numbers):
        counts = lax.iota(jnp.uint32, size) + lax.convert_element_type(i * size, jnp.uint32)
        left, right = threefry(words, counts)
        return lax.dynamic_update_index_in_dim(numbers, unit_interval(left ^ right), i, 0)

    numbers = lax.fori_loop(0, PIECES, draw, jnp.zeros((PIECES, size)))
    return numbers.reshape(-1)[:count].reshape(shape)


def unit_interval(bits: UInt32[Array, "..."]) -> Float[Array, "..."]:
    """Convert 32 random bits, an integer k, to k / 2^32, rounded to a float below 1.

    A float32 holds the leading 24 bits of k: numbers below 2^-8 are exact multiples of 2^-32,
    larger ones are rounded to nearest, and those that would round to 1 become 1 - 2^-24. With
    `jax_enable_x64` the result is float64, and exact. Zero has probability 2^-32.
    """
    kind = jnp.result_type(float)
    below_one = jnp.asarray(1 - jnp.finfo(kind).epsneg, kind)
    return jnp.minimum(bits.astype(kind) * jnp.asarray(2**-32, kind), below_one)


@partial(jax.jit, inline=True)  # traced once, as tracing the rounds takes long
def threefry(
    key: UInt32[Array, "2"], counts: UInt32[Array, "..."]
) -> tuple[UInt32[Array, "..."], UInt32[Array, "..."]]:
    """Encrypt the counters (0, counts) with threefry-2x32 in 20 rounds.

    Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
    """
    keys = key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(PARITY)
    left, right = jnp.broadcast_to(keys[0], counts.shape), counts + keys[1]
    for i, rotations in enumerate(islice(cycle(ROTATIONS), 5), start=1):
        for by in rotations:
            left = left + right
            right = left ^ (right << jnp.uint32(by) | right >> jnp.uint32(32 - by))
        left, right = left + keys[i % 3], right + keys[(i + 1) % 3] + jnp.uint32(i)
    return left, right
