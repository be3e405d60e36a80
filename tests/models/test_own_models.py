"""A model of one's own: the example of the docstring, and what is said where something is missing.

Its mistakes are made in a process without the settings of these tests: what a user sees.
"""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from toymodels import FeatureDistribution, Reconstruction, train

KEY = jax.random.key(0)

# each is a model, in the place of one of 5 features in 2 dimensions, and what is said of it
PREAMBLE = """
import json
import jax, jax.numpy as jnp, numpy as np, optax
import toymodels as tm
from flax import nnx

KEY = jax.random.key(0)

class Right(nnx.Module):
    def __init__(self):
        self.W = nnx.Param(0.1 * jnp.ones((2, 5)))

    def __call__(self, x):
        return self.W.T @ (self.W @ x)

def fit(model, **settings):
    features = tm.SparseFeatures(5, sparsity=0.5)
    objective = tm.Reconstruction(features, lambda key: model(), 8, 8, **settings)
    return tm.train(lambda: (objective, optax.sgd(0.1)), [], 1, key=KEY)

images = tm.as_columns.__globals__["Labelled"](np.zeros((4, 5), np.uint8), np.zeros(4, np.uint8))
points = tm.Datapoints(np.zeros((1, 1), np.int32), np.ones((1, 1), np.float32))

class Bare:
    W = np.ones((2, 5))

class Unwrapped(nnx.Module):
    def __init__(self):
        self.W = jnp.ones((2, 5))

class HalfWrapped(Right):
    def __init__(self):
        super().__init__()
        self.b = jnp.zeros(5)

class Rows(Right):
    def __call__(self, x):
        return (x @ self.W.T) @ self.W

class RowsOut(Right):
    def __call__(self, x):
        return super().__call__(x).T

class OneColumn(Right):
    def __call__(self, x):
        return super().__call__(x).mean(axis=1, keepdims=True)

class Silent(Right):
    def __call__(self, x):
        super().__call__(x)

class Uncalled(nnx.Module):
    def __init__(self):
        self.W = nnx.Param(jnp.ones((2, 5)))

class ShortDims(Right):
    dims = {"W": ("hidden",)}

class SameDims(Right):
    dims = {"W": ("unit", "unit")}

class OtherSizes(Right):
    dims = {"W": ("unit", "feature"), "V": ("unit", "feature")}
    def __init__(self):
        super().__init__()
        self.V = nnx.Param(jnp.ones((3, 5)))

class Twice(Right):
    def __init__(self):
        super().__init__()
        self.a = nnx.Dict(b=nnx.Param(jnp.ones(1)))
        self.a_b = nnx.Param(jnp.ones(1))

class Reserved(Right):
    def __init__(self):
        super().__init__()
        self.loss = nnx.Param(jnp.ones(1))

class Loose:
    def sample(self, key, batch):
        return jnp.ones((5, batch))

MISTAKES = {
    "bare": lambda: fit(Bare),
    "unwrapped": lambda: fit(Unwrapped),
    "half wrapped": lambda: fit(HalfWrapped),
    "rows": lambda: fit(Rows),
    "rows out": lambda: fit(RowsOut),
    "one column": lambda: fit(OneColumn),
    "silent": lambda: fit(Silent),
    "uncalled": lambda: fit(Uncalled),
    "short dims": lambda: fit(ShortDims),
    "same dims": lambda: fit(SameDims),
    "other sizes": lambda: fit(OtherSizes),
    "twice": lambda: fit(Twice),
    "reserved": lambda: fit(Reserved),
    "classifier": lambda: tm.Classification(lambda key: Right(), images, images),
    "memoriser": lambda: tm.FiniteDataset(lambda key: Right(), points, points),
    "dictionary": lambda: tm.SparseDictionary(lambda key: Right(), np.ones((5, 9))).init(KEY),
    "heads": lambda: tm.AttentionMixing(lambda key: Right(), np.ones((5, 2, 2)), 0.5).init(KEY),
    "distribution": lambda: tm.Reconstruction(Loose(), lambda key: Right()),
}
said = {}
for name, mistake in MISTAKES.items():
    try:
        mistake()
    except (TypeError, ValueError) as error:
        said[name] = str(error).partition("\\n")[0]
print(json.dumps(said))
"""

