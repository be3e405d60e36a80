"""Attentional features in fewer heads: the mathematics, the loss, and what is learned of it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from toymodels import AttentionMixing, Axis, MixingMatrix, Objective, OvDraw, train
from toymodels.engine.memory import widest_array
from toymodels.objectives import attention_mixing as attention

KEY = jax.random.key(0)
DEVICES = jax.local_devices()
MANY = 10_007  # a prime, so that an array of all restarts is known by its size


def mixing(K, heads, d_model, *, key=KEY, bias=False):
    """A model away from its start, with a bias of both signs."""
    model = MixingMatrix(K, heads, d_model, key=key, bias=bias)
    if bias:
        model.b[...] = jnp.cos(jnp.arange(d_model, dtype=float)) / 4
    return model


def task(K=5, heads=2, d_model=6, *, sparsity=0.5, bias=False, **settings):
    ovs = OvDraw.of(K, d_model, key=jax.random.key(7)).sparse(max(0.3, 1 / d_model**2))
    build = partial(MixingMatrix, K, heads, d_model, bias=bias)
    return AttentionMixing(lambda key: build(key=key), ovs, sparsity, **settings)


def float64(*arrays):
    return [np.asarray(array, float) for array in arrays]


def double_sum(weights, A, x, O):  # noqa: E741
    """sum_kl weights_kl A_k x O_l, one pair after the other."""
    pairs = np.ndindex(weights.shape)
    return sum(weights[k, l] * (A[k] @ x @ O[l]) for k, l in pairs)  # noqa: E741


def error(M, b, A, x, O):  # noqa: E741
    """The loss as it is written, in NumPy or in JAX."""
    target, output = double_sum(np.eye(len(O)), A, x, O), double_sum(M.T @ M, A, x, O) + b
    return ((jnp.maximum(target, 0) - jnp.maximum(output, 0)) ** 2).sum() / len(x)


# --- the model ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("K", "heads", "d_model", "tokens"), [(1, 1, 1, 1), (5, 2, 7, 3), (6, 3, 12, 8), (4, 4, 3, 2)]
)
def test_mixing_heads_is_the_double_sum_with_the_gram_matrix(K, heads, d_model, tokens, bias):
    """A11: M^T M plays the part that W^T W has for features."""
    model = mixing(K, heads, d_model, bias=bias)
    objective = task(K, heads, d_model, tokens=tokens)
    A, x = objective.sample(KEY, 9)
    M, *given = float64(model.M[...], A, x, objective.ovs)
    b = np.asarray(model.b[...]) if bias else 0
    expected = np.maximum(double_sum(M.T @ M, *given) + b, 0)
    head_by_head = model(A, x, objective.ovs)
    from_products = model.from_products(objective.products(A, x))
    np.testing.assert_allclose(head_by_head, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(from_products, expected, rtol=1e-5, atol=1e-5)


def test_the_start_is_xavier_normal():
    models = jax.vmap(lambda key: MixingMatrix(6, 2, 4, key=key))(jax.random.split(KEY, 5000))
    M = np.asarray(models.M[...])
    assert np.var(M) == pytest.approx(2 / (6 + 2), rel=0.05)
    assert np.mean(M**4) == pytest.approx(3 * np.var(M) ** 2, rel=0.1)  # a truncated one has less


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((5, 6, 4), "heads must be at most the 5 features; got 6"),
        ((0, 1, 4), "features must be a whole number of at least 1; got 0"),
        ((5, 0, 4), "heads must be a whole number of at least 1; got 0"),
        ((5, 2, 0), "d_model must be a whole number of at least 1; got 0"),
    ],
)
def test_impossible_models_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        MixingMatrix(*sizes, key=KEY)


# --- OV matrices ----------------------------------------------------------------------------------

DRAW = OvDraw.of(4, 16, key=KEY)


@pytest.mark.parametrize("density", [1 / 256, 0.01, 0.3, 0.77, 1])
def test_sparse_matrices_have_that_many_entries_and_unit_norm(density):
    ovs = np.asarray(DRAW.sparse(density))
    assert (np.count_nonzero(ovs, axis=(1, 2)) == round(density * 256)).all()
    assert (ovs >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(ovs, axis=(1, 2)), 1, rtol=1e-6)


def test_the_sparser_lies_within_the_denser():
    sparse, dense = (np.asarray(DRAW.sparse(density)) for density in (0.1, 0.4))
    within = sparse > 0
    assert (dense[within] > 0).all()
    ratio = np.where(within, dense, np.nan) / np.where(within, sparse, np.nan)
    assert (np.nanmax(ratio, axis=(1, 2)) < 1).all()  # the norm is shared by more
    np.testing.assert_allclose(np.nanmin(ratio, (1, 2)), np.nanmax(ratio, (1, 2)), rtol=1e-5)


def test_features_are_drawn_independently():
    """Places coincide as often as chance has it, and entries are uniform."""
    ovs = np.asarray(OvDraw.of(30, 16, key=KEY).sparse(0.25)) > 0
    places = ovs.reshape(30, -1).astype(float)
    common = (places @ places.T)[np.triu_indices(30, 1)]
    assert common.mean() == pytest.approx(256 / 16, abs=0.7)  # 435 pairs of standard deviation 3
    assert common.max() < 40
    values = np.asarray(OvDraw.of(30, 16, key=KEY).value).reshape(30, -1)
    assert np.abs(np.corrcoef(values) - np.eye(30)).max() < 0.3
    assert values.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("K", "d_model"), [(4, 16), (6, 16), (5, 5), (1, 3)])
def test_blocks_write_to_disjoint_outputs(K, d_model):
    ovs = np.asarray(OvDraw.of(K, d_model, key=KEY).blocks())
    np.testing.assert_allclose(np.linalg.norm(ovs, axis=(1, 2)), 1, rtol=1e-6)
    assert (ovs >= 0).all()
    written = (ovs > 0).any(axis=1)
    assert (written.sum(axis=0) == 1).all()
    assert {d_model // K, -(-d_model // K)} == set(written.sum(axis=1))
    np.testing.assert_array_equal(ovs > 0, np.broadcast_to(written[:, None], ovs.shape))


@pytest.mark.parametrize(
    ("density", "message"),
    [
        (-0.1, r"density must lie in \[0, 1\]; got -0.1"),
        (1.5, r"density must lie in \[0, 1\]; got 1.5"),
        (np.nan, r"density must lie in \[0, 1\]; got nan"),
        (0.001, "density 0.001, OV matrices of 256 entries are all zero: .* at least 0.0039"),
        (0.0, "density 0.0, OV matrices of 256 entries are all zero"),
    ],
)
def test_impossible_densities_are_refused(density, message):
    with pytest.raises(ValueError, match=message):
        DRAW.sparse(density)


def test_more_blocks_than_outputs_are_refused():
    with pytest.raises(ValueError, match="5 blocks need d_model >= 5; got 4"):
        OvDraw.of(5, 4, key=KEY).blocks()


# --- samples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sparsity", [0.0, 0.6, 0.99])
def test_patterns_are_sparse_and_uniform(sparsity):
    A, x = task(sparsity=sparsity, tokens=4).sample(KEY, 4000)
    assert A.shape == (5, 4000, 4, 4)
    assert x.shape == (4000, 4, 6)
    A, p = np.asarray(A, float), 1 - sparsity
    active = A[A > 0]
    assert active.size / A.size == pytest.approx(p, abs=4 * np.sqrt(p * sparsity / A.size) + 1e-6)
    for drawn in (active, np.asarray(x, float).ravel()):
        assert 0 <= drawn.min() < drawn.max() <= 1
        assert drawn.mean() == pytest.approx(1 / 2, abs=4 * np.sqrt(1 / 12 / drawn.size))
        assert np.mean(drawn**2) == pytest.approx(1 / 3, abs=4 * np.sqrt(4 / 45 / drawn.size))
    both = np.mean((A[0] > 0) & (A[1] > 0))
    assert both == pytest.approx(p**2, abs=4 * p / np.sqrt(A[0].size) + 1e-6)


def test_nothing_is_attended_to_at_sparsity_1():
    A, _ = task(sparsity=1.0).sample(KEY, 50)
    assert not A.any()


# --- the loss -------------------------------------------------------------------------------------


def test_it_is_an_objective():
    assert isinstance(task(), Objective)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("blocks", [1, 3, pytest.param(12, marks=pytest.mark.slow)])
def test_the_loss_of_blocks_is_that_of_all_their_samples(blocks, bias, monkeypatch):
    """In value and gradient, against the formula on what `sample` draws for each block."""
    size = 12 // blocks
    monkeypatch.setattr(attention, "BLOCK_ENTRIES", size * 5**2 * 3 * 6)
    objective = task(tokens=3, bias=bias, batch_size=12, test_samples=12)
    drawn = [objective.sample(key, size) for key in jax.random.split(KEY, blocks)]
    A, x = (
        jnp.concatenate(parts, axis)
        for parts, axis in zip(zip(*drawn, strict=True), (1, 0), strict=True)
    )
    model = mixing(5, 2, 6, bias=bias)
    b = model.b[...] if bias else jnp.zeros(6)
    with jax.numpy_rank_promotion("allow"):
        written = jax.jit(jax.value_and_grad(error, (0, 1)))
        expected = written(model.M[...], b, A, x, objective.ovs)
    value, gradient = jax.jit(jax.value_and_grad(objective.loss))(model, KEY)
    assert value == pytest.approx(float(expected[0]), rel=1e-5)
    tested = jax.jit(objective.test_loss)(model, KEY)
    assert tested == pytest.approx(float(expected[0]), rel=1e-5)
    np.testing.assert_allclose(gradient.M[...], expected[1][0], rtol=1e-4, atol=1e-5)
    if bias:
        np.testing.assert_allclose(gradient.b[...], expected[1][1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tokens": 0}, "tokens must be a whole number of at least 1; got 0"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1; got 0"),
        ({"test_samples": 0}, "test_samples must be a whole number of at least 1; got 0"),
        ({"sparsity": 1.5}, r"sparsity must lie in \[0, 1\]; got 1.5"),
    ],
)
def test_impossible_tasks_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        task(**settings)


# --- restarts that share their batches ------------------------------------------------------------

BATCH, TOKENS, D_MODEL = 256, 8, 32


def widest(members):
    """Entries of the widest array of a step that grows with the restarts, a restart's share."""

    def losses(M, key, ovs):
        build = partial(MixingMatrix, 5, 2, D_MODEL)
        objective = AttentionMixing(
            lambda key: build(key=key), ovs, 0.9, tokens=TOKENS, batch_size=BATCH
        )

        def loss(M):
            model = objective.init(KEY)
            model.M[...] = M
            return objective.loss(model, key)

        return jax.vmap(jax.value_and_grad(loss))(M)

    M = jax.ShapeDtypeStruct((members, 2, 5), float)
    ovs = jax.ShapeDtypeStruct((5, D_MODEL, D_MODEL), float)
    return widest_array(losses, M, KEY, ovs, members=members) // 4


