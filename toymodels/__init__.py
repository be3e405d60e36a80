"""toymodels: toy models of superposition, trained as ensembles over named axes.

`__init__.pyi` beside this file lists every public name and where it lives. Names are loaded when
first used, so that importing the package starts nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
