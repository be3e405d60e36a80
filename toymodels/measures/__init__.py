"""Measures of arrays: geometry of features, recovery by dictionaries, selectivity of units.

Each file is a public module: `from toymodels import geometry`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "baselines",
        "circuits",
        "geometry",
        "jumps",
        "membership",
        "motifs",
        "neurons",
        "polytopes",
        "recovery",
        "selectivity",
    ],
)
