"""Statistics of W against polytopes whose dimensionalities are known, and against invariances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toymodels.measures import geometry

STATISTICS = [
    geometry.norms,
    geometry.gram,
    geometry.interference,
    geometry.superposition,
    geometry.dimensionality,
    geometry.dimensions_per_feature,
    geometry.represented,
    geometry.represented_count,
]
COUNTS = geometry.represented, geometry.represented_count  # neither has a gradient
WHOLE = geometry.gram, geometry.dimensions_per_feature, geometry.represented_count
PER_FEATURE = [f for f in STATISTICS if f not in WHOLE]


def polygon(k):
    angles = 2 * np.pi * np.arange(k) / k
    return np.stack([np.cos(angles), np.sin(angles)])


def simplex(k):
    """k unit vectors in k - 1 dimensions."""
    centred = np.eye(k) - 1 / k
    basis = np.linalg.svd(centred)[0][:, : k - 1]
    corners = basis.T @ centred
    return corners / np.linalg.norm(corners, axis=0)


def tegum(*blocks):
    """Blocks of columns in orthogonal subspaces."""
    m, n = np.sum([block.shape for block in blocks], axis=0)
    W, row, column = np.zeros((m, n)), 0, 0
    for block in blocks:
        W[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    return W


DIGON = np.array([[1.0, -1.0]])


def square_antiprism(height):
    radius = np.sqrt(1 - height**2)
    upper = np.vstack([radius * polygon(4), np.full(4, height)])
    turn = np.sqrt(0.5) * np.array([[1, -1], [1, 1]])
    lower = np.vstack([radius * turn @ polygon(4), np.full(4, -height)])
    return np.hstack([upper, lower])


def random_weights(*shape, seed=0):
    """Columns of all lengths, so that some features count as represented and some do not."""
    return np.random.default_rng(seed).normal(size=shape) * np.linspace(0.05, 1, shape[-1])


def random_rotation(m, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(m, m)))[0]


POLYTOPES = {
    "orthogonal": (np.eye(3), [1, 1, 1]),
    "digon": (DIGON, [1 / 2] * 2),
    "triangle": (polygon(3), [2 / 3] * 3),
    "square": (polygon(4), [1 / 2] * 4),
    "pentagon": (polygon(5), [2 / 5] * 5),
    "heptagon": (polygon(7), [2 / 7] * 7),
    "tetrahedron": (simplex(4), [3 / 4] * 4),
    "5-simplex": (simplex(6), [5 / 6] * 6),
    "octahedron": (tegum(DIGON, DIGON, DIGON), [1 / 2] * 6),
    "triangular bipyramid": (tegum(polygon(3), DIGON), [2 / 3] * 3 + [1 / 2] * 2),
    "pentagonal bipyramid": (tegum(polygon(5), DIGON), [2 / 5] * 5 + [1 / 2] * 2),
    "square antiprism": (square_antiprism(1 / np.sqrt(3)), [3 / 8] * 8),
}


@pytest.mark.parametrize("name", POLYTOPES)
def test_dimensionality_of_polytopes(name):
    W, expected = POLYTOPES[name]
    np.testing.assert_allclose(geometry.norms(W), 1, rtol=1e-12)
    np.testing.assert_allclose(geometry.dimensionality(W), expected, rtol=1e-12)
    # tight frames, and tegum products of them, use up every dimension
    np.testing.assert_allclose(geometry.dimensionality(W).sum(), W.shape[0], rtol=1e-12)


def test_thomson_antiprism_is_not_quite_tight():
    D = geometry.dimensionality(square_antiprism(0.5604))
    np.testing.assert_allclose(D, 0.37438, atol=1e-5)
    assert D.sum() < 3 - 1e-3


def test_gram_of_simplex():
    k = 5
    # W perpendicular to 1_k, of lengths sqrt((k-1)/k): W^T W is the projector 1 - 11^T/k
    W = simplex(k) * np.sqrt((k - 1) / k)
    np.testing.assert_allclose(geometry.gram(W), np.eye(k) - 1 / k, atol=1e-12)


def test_definitions_written_out():
    W = random_weights(3, 5)
    columns = [W[:, i] for i in range(5)]
    lengths = [np.sqrt(c @ c) for c in columns]
    others = [[c @ d for j, d in enumerate(columns) if j != i] for i, c in enumerate(columns)]
    interference = np.array([np.sum(np.square(row)) for row in others])
    np.testing.assert_allclose(geometry.norms(W), lengths)
    np.testing.assert_allclose(geometry.interference(W), interference)
    np.testing.assert_allclose(geometry.superposition(W), interference / np.square(lengths))
    total = [
        sum((c / length @ d) ** 2 for d in columns)
        for c, length in zip(columns, lengths, strict=True)
    ]
    np.testing.assert_allclose(geometry.dimensionality(W), np.square(lengths) / total)
    np.testing.assert_allclose(geometry.dimensions_per_feature(W), 3 / np.sum(np.square(W)))


def test_values_of_simple_cases():
    W = tegum(np.array([[1.0, -0.5]]), np.array([[2.0]]))
    np.testing.assert_allclose(geometry.interference(W), [0.25, 0.25, 0])
    np.testing.assert_allclose(geometry.superposition(W), [0.25, 1, 0])
    np.testing.assert_allclose(geometry.dimensionality(W), [0.8, 0.2, 1])
    np.testing.assert_allclose(geometry.dimensions_per_feature(np.eye(4)[:, :2]), 2)
    np.testing.assert_allclose(geometry.dimensions_per_feature(tegum(DIGON, DIGON)), 0.5)


def test_represented_compares_lengths_with_the_threshold():
    W = np.diag([1.0, 0.6, 0.5, 0.3])
    assert geometry.represented(W).tolist() == [True, True, False, False]
    assert geometry.represented(W, 0.2).tolist() == [True] * 4
    assert geometry.represented_count(W) == 2 and geometry.represented_count(W, 0.2) == 4


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_dimensionalities_sum_to_rank_at_most(rank):
    W = random_weights(50, 6, rank, seed=1) @ random_weights(50, rank, 10, seed=2)
    D = geometry.dimensionality(W)
    assert (D > 0).all() and (D <= 1 + 1e-12).all()
    total = D.sum(axis=-1)
    assert (total <= rank + 1e-12).all()
    if rank == 1:
        np.testing.assert_allclose(total, 1)
    else:
        assert (total < rank - 1e-3).all()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_rotating_the_hidden_space_changes_nothing(statistic):
    W = random_weights(4, 7)
    np.testing.assert_allclose(statistic(random_rotation(4) @ W), statistic(W), atol=1e-12)


@pytest.mark.parametrize("statistic", PER_FEATURE)
def test_permuting_features_permutes_the_statistic(statistic):
    W, order = random_weights(4, 7), np.random.default_rng(3).permutation(7)
    assert np.ptp(np.asarray(statistic(W), float)) > 0
    np.testing.assert_allclose(statistic(W[:, order]), statistic(W)[order], rtol=1e-12)


def test_dimensionality_ignores_the_scale_of_weights():
    W = random_weights(4, 7)
    np.testing.assert_allclose(geometry.dimensionality(1e-3 * W), geometry.dimensionality(W))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_numpy_and_jax_agree(statistic):
    W = random_weights(2, 3, 4, 7).astype(np.float32)
    expected, found = statistic(W), statistic(jnp.asarray(W))
    assert isinstance(expected, np.ndarray) and isinstance(found, jax.Array)
    assert expected.dtype == found.dtype or statistic is geometry.represented_count
    assert found.dtype in (np.float32, bool, np.int32)  # JAX counts in 32 bits, NumPy in 64
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_batch_is_a_stack_of_single_results(statistic):
    W = random_weights(2, 3, 4, 7)
    singles = [[statistic(W[i, j]) for j in range(3)] for i in range(2)]
    assert all(isinstance(single, np.ndarray) for row in singles for single in row)
    np.testing.assert_allclose(statistic(W), np.array(singles), rtol=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_jit_and_vmap_without_rank_promotion(statistic):
    W = jnp.asarray(random_weights(3, 4, 7), jnp.float32)
    with jax.numpy_rank_promotion("raise"):
        found = jax.jit(jax.vmap(statistic))(W)
        np.testing.assert_allclose(found, statistic(W), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("xp", [np, jnp])
def test_zero_columns_have_zero_statistics(xp):
    W = random_weights(3, 5).astype(np.float32)
    W[:, [1, 4]] = 0
    for statistic in (geometry.norms, geometry.superposition, geometry.dimensionality):
        values = np.asarray(statistic(xp.asarray(W)))
        assert (values[[1, 4]] == 0).all() and (values[[0, 2, 3]] > 0).all()
    kept = geometry.dimensionality(W[:, [0, 2, 3]])
    np.testing.assert_allclose(geometry.dimensionality(W)[[0, 2, 3]], kept, rtol=1e-5)


@pytest.mark.parametrize("xp", [np, jnp])
def test_no_weights_at_all(xp):
    W = xp.zeros((3, 5))
    assert not geometry.dimensionality(W).any() and not geometry.represented(W).any()
    assert np.isinf(geometry.dimensions_per_feature(W))


@pytest.mark.parametrize("statistic", [f for f in STATISTICS if f not in COUNTS])
def test_gradients_match_differences_and_zero_columns_have_none(statistic):
    W = random_weights(3, 5)
    W[:, 1] = 0
    weights = np.random.default_rng(5).normal(size=np.shape(statistic(W)))
    direction = random_weights(3, 5, seed=6)
    direction[:, 1] = 0
    h = 1e-6
    difference = (weights * (statistic(W + h * direction) - statistic(W - h * direction))).sum()
    with jax.enable_x64(True):
        gradient = jax.grad(lambda V: jnp.sum(weights * statistic(V)))(jnp.asarray(W))
        gradient = np.asarray(gradient)
    np.testing.assert_allclose((gradient * direction).sum(), difference / (2 * h), rtol=1e-6)
    assert np.isfinite(gradient).all()
    if statistic is not geometry.gram:
        assert (gradient[:, 1] == 0).all()


SQUARE = tegum(DIGON, DIGON)
ARRANGEMENTS = {
    "digon + 1": np.array([[1.0, -1, 0], [0, 0, 1]]),
    "triangle": polygon(3),
    "square": SQUARE,
    "pentagon": polygon(5),
    "hexagon": polygon(6),
    "polygon": polygon(7),
    "square, doubled": np.hstack([SQUARE, [[0.99], [0.1]]]),
    "cone": np.array([[1, 0.9, 0.7], [0, 0.4, 0.7]]),
    "other": np.array([[1, 0, -1, 0.7], [0, 1, 0, -0.7]]),
}


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_arrangements_have_their_name_however_they_are_turned(name):
    W = ARRANGEMENTS[name]
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    short = np.array([[0.3], [0.2]])  # what is not represented does not count
    assert geometry.arrangement(W) == name
    assert geometry.arrangement(np.hstack([turn @ W, short])) == name


def test_arrangements_bend_a_little_and_come_in_batches():
    rng = np.random.default_rng(0)
    bent = polygon(5) + 0.05 * rng.normal(size=(3, 4, 2, 5))
    assert geometry.arrangement(bent).shape == (3, 4)
    assert (geometry.arrangement(bent) == "pentagon").all()
    assert geometry.arrangement(np.zeros((2, 5))) == geometry.arrangement([[1.0], [0]]) == "cone"


@pytest.mark.parametrize("xp", [np, jnp])
@pytest.mark.parametrize("pairs", [1, 2, 3])
def test_cross_polytopes_have_no_error(xp, pairs):
    W = random_rotation(pairs) @ tegum(*[DIGON] * pairs)
    order = np.random.default_rng(1).permutation(2 * pairs)
    found = geometry.cross_polytope_error(xp.asarray(np.stack([W[:, order], 1.1 * W])))
    np.testing.assert_allclose(found, [0, 0.21], atol=2e-6)
    assert isinstance(found, jax.Array if xp is jnp else np.ndarray)


def test_other_polytopes_do():
    np.testing.assert_allclose(geometry.cross_polytope_error(polygon(3)), 0.5)
    assert geometry.cross_polytope_error(polygon(5)) > 0.3
    assert geometry.cross_polytope_error(np.eye(3)) == 1  # no antipodes
    assert geometry.cross_polytope_error(np.empty((0, 3, 6))).shape == (0,)


# datapoints


@pytest.mark.parametrize("T", [3, 5, 12])
def test_a_polygon_of_datapoints_shares_two_dimensions(T):
    np.testing.assert_allclose(geometry.data_dimensionality(3.0 * polygon(T)), 2 / T)
    np.testing.assert_allclose(geometry.leverage_scores(3.0 * polygon(T)), 2 / T)


@pytest.mark.parametrize("xp", [np, jnp])
@pytest.mark.parametrize(("m", "T", "rank"), [(4, 9, 4), (6, 9, 3), (5, 3, 3)])
def test_leverage_is_the_largest_share_that_a_readout_gives(xp, m, T, rank):
    random = np.random.default_rng(0)
    h = random_weights(m, rank, seed=1) @ random_weights(rank, T, seed=2)
    found = np.asarray(geometry.leverage_scores(xp.asarray(h)))
    assert found.sum() == pytest.approx(rank, rel=1e-4)
    expected = np.diag(h.T @ np.linalg.pinv(h @ h.T) @ h)
    np.testing.assert_allclose(found, expected, rtol=1e-3)

    def shares(v):
        return np.square(v @ h) / np.square(v @ h).sum()

    readouts = np.linalg.pinv(h @ h.T) @ h
    np.testing.assert_allclose([shares(v)[i] for i, v in enumerate(readouts.T)], expected)
    assert (np.array([shares(v) for v in random.normal(size=(300, m))]) <= expected + 1e-9).all()
    # D_X takes h_i itself for v
    assert (geometry.data_dimensionality(h) <= expected + 1e-9).all()
    np.testing.assert_allclose(
        geometry.data_dimensionality(h), [shares(v)[i] for i, v in enumerate(h.T)]
    )
    # no invertible map of the hidden space changes them, and they come in batches
    both = np.stack([h, random.normal(size=(m, m)) @ h])
    np.testing.assert_allclose(geometry.leverage_scores(both), [expected] * 2)


def test_nothing_has_no_leverage():
    assert not geometry.leverage_scores(np.zeros((3, 5))).any()
    assert geometry.leverage_scores(np.eye(3)[:, :2]).tolist() == [1, 1]
