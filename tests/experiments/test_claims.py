"""What scripts claim, on models made by hand: where it is true, and where it is false."""

import numpy as np
import pytest
import xarray as xr
from catalogue import changed, load

import toymodels as tm
from toymodels import figure as fig
from toymodels import theory

SPARSITIES = [0.0, 0.8, 0.95]


def polygon(n):
    """W of a regular polygon."""
    angles = 2 * np.pi * np.arange(n) / n
    return np.array([np.cos(angles), np.sin(angles)])


def axes(n, m, dims):
    """W [m, n] that keeps the first `dims` features, a dimension each."""
    W = np.zeros((m, n))
    W[range(dims), range(dims)] = 1
    return W


def models(weights, loss, b=None):
    """A trained ensemble of two restarts that agree: W [sparsity, m, n], loss [sparsity]."""
    W = np.stack([weights, weights], axis=1).astype(float)
    n = np.shape(weights)[-1]
    data = {
        "importance": ("feature", 0.9 ** np.arange(n)),
        "W": (("sparsity", "seed", "hidden", "feature"), W),
        "b": (("sparsity", "seed", "feature"), np.zeros(W[:, :, 0].shape)),
        "loss": (("sparsity", "seed"), np.stack([loss, loss], axis=1)),
    }
    if b is not None:
        data["b"][1][:] = b[:, None]
    return xr.Dataset(data, {"sparsity": SPARSITIES[: len(W)], "seed": [0, 1]})


def judged(experiment, data):
    return [claim.holds for claim in experiment.claims(data)]


def test_intro_2d():
    experiment = load("intro_2d")
    two, pairs = axes(5, 2, 2), np.zeros((2, 5))
    pairs[0, :2], pairs[1, 2:4] = (1, -1), (1, -1)
    true = models([two, pairs, polygon(5)], [0.3, 0.2, 0.1])
    assert judged(experiment, true) == [True] * 6
    # dense models are a short pentagon, and sparse ones keep two
    false = models([0.7 * polygon(5), two, two], [0.3, 0.2, 0.1])
    assert judged(experiment, false) == [False] * 6
    # of sparse models alone, nothing is said about dense ones, nor about a sweep
    alone = true.isel(sparsity=[2])
    assert judged(experiment, alone) == [None, None, None, True, True, None]
    # six features make no pentagon
    six = models([axes(6, 2, 2), axes(6, 2, 2), polygon(6)], [0.3, 0.2, 0.1])
    assert judged(experiment, six) == [True] * 3
    # nor do five of which the last hardly matters
    unequal = true.assign(importance=0.5**true.feature)
    assert judged(experiment, unequal) == [True] * 3
    equal = true.assign(importance=1.0 + 0 * true.feature)
    assert judged(experiment, equal) == [True] * 4


@pytest.fixture
def linear_and_relu():
    """Four features in two dimensions: the linear model, and antipodal pairs where it is sparse."""
    importance = 0.5 ** np.arange(4)
    optimum = theory.linear_optimum_loss(importance, 1 - np.array(SPARSITIES), 2)
    kept, bias = axes(4, 2, 2), np.zeros((3, 4))
    bias[0, 2:] = 0.5
    pairs = np.array([[1, 0, 0, 0], [0, 1, -1, 0]])
    both = np.array([[1, 0, 0, -1], [0, 1, -1, 0]])
    mean = (1 - np.array(SPARSITIES))[:, None] / 2
    linear = models([kept] * 3, optimum, mean * [0, 0, 1, 1]).assign(
        importance=("feature", importance)
    )
    relu = models([kept, pairs, both], optimum * [1, 0.9, 0.8], bias)
    return linear, relu.assign(importance=("feature", importance))


def gathered(linear, relu):
    return tm.gather(
        [linear.assign_coords(n=4, model="linear"), relu.assign_coords(n=4, model="ReLU")]
    )


def test_linear_vs_relu(linear_and_relu):
    experiment, (linear, relu) = load("linear_vs_relu"), linear_and_relu
    # at S = 0.8 the second and third feature share, and only the first, more important, is alone
    assert judged(experiment, gathered(linear, relu)) == [True] * 9
    # the most important two share first, and the third is alone
    first_share = relu.assign(W=relu.W[..., [1, 2, 0, 3]])
    assert judged(experiment, gathered(linear, first_share))[7] is False
    backwards = relu.assign(W=relu.W[::-1].assign_coords(sparsity=relu.sparsity))
    worse = gathered(linear.assign(loss=1.1 * linear.loss, W=0 * linear.W),
                     backwards.assign(loss=2 * relu.loss, b=relu.b + 1))  # fmt: skip
    assert judged(experiment, worse)[:6] == [False] * 6
    sparse = gathered(linear.isel(sparsity=[1, 2]), relu.isel(sparsity=[1, 2]))
    assert judged(experiment, sparse)[2:4] == [None, None]
    assert judged(experiment, sparse)[7:] == [None, None], "nobody saw sharing begin"
    alike = [one.assign(importance=1.0 + 0 * one.importance) for one in (linear, relu)]
    assert len(judged(experiment, gathered(*alike))) == 7, "none is more important"
    dense = [one.isel(sparsity=[0]) for one in (linear, relu)]
    assert judged(experiment, gathered(*dense))[5:] == [None] * 3


