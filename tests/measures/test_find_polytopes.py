"""Names of polytopes: exact, scaled, rotated, permuted and noisy ones, and what is none."""

from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import ortho_group

from toymodels import theory
from toymodels.measures import geometry, polytopes

RING = np.sqrt(2 / 3) * np.stack(
    [np.cos(np.pi / 4 * np.arange(8)), np.sin(np.pi / 4 * np.arange(8))]
)
ANTIPRISM = np.concatenate([RING, (-1.0) ** np.arange(8)[None] / np.sqrt(3)])
SOLIDS = {
    "digon": theory.regular_simplex(2),
    "triangle": theory.regular_polygon(3),
    "tetrahedron": theory.regular_simplex(4),
    "pentagon": theory.regular_polygon(5),
    "hexagon": theory.regular_polygon(6),
    "7-gon": theory.regular_polygon(7),
    "4-simplex": theory.regular_simplex(5),
    "square antiprism": ANTIPRISM,
}


def names(W, **options):
    return [part.name for part in polytopes.find_polytopes(W, **options)]


def turned(W, rng, dims=6):
    """The same polytope in more dimensions, rotated, its corners in another order."""
    inside = np.zeros((dims, W.shape[1]))
    inside[: len(W)] = W
    return ortho_group.rvs(dims, random_state=rng) @ inside[:, rng.permutation(W.shape[1])]


@pytest.mark.parametrize("name", SOLIDS)
def test_a_polytope_is_named_however_it_is_turned_scaled_and_ordered(name):
    rng = np.random.default_rng(0)
    (part,) = polytopes.find_polytopes(0.8 * turned(SOLIDS[name], rng))
    assert part.name == name
    assert part.distance < 1e-6
    assert part.features == tuple(range(SOLIDS[name].shape[1]))


@pytest.mark.parametrize("name", SOLIDS)
def test_noise_leaves_the_name_and_is_in_the_distance(name):
    rng = np.random.default_rng(1)
    W = turned(SOLIDS[name], rng)
    (part,) = polytopes.find_polytopes(W + 0.02 * rng.normal(size=W.shape))
    assert part.name == name
    assert 0.001 < part.distance < 0.15


def test_the_antiprism_has_dimensionality_three_eighths():
    np.testing.assert_allclose(geometry.dimensionality(ANTIPRISM), 3 / 8)


def test_factors_of_a_tegum_product_are_named_apart():
    factors = [SOLIDS[name] for name in ("triangle", "digon", "pentagon")]
    found = polytopes.find_polytopes(
        turned(theory.tegum_product(*factors), np.random.default_rng(2))
    )
    assert sorted(part.name for part in found) == ["digon", "pentagon", "triangle"]
    octahedron = np.concatenate([np.eye(3), -np.eye(3)], axis=1)
    assert names(octahedron) == ["digon"] * 3


def test_what_is_no_polytope_is_other():
    cone = np.array([[1.0, 1.0, 1.0], [0.0, 0.3, -0.3]])
    assert names(cone) == ["other"]
    crowd = np.random.default_rng(3).normal(size=(4, 30))
    assert names(crowd / np.linalg.norm(crowd, axis=0)) == ["other"]
    # a 9-gon is named, a random set of nine is not
    assert names(theory.regular_polygon(9)) == ["9-gon"]
    nine = np.random.default_rng(4).normal(size=(3, 9))
    assert names(nine / np.linalg.norm(nine, axis=0)) == ["other"]


def test_features_that_are_not_represented_belong_to_nothing():
    W = np.concatenate([SOLIDS["digon"], [[0.1]]], axis=1)
    assert names(W) == ["digon"]
    assert names(0 * W) == []
    assert names(np.eye(2)) == ["single", "single"]


def test_names_of_dimensions_count():
    W = xr.DataArray(SOLIDS["pentagon"].T, dims=("feature", "hidden"))
    assert names(W) == ["pentagon"]


def test_the_distance_of_gram_matrices_is_least_over_all_orders():
    rng = np.random.default_rng(5)
    a, b = (x.T @ x for x in rng.normal(size=(2, 3, 5)))
    scaled_a, scaled_b = (g * 5 / np.trace(g) for g in (a, b))
    brute = min(
        np.linalg.norm(scaled_a[np.ix_(order, order)] - scaled_b)
        for order in permutations(range(5))
    )
    found = polytopes.gram_distance(a, b)
    np.testing.assert_allclose(found, brute / np.linalg.norm(scaled_b))
    assert polytopes.gram_distance(a, b, most=0.9 * found) == np.inf
