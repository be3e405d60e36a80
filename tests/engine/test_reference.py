"""The engine against the same update written out in plain NumPy, and against a closed form."""

import jax
import numpy as np
import optax
import pytest

from toymodels import Axis, LinearModel, Reconstruction, ReluOutput, SparseFeatures, theory, train
from toymodels.objectives import reconstruction

KEY = jax.random.key(0)
N, M, BATCH, STEPS = 8, 3, 64, 100
IMPORTANCE = 0.8 ** np.arange(N)
RATE, DECAY, BETAS, EPSILON = 1e-2, 0.1, (0.9, 0.999), 1e-8


class Recorded(SparseFeatures):
    """Sparse features that keep what they were asked for, in order."""

    batches: list[np.ndarray]

    def sample(self, key, batch):
        x = super().sample(key, batch)
        jax.debug.callback(lambda x: self.batches.append(np.array(x)), x, ordered=True)
        return x


def gradients(W, b, x):
    """Gradient of the mean over columns of sum_i I_i (x_i - relu(W^T W x + b)_i)^2, by hand."""
    h = W @ x
    z = W.T @ h + b[:, None]
    dz = -2 * IMPORTANCE[:, None].astype(W.dtype) * (x - np.maximum(z, 0)) * (z > 0) / x.shape[1]
    return h @ dz.T + (W @ dz) @ x.T, dz.sum(axis=1)


def adamw(parameters, batches, dtype, *, decoupled=True):
    """Train as torch.optim.AdamW does; not decoupled, as torch.optim.Adam with weight decay."""
    parameters = [parameter.astype(dtype) for parameter in parameters]
    first, second = ([np.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    for t, x in enumerate(batches, start=1):
        for i, gradient in enumerate(gradients(*parameters, x.astype(dtype))):
            if decoupled:
                parameters[i] = parameters[i] * (1 - RATE * DECAY)
            else:
                gradient = gradient + DECAY * parameters[i]
            first[i] = BETAS[0] * first[i] + (1 - BETAS[0]) * gradient
            second[i] = BETAS[1] * second[i] + (1 - BETAS[1]) * gradient**2
            mean, square = first[i] / (1 - BETAS[0] ** t), second[i] / (1 - BETAS[1] ** t)
            parameters[i] = parameters[i] - RATE * mean / (np.sqrt(square) + EPSILON)
    return parameters


def largest_difference(ours, theirs):
    return max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))


def test_the_gradient_by_hand_is_that_of_differences():
    random = np.random.default_rng(0)
    W, b, x = random.normal(size=(M, N)), random.normal(size=N), random.random((N, 4))

    def loss(W, b):
        return (IMPORTANCE @ np.square(x - np.maximum(W.T @ W @ x + b[:, None], 0))).mean()

    dW, db = random.normal(size=W.shape), random.normal(size=b.shape)
    step = 1e-6
    slope = (loss(W + step * dW, b + step * db) - loss(W - step * dW, b - step * db)) / (2 * step)
    found = gradients(W, b, x)
    assert (found[0] * dW).sum() + found[1] @ db == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("block", [BATCH, BATCH // 4])
def test_a_hundred_steps_of_adamw(monkeypatch, block):
    monkeypatch.setattr(reconstruction, "BLOCK_ENTRIES", N * block)
    features = Recorded(N, sparsity=0.6, importance=IMPORTANCE)
    features.batches = []
    objective = Reconstruction(
        features, lambda key: ReluOutput(N, M, key=key), batch_size=BATCH, test_samples=1
    )
    optimizer = optax.adamw(RATE, *BETAS, EPSILON, weight_decay=DECAY)
    found = train(lambda: (objective, optimizer), [], STEPS, key=KEY, snapshots=(0, STEPS))
    jax.effects_barrier()
    engine = [found.W.values, found.b.values]
    initial = [found.W_history[0].values, found.b_history[0].values]

    assert {x.shape for x in features.batches} == {(N, block)}
    batches = np.concatenate(features.batches, axis=1).reshape(N, STEPS, BATCH).swapaxes(0, 1)
    exact = adamw(initial, batches, np.float64)
    # what the rounding of float32 does to these hundred steps
    rounding = largest_difference(adamw(initial, batches, np.float32), exact)
    tolerance = 10 * rounding
    assert tolerance < 1e-4
    assert largest_difference(engine, exact) < tolerance
    # which is fine enough to tell them from their beginning, and from decay that is not decoupled
    assert largest_difference(initial, exact) > 1000 * tolerance
    coupled = adamw(initial, batches, np.float64, decoupled=False)
    assert largest_difference(coupled, exact) > 1000 * tolerance


def expected_linear_loss(W, b, p):
    """E[sum_i I_i (x_i - (W^T W x + b)_i)^2] of independent sparse features, exactly."""
    Q = np.eye(N) - W.T @ W
    bias = Q @ np.full(N, p / 2) - b
    return IMPORTANCE @ (np.square(Q).sum(axis=1) * (p / 3 - p**2 / 4) + np.square(bias))


def test_the_linear_model_reaches_its_optimum():
    probabilities, test_samples = np.array([1.0, 0.5, 0.1]), 2**14
    random = np.random.default_rng(0)

    def problem(probability):
        features = SparseFeatures(N, probability=probability, importance=IMPORTANCE)
        objective = Reconstruction(
            features,
            lambda key: LinearModel(N, M, key=key),
            batch_size=256,
            test_samples=test_samples,
        )
        return objective, optax.adam(optax.cosine_decay_schedule(1e-2, 6000))

    found = train(problem, [Axis("probability", probabilities), Axis.seeds(2)], 6000, key=KEY)
    for i, p in enumerate(probabilities):
        optimum = theory.linear_optimum_loss(IMPORTANCE, p, M)
        assert optimum == pytest.approx((p / 3 - p**2 / 4) * IMPORTANCE[M:].sum())
        for k in range(2):
            W, b = (np.asarray(found[name][i, k], float) for name in ("W", "b"))
            exact = expected_linear_loss(W, b, p)
            # nothing linear is better; with the learning rate gone to zero, so is the noise
            assert optimum * (1 - 1e-6) <= exact < optimum * (1 + 1e-3)
            x = random.random((N, 2**16)) * (random.random((N, 2**16)) < p)
            losses = IMPORTANCE @ np.square(x - W.T @ W @ x - b[:, None])
            # plain samples have at least the noise of those of a test set
            assert abs(found.loss[i, k] - exact) < 5 * losses.std() / test_samples**0.5
