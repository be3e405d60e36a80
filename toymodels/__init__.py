"""toymodels: toy models of superposition, trained as ensembles over named axes.

>>> import jax, optax
>>> from toymodels import Axis, Reconstruction, ReluOutput, SparseFeatures, best_of, geometry, train

>>> def problem(sparsity):
...     features = SparseFeatures(5, sparsity=sparsity)
...     objective = Reconstruction(features, lambda key: ReluOutput(5, 2, key=key), batch_size=64)
...     return objective, optax.adam(0.01)

>>> axes = [Axis("sparsity", [0.0, 0.9]), Axis.seeds(4)]
>>> models = train(problem, axes, steps=20, key=jax.random.key(0))
>>> dict(models.W.sizes)
{'sparsity': 2, 'seed': 4, 'hidden': 2, 'feature': 5}
>>> geometry.dimensionality(best_of(models).W).dims
('sparsity', 'feature')

- What is trained: an objective such as `Reconstruction` joins what models are shown
  (`SparseFeatures`) with a model (`ReluOutput`). `toymodels.data.distributions` and
  `toymodels.models` say how to write distributions and models of one's own.
- How: `train`, over every `Axis`. The result is an `xarray.Dataset`; `best_of` chooses among
  restarts, `to_model` gives the models back, `evaluate` measures them by another objective, `save`
  and `load` keep it.
- What came out: `toymodels.measures.geometry`, `toymodels.measures.recovery`,
  `toymodels.measures.selectivity`, and `toymodels.measures.baselines` to compare with;
  `toymodels.theory` has what is expected, `toymodels.plotting` draws it.
- Figures with settings, claims and files of their own: `Spec`, `Lab`, `Source`, `Experiment`.

`__init__.pyi` beside this file lists every public name and where it lives. Names are loaded when
first used, so that importing the package starts nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
