"""How few dimensions can hold sparse features: the bound of compressed sensing."""

import numpy as np
from jax import Array
from jaxtyping import Float

from toymodels.theory.arrays import Numbers, namespace_and_arrays

__all__ = ["compressed_sensing_bound"]


def compressed_sensing_bound(p: Numbers) -> Float[Array | np.ndarray, "..."]:
    """Least dimensions per feature, p log(1/p), up to a constant factor.

    n features of which a share p is active can be recovered only from
    m = Omega(-n (1 - S) log(1 - S)) dimensions, with p = 1 - S. The constant is not known, and near
    p = 1 the bound says nothing.

    >>> from toymodels import theory
    >>> theory.compressed_sensing_bound([1.0, 0.1]).round(3)
    array([0.  , 0.23])

    Source: the remarks on compressed sensing in Elhage et al. 2022.

    Args:
        p: probability that a feature is active, in [0, 1], of any shape.

    Returns:
        p log(1/p), of p's shape; 0 at p = 0.
    """
    xp, density = namespace_and_arrays(p)
    some = xp.where(density > 0, density, 1)
    return xp.asarray(density * xp.log(1 / some))