def test_phase_diagram_n2_m1():
    experiment = load("phase_diagram_n2_m1")
    cells = 20
    middle = (np.arange(cells) + 0.5) / cells
    p, r = 10.0 ** (-2 * middle), 10.0 ** (2 * middle - 1)
    optimum = theory.optimum_n2_m1(p[:, None], r)
    cell = ("sparsity", "relative_importance")

    def trained(best, other):
        """Two restarts a cell, of these W [cells, cells, 2] and their distance to the optimum."""
        W = np.stack([best, other], axis=2)[..., None, :]
        loss = np.stack([optimum.loss, 1.2 * optimum.loss], axis=-1)
        return xr.Dataset(
            {
                "W": ((*cell, "seed", "hidden", "feature"), W),
                "exact_loss": ((*cell, "seed"), loss),
                "optimum_loss": (cell, optimum.loss),
            },
            {"sparsity": 1 - p, "relative_importance": r, "seed": [0, 1]},
        )

    w = np.asarray(optimum.w)
    true = judged(experiment, trained(w, 0 * w))
    assert true[:2] == [True, True]
    false = judged(experiment, trained(np.ones_like(w) * [1, 0], w))
    assert false[:2] == [False, False]


def test_polytopes():
    experiment = load("polytopes")
    spec = experiment.Spec(points=range(2, 9), restarts=4)
    data = experiment.run(fig.Lab(spec))
    assert judged(experiment, data) == [True] * 6
    # the first corner falls onto the last one
    doubled = tm.gather(
        solution.assign(W=solution.W.isel(feature=[-1, *range(1, solution.W.shape[1])]))
        for solution in tm.select_all(data)
    )
    assert judged(experiment, doubled)[:5] == [False] * 5
    few = experiment.run(fig.Lab(experiment.Spec(points=(9,), restarts=2)))
    assert judged(experiment, few)[1:3] == [None, None]


def test_nonuniform_sparsity():
    experiment = load("nonuniform_sparsity")
    r = np.array([0.001, 0.01, 0.2, 0.3, 1.0, 3.0])
    pairs = np.array([[1.0, -1, 0, 0, 0], [0, 0, 1, -1, 0]])

    def bent(degrees):
        """A pentagon whose fifth feature has its neighbours at this angle."""
        between = (360 - 2 * degrees) / 3
        angles = np.radians(np.cumsum([degrees, between, between, between, degrees]))
        return np.stack([np.cos(angles), np.sin(angles)])

    W = np.stack([pairs, pairs, bent(64), bent(66), bent(72), bent(76)])[:, None]
    data = xr.Dataset(
        {
            "W": (("relative_density", "seed", "hidden", "feature"), W),
            "exact_loss": (("relative_density", "seed"), np.ones((6, 1))),
            "pentagon_loss": ("relative_density", [1.0, 1.0, 1.0, 1.1, 1.5, 2.0]),
            "digons_loss": ("relative_density", [0.5, 0.6, 0.9, 1.2, 3.0, 9.0]),
        },
        {"relative_density": r, "seed": [0]},
    )
    assert judged(experiment, data) == [True] * 7
    turned = data.assign(W=data.W[::-1].assign_coords(relative_density=r))
    assert judged(experiment, turned)[:5] == [False, None, False, False, False]


