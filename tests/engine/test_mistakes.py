"""What beginners do, and the sentence that they read: it names the thing and the fix."""

import json
import subprocess
import sys

import pytest

# In a process of its own, without the tests' type checks, which would be first to complain.
SCRIPT = """
import json

import jax, jax.numpy as jnp, numpy as np, optax
from flax import nnx
import toymodels as tm
from toymodels import Axis, train

KEY, SEEDS = jax.random.key(0), [Axis.seeds(2)]

def objective(sparsity=0.5, model=lambda key: tm.ReluOutput(5, 2, key=key)):
    return tm.Reconstruction(tm.SparseFeatures(5, sparsity=sparsity), model, 8, 8)

def problem():
    return objective(), optax.adam(1e-2)

def drawing():
    points = tm.draw_datapoints(tm.SparseFeatures(5, sparsity=0.5), 9, key=KEY)
    return tm.FiniteDataset(lambda key: tm.ReluOutput(5, 2, key=key), points, points), optax.sgd(1)

def needy(sparsity, m):
    return objective(sparsity), optax.adam(1e-2)

class Rows(nnx.Module):
    def __init__(self, key):
        self.W = nnx.Param(jnp.ones((5, 2)))

    def __call__(self, x):
        return x @ self.W[...] @ self.W[...].T

class Bare(nnx.Module):
    def __init__(self, key):
        self.W = nnx.Variable(jnp.ones((2, 5)))

    def __call__(self, x):
        return self.W[...].T @ self.W[...] @ x

class Half:
    def init(self, key):
        return Rows(key)

    def loss(self, model, key):
        return 0.0

class Columns(Half):
    def loss(self, model, key):
        return jnp.zeros(7) * model.W[0, 0]

    test_loss = loss

MISTAKES = {
    "key is a number": lambda: train(problem, SEEDS, 1, key=0),
    "no list": lambda: train(problem, Axis.seeds(2), 1, key=KEY),
    "no axes": lambda: train(problem, ["seed"], 1, key=KEY),
    "an axis that is not taken": lambda: train(problem, [Axis("sparsity", [0.1])], 1, key=KEY),
    "a name that is no axis": lambda: train(needy, [Axis("sparsity", [0.1])], 1, key=KEY),
    "no optimizer": lambda: train(objective, SEEDS, 1, key=KEY),
    "the wrong way round": lambda: train(lambda: problem()[::-1], SEEDS, 1, key=KEY),
    "an optimizer of another kind": lambda: train(lambda: (objective(), 1e-3), SEEDS, 1, key=KEY),
    "no test loss": lambda: train(lambda: (Half(), optax.adam(1.0)), SEEDS, 1, key=KEY),
    "no parameters": lambda: train(
        lambda: (objective(model=Bare), optax.adam(1.0)), SEEDS, 1, key=KEY
    ),
    "samples as rows": lambda: train(
        lambda: (objective(model=Rows), optax.adam(1.0)), SEEDS, 1, key=KEY
    ),
    "datapoints drawn in a problem": lambda: train(drawing, SEEDS, 1, key=KEY),
    "a loss for each sample": lambda: train(
        lambda: (Columns(), optax.adam(1.0)), SEEDS, 1, key=KEY
    ),
    "half a step": lambda: train(problem, SEEDS, 1.5, key=KEY),
    "a model in the place of a function": lambda: objective(model=tm.ReluOutput(5, 2, key=KEY)),
    "a model in the place of an objective": lambda: train(
        lambda: (tm.ReluOutput(5, 2, key=KEY), optax.adam(1.0)), SEEDS, 1, key=KEY
    ),
    "a size as an axis": lambda: train(
        lambda m: (objective(model=lambda key: tm.ReluOutput(5, m, key=key)), optax.adam(1.0)),
        [Axis("m", [1, 2])], 1, key=KEY,
    ),
    "Python's if": lambda: train(
        lambda sparsity: problem() if sparsity > 0.5 else problem(),
        [Axis("sparsity", [0.1, 0.9])], 1, key=KEY,
    ),
    "another number of features": lambda: train(
        lambda: (objective(model=lambda key: tm.ReluOutput(6, 2, key=key)), optax.adam(1.0)),
        SEEDS, 1, key=KEY,
    ),
    "importances of other features": lambda: tm.SparseFeatures(5, sparsity=0.5, importance=[1, 2]),
    "a sparsity above 1": lambda: train(
        lambda sparsity: (objective(sparsity), optax.adam(1.0)),
        [Axis("sparsity", [0.1, 1.5])], 1, key=KEY,
    ),
    "a result without seeds": lambda: tm.best_of(train(problem, [], 1, key=KEY)),
    "no memory": lambda: train(
        lambda: (
            tm.Reconstruction(
                tm.SparseFeatures(10**5, sparsity=0.9),
                lambda key: tm.ReluOutput(10**5, 10**4, key=key),
            ),
            optax.adam(1.0),
        ),
        [Axis.seeds(10**4)],
        1,
        key=KEY,
    ),
}

said = {}
for name, mistake in MISTAKES.items():
    try:
        mistake()
        said[name] = "nothing"
    except Exception as error:
        notes = " ".join(getattr(error, "__notes__", ()))
        said[name] = f"{type(error).__name__}: {error} {notes}"
print(json.dumps(said))
"""

