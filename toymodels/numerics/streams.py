"""Named random streams, each with its own key, derived from a root key and the name."""

import hashlib

import jax
import numpy as np
from jaxtyping import PRNGKeyArray


def stream_key(key: PRNGKeyArray, name: str) -> PRNGKeyArray:
    """Return the key of a named stream: 64 bits of the name's SHA-256 folded into `key`."""
    for word in np.frombuffer(hashlib.sha256(name.encode()).digest()[:8], np.uint32):
        key = jax.random.fold_in(key, word)
    return key