def in_sets(kind, sets, W, loss):
    """A case of correlated features: W [restart, m, n] at two S, loss over p^2 [restart]."""
    sparsity = np.array([0.9, 0.95])
    n = W.shape[-1]
    return xr.Dataset(
        {
            "W": (("sparsity", "seed", "hidden", "feature"), np.stack([W, W])),
            "expected_loss": (("sparsity", "seed"), np.outer((1 - sparsity) ** 2, loss)),
        },
        {
            "sparsity": sparsity,
            "seed": range(len(W)),
            "set": ("feature", np.repeat(range(sets), n // sets)),
            "kind": kind,
            "n": n,
            "sets": sets,
        },
    )


def test_correlated_features():
    experiment = load("correlated_features")
    square = polygon(4)
    by_pairs = square[:, [0, 2, 1, 3]]  # each pair antipodal
    hexagon, alternating = polygon(6), polygon(6)[:, [0, 2, 4, 1, 3, 5]]
    doubled = polygon(5)[:, [0, 1, 2, 3, 4, 4]]
    true = tm.gather(
        [
            in_sets("correlated", 2, np.stack([square, square]), [0.66, 0.67]),
            in_sets("anticorrelated", 2, np.stack([by_pairs, square]), [0, 1 / 6]),
            in_sets("correlated", 3, np.stack([hexagon, doubled]), [3.6, 3.7]),
        ]
    )
    assert judged(experiment, true) == [True] * 12
    false = tm.gather(
        [
            in_sets("correlated", 2, np.stack([by_pairs, by_pairs]), [1.0, 1.0]),
            in_sets("anticorrelated", 2, np.stack([square, square]), [0.3, 0.3]),
            in_sets("correlated", 3, np.stack([alternating, 0.1 * hexagon]), [1.0, 2.0]),
        ]
    )
    held = judged(experiment, false)
    assert [i for i, holds in enumerate(held) if holds] == [9], "an alternating hexagon is one too"
    # other sizes are drawn, but nothing is said about them
    assert judged(experiment, tm.gather([in_sets("correlated", 1, square[None], [1.0])])) == []


def test_local_bases():
    experiment = load("local_bases")
    basis = np.eye(3)
    turned = np.linalg.qr(np.arange(9.0).reshape(3, 3) + np.eye(3))[0]

    def trained(correlated, independent, sets=2):
        def models(kind, W):
            return xr.Dataset(
                {
                    "W": (("sparsity", "seed", "hidden", "feature"), np.stack([W, W])[:, None]),
                    "loss": (("sparsity", "seed"), np.ones((2, 1))),
                },
                {
                    "sparsity": [0.98, 0.99],
                    "seed": [0],
                    "set": ("feature", np.arange(W.shape[1]) * sets // W.shape[1]),
                    "kind": kind,
                },
            )

        return tm.gather([models("correlated", correlated), models("independent", independent)])

    across = np.hstack([basis, -basis])
    mixed = across[:, [0, 3, 1, 4, 2, 5]]  # two of three antipodal pairs within a set
    assert judged(experiment, trained(across, mixed)) == [True] * 6
    assert judged(experiment, trained(0.5 * mixed, across)) == [False] * 6
    # bases that are turned against each other are local bases, but not antipodal
    assert (
        judged(experiment, trained(np.hstack([basis, turned]), mixed)) == [True] * 4 + [False] * 2
    )
    # sets larger than the space cannot be orthogonal
    assert judged(experiment, trained(np.hstack([across, across]), mixed)) == []


def test_phase_diagram_n3_m2():
    experiment = load("phase_diagram_n3_m2")
    middle = (np.arange(20) + 0.5) / 20
    p, r = 10.0 ** (-2 * middle), 10.0 ** (2 * middle - 1)
    cell = ("sparsity", "relative_importance")

    def trained(phase, factor):
        loss = factor * theory.ansatz_losses_n3_m2(p[:, None], r).min(axis=0)
        W = theory.SOLUTIONS_N3_M2[phase]
        return xr.Dataset(
            {
                "W": ((*cell, "hidden", "feature"), W),
                "exact_loss": ((*cell, "seed"), loss[..., None]),
            },
            {"sparsity": 1 - p, "relative_importance": r, "seed": [0]},
        )

    phase = theory.ansatz_phase_n3_m2(p[:, None], r)
    assert judged(experiment, trained(phase, 1.0)) == [True] * 5
    other = np.where(r > 3, phase, (phase + 2) % 4)
    assert judged(experiment, trained(other, 1.2)) == [False] * 5


def many_features(sizes, W):
    """Trained sizes of many features: n and m of each, and W [inverse_density, m, n]."""
    return tm.gather(
        xr.Dataset(
            {
                "W": (("inverse_density", "seed", "hidden", "feature"), weights[:, None]),
                "loss": (("inverse_density", "seed"), np.ones((len(weights), 1))),
            },
            {"inverse_density": [1.0, 1.25, 2.0, 3.5, 5.0][: len(weights)], "seed": [0]},
        ).assign_coords(n=n, m=m)
        for (n, m), weights in zip(sizes, W, strict=True)
    )


def test_dimensions_per_feature():
    experiment = load("dimensions_per_feature")
    sizes = [(40, 4), (18, 3), (80, 8)]

    def with_shares(*shares):
        """Models with these dimensions per feature, a row for each size."""
        return many_features(
            sizes,
            [
                axes(n, m, m) / np.sqrt(row)[:, None, None]
                for (n, m), row in zip(sizes, np.array(shares), strict=True)
            ],
        )

    usual = [1.0, 1.0, 0.5, 0.5, 0.4]
    assert judged(experiment, with_shares(usual, usual, usual)) == [True] * 7
    unstuck = [0.05, 0.7, 0.8, 0.9, 0.1]
    false = with_shares(unstuck, [0.3, 0.7, 0.8, 0.9, 0.1], [0.1, 0.7, 0.8, 0.9, 0.1])
    assert judged(experiment, false) == [False] * 7
    alone = many_features(sizes[:1], [axes(40, 4, 4)[None]])
    assert judged(experiment, alone) == [True, None, None, None, None]


def test_feature_dimensionality():
    experiment = load("feature_dimensionality")

    def padded(*factors):
        """W [6, 15] of a tegum product, with features that are not learned."""
        W = theory.tegum_product(*factors)
        return np.pad(W, [(0, 6 - W.shape[0]), (0, 15 - W.shape[1])])

    digon, triangle, tetrahedron = (theory.regular_simplex(k) for k in (2, 3, 4))
    turned, height = np.pi / 4 * np.arange(8), 3**-0.5
    rings = (1 - height**2) ** 0.5 * np.stack([np.cos(turned), np.sin(turned)])
    antiprism = np.concatenate([rings, height * (-1.0) ** np.arange(8)[None]])
    true = [
        padded(tetrahedron, triangle, digon),
        padded(*[digon] * 6),
        padded(antiprism, theory.regular_polygon(5), digon),
    ]
    assert judged(experiment, many_features([(15, 6)], [np.stack(true)])) == [True] * 9
    pair = np.array([[0.72, 0.48]]) ** 0.5  # in one direction, with dimensionalities 3/5 and 2/5
    false = [padded(np.ones((1, 12))), padded(*[pair] * 6)]
    assert judged(experiment, many_features([(15, 6)], [np.stack(false)])) == [False] * 9
    nothing = many_features([(15, 6)], [np.full((1, 6, 15), 1e-3)])
    assert judged(experiment, nothing)[1:] == [None] * 6 + [True, None]


def test_correlated_collapse():
    experiment = load("correlated_collapse")
    sparsity, pair = np.array([0.25, 0.5, 0.75, 0.85, 0.95, 0.99]), 0.5**0.5

    def corners(*doubled):
        """A polygon of three pairs of features, of which these are collapsed."""
        turns, weights = polygon(6 - len(doubled)), []
        for i in range(3):
            own, turns = np.split(turns, [1 if i in doubled else 2], axis=1)
            weights.append(pair * np.repeat(own, 2, axis=1) if i in doubled else own)
        return np.concatenate(weights, axis=1)

    def trained(weights, ratio):
        W = np.stack([weights, weights], axis=1)
        loss = np.stack([ratio, ratio], axis=1) * (1 - sparsity)[:, None]
        return xr.Dataset(
            {
                "W": (("sparsity", "seed", "hidden", "feature"), W),
                "loss": (("sparsity", "seed"), loss),
                "pca_loss": ("sparsity", 1 - sparsity),
            },
            {"sparsity": sparsity, "seed": [0, 1], "set": ("feature", [0, 0, 1, 1, 2, 2])},
        )

    stairs = [corners(*range(k)) for k in (3, 3, 2, 2, 1, 0)]
    ratio = np.array([1.0, 0.9, 0.6, 0.4, 0.2, 0.1])
    true = trained(stairs, ratio)
    assert judged(experiment, true) == [True] * 10
    # the staircase upside down, with long collapsed pairs and crooked corners
    crooked = [W @ np.diag([1.5, 1.5, 1, 0.5, 1, 0.5]) for W in stairs[::-1]]
    false = judged(experiment, trained([*crooked[:2], corners(0, 1, 2), *crooked[3:]], 2.5 - ratio))
    assert false == [False] * 4 + [True] + [False] * 5
    # restarts of equal loss disagree at every sparsity
    other = true.copy(deep=True)
    other.W[:, 1] = np.stack(stairs[::-1])
    assert judged(experiment, other)[3:5] == [False, False]
    alone = judged(experiment, true.isel(sparsity=[0]))
    assert alone == [True, None, None, True, True, True, None, None, None, None]


def test_learning_dynamics():
    experiment, records = load("learning_dynamics"), np.arange(101)

    def course(first, second):
        """Two restarts of m = 2: two digons appear along these courses, and the loss falls."""
        D = np.zeros((2, 101, 6))
        D[..., :2], D[..., 2:4] = first[:, None] / 2, second[:, None] / 2
        loss = np.stack([3 - 2 * first - second] * 2)
        return xr.Dataset(
            {
                "W": (("seed", "hidden", "feature"), np.zeros((2, 2, 6))),
                "feature_dimensionality": (("seed", "probed", "feature"), D),
                "probed_loss": (("seed", "probed"), loss),
            },
            {"seed": [0, 1], "probed": 10 * records, "sparsity": 0.55, "window": 40},
        )

    true = course(1.0 * (records > 5), 1.0 * (records > 60))
    assert judged(experiment, true) == [True] * 6
    smooth = course(0.6 * records / 100, 0.6 * records / 100)
    assert judged(experiment, smooth) == [False] * 5 + [True]
    # within wide windows, a jump is no short event
    wide = true.assign_coords(window=200)
    assert judged(experiment, wide)[5] is False
    assert judged(experiment, true.assign_coords(sparsity=0.9)) == [True]


def test_geometric_learning():
    experiment = load("geometric_learning")
    basis, start = np.eye(3), np.ones((3, 1)) / 3**0.5
    second = start * [[1], [1], [-1]]  # another diagonal of the cube, with cosine 1/3

    def model(first, other):
        return np.concatenate(np.broadcast_arrays(first, other + np.zeros((3, 3))), axis=1)

    together, apart = model(start + 0 * basis, start), model(start + 0 * basis, second)
    turned = np.roll(basis, 1, axis=1)
    prism = 2 / 3 - basis  # of another basis, no feature is antipodal to one of the first
    spread, octahedron = model(basis, prism), model(basis, -turned)

    def courses(*models, loss):
        """Restarts, each from one model to the next."""
        W = np.repeat(np.array(models), 4, axis=1)
        return xr.Dataset(
            {
                "W": (("seed", "hidden", "feature"), W[:, -1]),
                "W_history": (("seed", "snapshot", "hidden", "feature"), W),
                "probed_loss": (("seed", "probed"), np.repeat(np.array(loss), 4, axis=1)),
                "pca_loss": ("directions", [1.2, 0.3]),
            },
            {
                "seed": range(len(W)),
                "snapshot": 10 * np.arange(W.shape[1]),
                "set": ("feature", [0, 0, 0, 1, 1, 1]),
                "sparsity": 0.9,
                "sets": 2,
            },
        )

    usual = [apart, apart, spread, octahedron]
    rare = [together, apart, spread, octahedron]
    levels = [[0.3, 0.3, 0.2, 0.1]] * 7 + [[1.2, 0.3, 0.2, 0.1]]
    true = courses(*[usual] * 7, rare, loss=levels)
    assert judged(experiment, true) == [True] * 7
    # always together first, from diagonals to an antipodal pair inside of each set, at other losses
    inside = np.array([[1, -1, 0], [0, 0, 1], [0, 0, 0]])
    crooked = model(start, np.array([[1.0], [0.0], [0.0]]))
    odd = [together, crooked, model(inside, inside), model(inside, inside)]
    false = courses(*[odd] * 8, loss=[[2.0, 0.6, 0.2, 0.1]] * 8)
    assert judged(experiment, false) == [False] * 5 + [True, False]
    skewed = courses(*[[crooked, *odd[1:]]] * 8, loss=levels)
    assert judged(experiment, skewed)[3:] == [None, True, False, False]


def neuron_models(weights, sparsities, loss=1.0, **more):
    """Two restarts that agree: W [sparsity, neuron, feature], and other variables of them."""
    W = np.stack([weights, weights], axis=1).astype(float)
    axes = ("sparsity", "seed")
    data = {
        "W": ((*axes, "hidden", "feature"), W),
        "b": ((*axes, "feature"), np.zeros(W[:, :, 0].shape)),
        "loss": (axes, np.full(W.shape[:2], loss)),
        **{name: (axes, np.full(W.shape[:2], value)) for name, value in more.items()},
    }
    return xr.Dataset(data, {"sparsity": sparsities, "seed": [0, 1]})


def test_privileged_basis():
    experiment, S = load("privileged_basis"), [0.0, 0.5, 0.7]
    alone, spread = axes(4, 2, 2), np.ones((2, 4))
    mixed = np.array([[1.0, 0, 0, 0], [0, 1, -1, 1]])

    def both(linear, relu, linear_rotated, relu_rotated):
        return tm.gather(
            [
                neuron_models(linear, S, rotated_share=linear_rotated).assign_coords(
                    hidden_layer="linear"
                ),
                neuron_models(relu, S, rotated_share=relu_rotated).assign_coords(
                    hidden_layer="ReLU"
                ),
            ]
        )

    true = both([spread] * 3, [mixed, alone, mixed], 0.25, 0.3)
    assert judged(experiment, true) == [True] * 5
    # the other way round, and neurons that rotations leave as they are
    false = both([alone] * 3, [spread] * 3, 0.5, 0.25)
    assert judged(experiment, false) == [False] * 5
    dense = both([spread] * 3, [mixed, alone, mixed], 0.25, 0.3).map_over_datasets(
        lambda models: models.isel(sparsity=slice(1)) if models.sizes else models
    )
    assert judged(experiment, dense) == [True, None, None, True, None]


def test_hidden_relu_sparsity():
    experiment, S = load("hidden_relu_sparsity"), [0.0, 0.5, 0.7, 0.8, 0.95]
    alone, spread = axes(4, 2, 2), np.ones((2, 4))
    mixed, pairs = (
        np.array([[1.0, 0, 0, 0], [0, 1, -1, 1]]),
        np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]]),
    )
    true = neuron_models([spread, alone, mixed, mixed, pairs], S)
    true.W[3, 0], true.W[4, 0] = mixed, pairs[:, [0, 2, 1, 3]]
    true.W[2:4, 1] = alone[:, ::-1]
    true.loss[2:4, 1] += 1
    true.W[3, 1] = mixed
    # means of polysemantic neurons 0, 0.5, 1, 2; one configuration up to S = 0.8, two at 0.95
    assert judged(experiment, true) == [True] * 7
    false = neuron_models([alone, spread, alone, spread, alone], S)
    false.W[1, 0] = mixed
    false.W[3, 0] = mixed
    assert judged(experiment, false) == [False] * 7
    one = true.isel(sparsity=[0])
    assert judged(experiment, one) == [None] * 7


