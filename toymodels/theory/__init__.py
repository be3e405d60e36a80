"""Closed forms and exact optima to compare trained toy models with, one topic per file.

The public names, such as `theory.linear_optimum_loss`, are listed in `__init__.pyi`.

Notation: p = 1 - S is the probability that a feature is active; an active feature is uniform on
[0, 1], so E[x] = p/2 and E[x^2] = p/3. Features are independent unless stated otherwise. Losses
are squared errors weighted by importance, summed over features and averaged over inputs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
