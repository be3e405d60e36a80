'''Models, one nnx module per file, written like the equations in the papers.

A model has weights and a forward pass; the loss belongs to `objectives`.

Requirements for a model of your own:

- It is a `flax.nnx.Module`, built from a key. Trained weights are `nnx.Param`, fixed arrays
  `nnx.Variable`, lists of either `nnx.List`.
- It maps samples as columns, x [n, batch], to an output of the same shape.
- Its class may name the dimensions of its weights in `dims`; the trained Dataset uses them.
  Weights may have any name except those of the Dataset's own variables (`loss`, `step`, ...).

>>> import jax, jax.numpy as jnp, optax, toymodels
>>> from flax import nnx

>>> class Untied(nnx.Module):
...     """h = relu(V x), x' = relu(U h + c)."""
...
...     dims = {"V": ("hidden", "feature"), "U": ("feature", "hidden"), "c": ("feature",)}
...
...     def __init__(self, n, m, *, key):
...         self.V = nnx.Param(jax.random.normal(key, (m, n)) / m)
...         self.U = nnx.Param(self.V[...].T)
...         self.c = nnx.Param(jnp.zeros(n))
...
...     def __call__(self, x):
...         h = jax.nn.relu(self.V @ x)
...         return jax.nn.relu(self.U @ h + self.c[:, None])

>>> def problem(sparsity):
...     features = toymodels.SparseFeatures(5, sparsity=sparsity)
...     objective = toymodels.Reconstruction(features, lambda key: Untied(5, 3, key=key))
...     return objective, optax.adam(0.01)
>>> sparsities = toymodels.Axis("sparsity", [0.5, 0.9])
>>> toymodels.train(problem, [sparsities], steps=10, key=jax.random.key(0)).U.dims
('sparsity', 'feature', 'hidden')

Some objectives need more than a forward pass: `Classification` needs `hidden(x)`, the activations
of each hidden layer, and `readout(h)`, the logits; `FiniteDataset` needs the weights W, b and the
activation of `ReluOutput`; for `SparseDictionary` and `AttentionMixing`, inherit from
`ReluDictionary` and `MixingMatrix`. A missing attribute raises an error at the first use.
'''