def computing_models(W_in, W_out, loss, sparsities=(0.0, 0.9)):
    """Two restarts that agree, the same for each S: y = relu(W_out relu(W_in x))."""
    m, n = np.shape(W_in)
    shape, axes = (len(sparsities), 2), ("sparsity", "seed")
    data = {
        "importance": ("feature", 0.7 ** np.arange(n)),
        "W_in": ((*axes, "hidden", "feature"), np.broadcast_to(W_in, (*shape, m, n))),
        "W_out": ((*axes, "feature", "hidden"), np.broadcast_to(W_out, (*shape, n, m))),
        "b": ((*axes, "feature"), np.zeros((*shape, n))),
        "loss": (axes, np.broadcast_to(np.reshape(loss, (-1, 1)), shape)),
    }
    labels = {"sparsity": list(sparsities), "seed": [0, 1], "m": m}
    return xr.Dataset(data, labels).copy(deep=True)


def test_absolute_value():
    experiment = load("absolute_value")
    both = np.stack([np.eye(3), -np.eye(3)], axis=1).reshape(6, 3)
    importance, p = 0.7 ** np.arange(3), np.array([1.0, 0.1])

    def sizes(ratios, W_in, gain, loss, out=1):
        fewer = [
            computing_models(
                W_in[:m] if m != 4 else gain * np.concatenate([np.ones((2, 3)), -np.ones((2, 3))]),
                abs(W_in[:m]).T if m != 4 else np.ones((3, 4)),
                ratio * theory.absolute_value_bound(importance, p, m),
            )
            for m, ratio in ratios.items()
        ]
        return tm.gather([*fewer, computing_models(3 * W_in, out * abs(W_in).T / 3, loss)])

    assert judged(experiment, sizes({2: 1, 3: 0.8, 4: 1}, both, 0.5, 1e-8)) == [True] * 8
    # every neuron has two features, and the positive half twice
    mixed = both[[0, 0, 2, 2, 4, 4]] + np.roll(both, 1, axis=1) / 2
    false = sizes({2: 0.8, 3: 1, 4: 1.2}, mixed, 0.1, 1e-2, out=0.5)
    assert judged(experiment, false) == [False] * 8
    # of sparse models alone nothing is said about dense ones
    sparse = sizes({2: 1, 3: 0.8, 4: 1}, both, 0.5, 1e-8).map_over_datasets(
        lambda models: models.sel(sparsity=[0.9]) if models.sizes else models
    )
    assert judged(experiment, sparse) == [None] * 7 + [True]


