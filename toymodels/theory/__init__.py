"""Closed forms and exact optima that trained toy models are compared with, a file a topic.

Nothing here trains a model or reads a result: numbers or arrays in, what theory expects out.
`__init__.pyi` beside this file lists the public names: `theory.linear_optimum_loss(...)`.

Notation: p = 1 - S is the probability that a feature is active; an active feature is uniform on
[0, 1], so E[x] = p/2 and E[x^2] = p/3. Features are independent unless said otherwise. Losses are
squared errors weighted by importance, summed over features and averaged over inputs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