SENTENCES = {
    "key is a number": "ValueError: key must be a PRNG key, such as jax.random.key(0); got 0",
    "no list": "ValueError: axes must be a list of Axis, such as [Axis.seeds(8)]; got Axis(",
    "no axes": "axes must be a list of Axis, such as [Axis.seeds(8)]; got ['seed']",
    "an axis that is not taken": "problem() must have an argument for each axis except seed",
    "a name that is no axis": "missing a required argument: 'm'",
    "no optimizer": "must return (objective, optimizer), such as (objective, optax.adam(1e-3)); "
    "it returns Reconstruction",
    "the wrong way round": "it returns (GradientTransformationExtraArgs, Reconstruction)",
    "an optimizer of another kind": "it returns (Reconstruction, float)",
    "no test loss": "Half is not an objective: it lacks test_loss(model, key)",
    "no parameters": "Bare has no parameters to train: a model is a class Bare(",
    "samples as rows": "from Reconstruction.loss of Rows. In toymodels samples are the columns",
    "datapoints drawn in a problem": "datapoints cannot be drawn inside a problem",
    "a loss for each sample": "Columns.loss must return one number; got shape (7,)",
    "half a step": "steps must be a whole number of at least 1; got 1.5",
    "a model in the place of a function": "build must be a function of a key, such as lambda key: "
    "ReluOutput(..., key=key); got a ReluOutput itself",
    "a model in the place of an objective": "ReluOutput is not an objective: it lacks init(key)",
    "a size as an axis": "m determines shapes and cannot be an axis: train once for each value",
    "Python's if": "needs a number: write jnp.where for `if`, jnp for np",
    "another number of features": "ReluOutput(x) fails for x of shape [5, 8], whose columns are",
    "importances of other features": "importance must be one number or 5, one per feature; got",
    "a sparsity above 1": "sparsity must lie in [0, 1]; got 1.5",
    "a result without seeds": "'seed' is not an axis of 'loss', whose axes are ()",
    "no memory": "10,000 models with 12 GB of weights and optimizer state each need at least",
}


@pytest.fixture(scope="module")
def said():
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


@pytest.mark.parametrize("mistake", SENTENCES)
def test_a_mistake_is_named_with_its_fix(said, mistake):
    assert SENTENCES[mistake] in said[mistake]
    assert "Tracer" not in said[mistake]


def test_every_mistake_has_its_sentence(said):
    assert said.keys() == SENTENCES.keys()
