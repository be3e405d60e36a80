"""Settings of every test, made before JAX starts its backend and `toymodels` is imported.

Shapes written with jaxtyping are checked at run time, a broadcast between ranks is an error, and
the CPU is three devices, so that 1, 2 and 3 can be compared.
"""

import os

import jax
from jaxtyping import install_import_hook

os.environ.setdefault("JAX_PLATFORMS", "cpu")
jax.config.update("jax_num_cpu_devices", 3)
jax.config.update("jax_numpy_rank_promotion", "raise")
install_import_hook("toymodels", "typecheck.numeric")