def test_computation_sparsity():
    experiment = load("computation_sparsity")
    sparsities = (0.0, 0.7, 0.9, 0.97, 0.997, 0.999)
    signs = np.repeat(np.eye(4), 2, axis=0) * np.tile([1.0, -1.0], 4)[:, None]  # of 4 features

    def models(pure, ratios, second, gain=1.0, last=True):
        """8 neurons of 12 features; all but `pure` of each S, the last or the first, have two."""
        each = []
        for S, count, ratio in zip(sparsities, pure, ratios, strict=True):
            W = np.zeros((8, 12))
            W[:, :4] = signs
            for k in range(8)[:: -1 if last else 1][: 8 - count]:
                W[k, 4 + k] = second * W[k].sum()
            data = computing_models(W, gain * abs(W).T, 0.0, (S,))
            bound = theory.absolute_value_bound(data.importance.values, 1 - S, 8)
            each.append(data.assign(loss=data.loss + ratio * bound.item()))
        return xr.concat(each, "sparsity", data_vars="minimal")

    true = models([8, 8, 6, 4, 0, 0], [1.0, 1, 1, 1, 0.9, 0.5], 0.6)
    # both halves of more features than four
    wide = np.concatenate([np.ones((4, 12)), -np.ones((4, 12))])
    true.W_in[{"sparsity": slice(4, None)}] = wide
    true.W_out[{"sparsity": slice(4, None)}] = np.full((12, 8), 0.25)
    assert judged(experiment, true) == [True] * 9
    false = models([3, 3, 5, 6, 7, 8], [1.5, 1, 1, 1, 1.1, 1.2], 0.9, 0.3, last=False)
    assert judged(experiment, false) == [False] * 9
    only = true.sel(sparsity=[0.7])
    assert judged(experiment, only) == [None] * 9