def test_products_are_computed_once_for_all_restarts():
    """A restart has one output a sample: not one for each of the 25 pairs of features."""
    assert widest(MANY) <= BATCH * TOKENS * D_MODEL


SMALL = {"tokens": 3, "batch_size": 16, "test_samples": 256}
RESTARTS = Axis.seeds(4, shared_batches=True)


def small_problem():
    return task(sparsity=0.8, **SMALL), optax.adam(1e-2)


@pytest.fixture(scope="module")
def restarts():
    return train(small_problem, [RESTARTS], 50, key=KEY, devices=DEVICES[:1])


def assert_close(ours, theirs):
    for name in ("M", "loss", "loss_history"):
        assert ours[name].dims == theirs[name].dims
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("count", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_devices_agree(restarts, count):
    assert_close(train(small_problem, [RESTARTS], 50, key=KEY, devices=DEVICES[:count]), restarts)


def test_a_restart_is_that_restart_trained_alone(restarts):
    assert restarts.M.dims == ("seed", "head", "attentional_feature")
    assert (np.abs(restarts.M.diff("seed")).max(["head", "attentional_feature"]) > 0.01).all()
    one = Axis.seeds([2], shared_batches=True)
    alone = train(small_problem, [one], 50, key=KEY, devices=DEVICES[:1])
    assert_close(alone, restarts.isel(seed=[2]))


# --- what is learned ------------------------------------------------------------------------------


def learned(ovs, heads, *, sparsity, tokens, steps, rate, restarts):
    """Train restarts; return the M of the best, its loss, and the loss of M = 0."""
    K, d_model, _ = ovs.shape

    def problem(ovs):
        def build(key):
            return MixingMatrix(K, heads, d_model, key=key)

        objective = AttentionMixing(build, ovs, sparsity, tokens, test_samples=256)
        return objective, optax.adam(optax.cosine_decay_schedule(rate, steps))

    seeds = Axis.seeds(restarts, shared_batches=True)
    found = train(problem, [seeds], steps, key=KEY, data={"ovs": ovs})
    best = found.isel(seed=int(found.loss.argmin("seed")))
    objective, nothing = problem(ovs)[0], mixing(K, heads, d_model)
    nothing.M[...] = jnp.zeros((heads, K))
    return best.M.values, float(best.loss), float(objective.test_loss(nothing, KEY))


@pytest.mark.parametrize("K", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_a_head_for_each_feature_is_a_signed_permutation(K):
    ovs = OvDraw.of(K, 6, key=KEY).sparse(0.3)
    settings = {"sparsity": 0.8, "tokens": 3, "steps": 800, "rate": 3e-2, "restarts": 4}
    M, loss, of_nothing = learned(ovs, K, **settings)
    assert loss < 1e-3 * of_nothing
    np.testing.assert_allclose(M.T @ M, np.eye(K), atol=0.02)


@pytest.mark.slow
def test_six_features_in_three_heads_are_an_octahedron():
    """The best of eight restarts, with the settings that the figures use."""
    ovs = OvDraw.of(6, 12, key=KEY).blocks()
    settings = {"sparsity": 0.99, "tokens": 4, "steps": 1000, "rate": 2e-2, "restarts": 8}
    M, _, _ = learned(ovs, 3, **settings)
    gram = M.T @ M
    antipode = gram.argmin(axis=1)
    assert (antipode[antipode] == np.arange(6)).all()
    expected = np.eye(6) - np.eye(6)[antipode]
    np.testing.assert_allclose(gram, expected, atol=0.15)
