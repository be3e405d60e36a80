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

- Objectives: an objective such as `Reconstruction` combines a distribution of features
  (`SparseFeatures`) with a model (`ReluOutput`). `toymodels.data.distributions` and
  `toymodels.models` explain how to write new distributions and models.
- Training: `train` trains at every point of the `Axis` grid and returns an `xarray.Dataset`.
  `best_of` selects the best restarts, `to_model` rebuilds the models, `evaluate` computes their
  loss under another objective, `save` and `load` store the Dataset.
- Measures: `toymodels.measures.geometry`, `toymodels.measures.recovery`,
  `toymodels.measures.neurons`, `toymodels.measures.circuits`, `toymodels.measures.selectivity`,
  `toymodels.measures.membership`, `toymodels.measures.motifs`, `toymodels.measures.jumps`, and
  `toymodels.measures.baselines` for comparison; `toymodels.theory` has analytic predictions,
  `toymodels.plotting` draws results.
- Figures with settings, claims and files: `Spec`, `Lab`, `Source`, `Experiment` in
  `toymodels.figure`.

`__init__.pyi` lists every public name and its module. Names are imported at first use, so that
`import toymodels` is fast.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