def test_asymmetric_motif():
    experiment = load("asymmetric_motif")
    W_in = np.array([[0, 1.0, 0], [2, 0, -0.5], [-1, 0, 0], [1, 0, 0], [0, 0, 1]])
    W_out = np.array([[0, 0.5, 1, 0, 0], [1.0, 0, 0, 0, 0], [0, 2, 0, -4, 1]])
    one_each = np.concatenate([np.eye(3), -np.eye(3)[:2]])

    def planted(sparsities, inhibition=-4.0):
        outputs = W_out.copy()
        outputs[2, 3] = inhibition
        return computing_models(W_in, outputs, 0.1, sparsities)

    def without(sparsities):
        return computing_models(one_each, abs(one_each).T, 0.2, sparsities)

    dense, sparse = (0.0, 0.5, 0.7), (0.9, 0.95, 0.97)
    true = xr.concat([without(dense), planted(sparse)], "sparsity", data_vars="minimal")
    assert judged(experiment, true) == [True] * 4
    # one of four sparse models has it, with an inhibitor that hardly inhibits; all dense ones do
    few = planted(sparse, -0.6), without(sparse), without(sparse)
    parts = few[0].isel(seed=[0]), few[1], few[2].isel(seed=[0])
    few = xr.concat(parts, "seed", data_vars="minimal").assign_coords(seed=range(4))
    many = xr.concat([planted(dense)] * 2, "seed", data_vars="minimal").assign_coords(seed=range(4))
    false = xr.concat([many, few], "sparsity", data_vars="minimal")
    assert judged(experiment, false) == [False] * 4
    only = true.sel(sparsity=[0.7])
    assert judged(experiment, only) == [None] * 4


