'''The models, one nnx module a file: each reads like its equation in the paper.

A model has weights and a forward pass; what it is trained for belongs to `objectives`.

An own model is a class of the same kind, and this is all that is asked of it:

- it is a `flax.nnx.Module`, built from a key; its weights are `nnx.Param`, what shall stay fixed
  is `nnx.Variable`, lists of either are `nnx.List`;
- it is called on samples as columns, x [n, batch], and returns as many;
- its class may name the dimensions of its weights in `dims`, for the Dataset that comes out.
  Weights have any name but those of the Dataset's own (`loss`, `step`, ...).

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

Some objectives ask for more than a call: `Classification` for `hidden(x)`, the activations of
each hidden layer, and `readout(h)`, the logits; `FiniteDataset` for the weights W, b and the
activation of `ReluOutput`; `SparseDictionary` and `AttentionMixing` for what `ReluDictionary` and
`MixingMatrix` have, from which one inherits. What is missing is said when a model is first used.
'''