SENTENCES = {
    "bare": "Bare has no parameters to train: a model is a class Bare(flax.nnx.Module) with "
    "weights such as self.W = nnx.Param(...)",
    "unwrapped": "Unwrapped has no parameters to train",
    "half wrapped": "HalfWrapped.b is a plain array: write nnx.Param(...) if it",
    "rows": "Rows(x) fails for x of shape [5, 8], whose columns are the samples, as in self.W @ x",
    "rows out": "RowsOut(x) has shape [8, 5] for x of shape [5, 8]: return",
    "one column": "OneColumn(x) has shape [5, 1] for x of shape [5, 8]: return",
    "silent": "Silent(x) has no shape for x of shape [5, 8]: return",
    "uncalled": "Uncalled cannot be called: write Uncalled.__call__(self, x)",
    "short dims": "ShortDims.dims names the dimensions of W ('hidden',): its shape "
    "[2, 5] needs 2 different",
    "same dims": "SameDims.dims names the dimensions of W ('unit', 'unit'): its "
    "shape [2, 5] needs 2",
    "other sizes": "OtherSizes.dims uses the name unit for a dimension of size 3 in "
    "V and of size 2 in W: use",
    "twice": "two parameters of Twice have the name a_b: rename one",
    "reserved": "Reserved has a parameter or dimension called loss, which is a name of the results",
    "classifier": "Classification needs hidden, readout, which Right lacks: inherit from "
    "toymodels.MLP",
    "memoriser": "FiniteDataset needs b, activation, which Right lacks",
    "dictionary": "SparseDictionary needs encode, costs, W_enc, W_dec, b_enc, b_dec, which Right",
    "heads": "AttentionMixing needs from_products, which Right lacks",
    "distribution": "Loose is not a distribution: write class Loose(toymodels.FeatureDistribution)",
}


@pytest.fixture(scope="module")
def said():
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("mistake", SENTENCES)
def test_a_mistake_is_said_in_a_sentence(said, mistake):
    assert said.get(mistake, "nothing").startswith(SENTENCES[mistake])


class Ones(FeatureDistribution):
    """A single sample, over and over."""

    def sample(self, key, batch):
        return jnp.ones((3, batch))


class Fitted(nnx.Module):
    """x' = scale x + shifts, whose parameters have names and ranks of their own.

    Broadcasting between ranks is as in NumPy; what is no parameter stays as it is.
    """

    def __init__(self):
        self.scale = nnx.Param(jnp.zeros(()))
        self.stack = nnx.List([nnx.Param(jnp.zeros((3, 1))), nnx.Param(jnp.zeros(1))])
        self.fixed = nnx.Variable(jnp.full(3, 0.25))
        self.power = 1.0

    def __call__(self, x):
        shift, all_alike = self.stack
        return self.scale * x**self.power + shift + all_alike + self.fixed[:, None]


def test_parameters_have_any_name_and_ranks_broadcast():
    objective = Reconstruction(Ones(), lambda key: Fitted(), 4, 4)
    with jax.numpy_rank_promotion("allow"):
        found = train(lambda: (objective, optax.sgd(0.02)), [], 200, key=KEY)
    assert found.scale.dims == ()
    assert found.stack_0.dims == ("stack_0_0", "stack_0_1")
    assert "fixed" not in found
    assert found.loss < 1e-6
    fitted = found.scale.item() + found.stack_0.values[:, 0] + found.stack_1.item()
    np.testing.assert_allclose(fitted, 0.75, atol=1e-3)