def memorisers(scale, bump):
    """Models of 5, 30 and 100 datapoints for two epsilons: the exact pentagon, and norms."""
    sizes = []
    for T in (5, 30, 100):
        exact = theory.memoriser_norms(5).weight_norm if T == 5 else 10.0
        W = exact * np.ones((1, 2, 1, 1, 1, 1)) * np.reshape(scale[T], (1, 2, 1, 1, 1, 1))
        axes = ("dataset", "adam_epsilon", "weight_decay", "seed")
        loss = np.reshape(bump, (1, 2, 1, 1)) if T > 5 else np.ones((1, 2, 1, 1))
        data = {
            "W": ((*axes, "hidden", "feature"), W),
            "b": ((*axes, "feature"), W[..., 0]),
            "test_loss": (axes, loss),
            "train_loss": (axes, 0 * loss),
        }
        labels = {"adam_epsilon": [1e-8, 1e-4], "weight_decay": [0.1], "seed": [0]}
        sizes.append(xr.Dataset(data, {**labels, "dataset": [0], "dataset_size": T}))
    return tm.gather(sizes)


def test_adam_epsilon():
    experiment = load("adam_epsilon")
    growing = {5: [1.0, 1.0], 30: [2.0, 1.0], 100: [2.0, 1.0]}
    assert judged(experiment, memorisers(growing, [2.0, 1.1])) == [True] * 4
    still = {5: [1.5, 1.0], 30: [1.0, 1.0], 100: [1.0, 1.0]}
    assert judged(experiment, memorisers(still, [1.1, 2.0])) == [False] * 4


@pytest.mark.parametrize(("loss", "chosen"), [([0, 5e-4, 9e-4, 0.1], 2), ([0.3, 0.2, 0.2001], 1)])
def test_the_smallest_of_the_models_that_memorise_is_shown(loss, chosen):
    """Where the training loss is zero to 1e-3 the smallest norm decides, else the loss."""
    from experiments.memorization._models import best_of_equals

    W = np.array([5.0, 3.0, 2.0, 1.0][: len(loss)]).reshape(-1, 1, 1)
    data = {"W": (("seed", "hidden", "feature"), W), "train_loss": ("seed", loss)}
    assert best_of_equals(xr.Dataset(data).assign_coords(seed=range(len(loss)))).seed == chosen


def test_few_datapoints_share_no_feature():
    from experiments.memorization._runs import SMOKE, draw_datasets

    spec = changed(SMOKE, n=1000, sparsity=0.99, disjoint=8)
    points = draw_datasets(fig.Lab(spec), 3, 8)
    for features, values in zip(points.feature, points.value, strict=True):
        active = [set(f[v > 0]) for f, v in zip(features, values, strict=True)]
        assert sum(map(len, active)) == len(set.union(*active))
        assert min(map(len, active)) > 0
    with pytest.raises(ValueError, match="no 8 datapoints without common features"):
        draw_datasets(fig.Lab(changed(SMOKE, disjoint=8)), 3, 8)


def test_skip_trigrams():
    experiment = load("skip_trigrams")

    def models(trigrams, heads, several, loss=0.0, rises=(20.0, 0.0), gates=False, **dims):
        """Two restarts, in which the second head carries this share of the trigrams as well."""
        without = np.full((2, heads, trigrams), 0.01)
        without[:, 0], without[:, 1:, : round(several * trigrams)] = 1, 1
        change = np.resize(rises, heads)[:, None]
        heads_by = ("seed", "head", "destination")
        data = xr.Dataset(
            {
                "W_O": (("seed", "head", "logit", "head_dim"), np.zeros((2, heads, 1, 1))),
                "loss": ("seed", [loss, loss]),
                "without": (heads_by, without),
                "change": (heads_by, np.broadcast_to(change, without.shape)),
            },
            {"seed": [0, 1], "trigrams": trigrams, "heads": heads, "gates": gates},
        )
        return data.assign_coords(frequency=0.5) if not dims else data.expand_dims(dims)

    frequencies = {"frequency": [0.1, 0.5]}

    def judge(one, main, few, many, three, gated, **rises):
        data = [
            models(4, 2, main, few, **rises, **frequencies),
            models(4, 1, 0, one),
            models(4, 3, three),
            models(2, 2, 0),
            models(6, 2, many),
            models(3, 2, 0.7),
            models(3, 4, 0),
            models(3, 4, gated, gates=True),
        ]
        return judged(experiment, tm.gather(data))

    assert judge(0.2, 0.75, 0.0, 1.0, 0.25, 0.0) == [True] * 9
    # the heads share trigrams the other way round, and nothing is predicted
    assert judge(0.05, 0.75, 0.2, 0.5, 1.0, 1.0, rises=(9.0, 9.0)) == [False] * 9


