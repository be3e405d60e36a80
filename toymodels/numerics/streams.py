"""Random streams by name: whatever draws has a key of its own, derived from one and its name."""

import hashlib

import jax
import numpy as np
from jaxtyping import PRNGKeyArray


def stream_key(key: PRNGKeyArray, name: str) -> PRNGKeyArray:
    """Return the key of the stream of this name: 64 bits of the name's hash folded into `key`."""
    for word in np.frombuffer(hashlib.sha256(name.encode()).digest()[:8], np.uint32):
        key = jax.random.fold_in(key, word)
    return key