def test_ov_coherent():
    experiment = load("ov_coherent")
    scores = {1: [[1, 1, 1]], 2: [[3, 2, 1], [1, 2, 3]], 3: [[3, 2, 1], [1, 2, 3], [1, 3, 2]]}
    repeated = np.array([2.0, 1, 1, 2, 1, 2])  # the pairs 11, 12, 13, 22, 23, 33

    def models(heads, loss, right, score, excess, **dims):
        data = {
            "loss": ("seed", [loss, loss]),
            "right": ("seed", [right, 1.0]),
            "score": (("seed", "head", "signal"), np.array([score, score])),
            "excess": (("seed", "pair"), np.array([excess, excess])),
        }
        data = xr.Dataset(data).assign_coords(signals=3, heads=heads, by_hand=False)
        return data.expand_dims(dims) if dims else data.assign_coords(weight_decay=0.1)

    def judge(losses, right, scores, excess, by_hand):
        trained = [
            models(heads, loss, right, scores[heads], excess, weight_decay=[0.0, 0.1])
            for heads, loss in zip((1, 2, 3), losses, strict=True)
        ]
        fewer = [one.isel(weight_decay=1).assign_coords(signals=2) for one in trained]
        constructed = [
            xr.Dataset({"loss": ("scale", loss)}, {"scale": [5, 40]}).assign_coords(
                signals=signals, heads=heads, by_hand=True
            )
            for signals in (3, 2)
            for heads, loss in by_hand.items()
        ]
        return judged(experiment, tm.gather([*trained, *fewer, *constructed]))

    good = {1: [1e-2, 1e-8], 2: [1e-4, 1e-12]}
    assert judge((1e-2, 1e-3, 8e-4), 1.0, scores, repeated, good) == [True] * 8
    # the heads are alike, a second one does not help, and pairs of different signals lose more
    alike = {heads: [score[0]] * heads for heads, score in scores.items()}
    bad = {1: [1e-2, 1e-3], 2: [1e-1, 1e-1]}
    assert judge((1e-2, 1e-2, 1e-3), 0.9, alike, 1 / repeated, bad) == [False] * 8


def test_heads_or_dimensions():
    experiment = load("heads_or_dimensions")

    def judge(trigrams, pairs):
        """Losses [heads 1 and 2, dimensions 1, 2 and 4] of both tasks."""
        models = [
            xr.Dataset({"loss": ("seed", [loss, loss])}).assign_coords(
                coherent=coherent, heads=heads, dimensions=dimensions
            )
            for coherent, table in ((False, trigrams), (True, pairs))
            for heads, row in zip((1, 2), table, strict=True)
            for dimensions, loss in zip((1, 2, 4), row, strict=True)
        ]
        return judged(experiment, tm.gather(models))

    lacks_heads = [[0.5, 0.3, 0.2], [5e-4, 1e-4, 1e-5]]
    lacks_dimensions = [[1.0, 8e-3, 8e-4], [4e-3, 2e-4, 1e-4]]
    assert judge(lacks_heads, lacks_dimensions) == [True] * 6
    # the tasks are exchanged, trigrams lack dimensions and pairs lack heads
    wrong = [[1.0, 8e-3, 8e-4], [1e-1, 2e-4, 1e-4]]
    assert judge(wrong, [[0.05, 0.3, 0.2], [1e-4, 1e-4, 1e-5]]) == [False] * 6


def test_two_head_construction():
    experiment = load("two_head_construction")

    def models(K, by_hand, loss, together, along, **more):
        """Models in which the second head attends to the source of this share of the trigrams."""
        attended = np.zeros((len(loss), 2, 2, K, K + 2))
        attended[:, 0, 1, :, 0] = 0.5
        attended[:, 1, 1, : round(together * K), 0] = 1
        measured = (along, "head", "source_there", "destination", "source")
        data = {"loss": (along, loss), "attended": (measured, attended), **more}
        return xr.Dataset(data).assign_coords(trigrams=K, by_hand=by_hand)

    def judge(last, ratio, trained, together):
        hard = np.array([0.1, 1e-3, last])
        scale = {"scale": [5, 10, 20], "hard": ("scale", hard)}
        by_hand = [models(K, True, ratio * hard, 1.0, "scale", **scale) for K in (2, 4, 8)]
        cases = zip((2, 4, 8), trained, strict=True)
        learned = [models(K, False, [loss, loss], together, "seed") for K, loss in cases]
        return judged(experiment, tm.gather([*by_hand, *learned]))

    assert judge(1e-8, 1.01, (1e-5, 1e-4, 1e-3), 0.5) == [True] * 5
    # the weights are no solution, and trained models are copies of them that fail
    assert judge(1e-3, 1.2, (1e-1, 1e-4, 1e-3), 1.0) == [False] * 5
