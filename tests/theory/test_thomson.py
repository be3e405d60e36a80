"""Thomson solutions against tabulated energies and known symmetries."""

import numpy as np
import pytest

from toymodels import geometry, theory

# https://en.wikipedia.org/wiki/Thomson_problem, to six digits
ENERGIES = {2: 0.5, 3: 1.732051, 4: 3.674235, 5: 6.474691, 6: 9.985281, 7: 14.452977}
ENERGIES |= {8: 19.675288, 9: 25.759987, 10: 32.716949}


@pytest.mark.parametrize("k", ENERGIES)
def test_energies_in_space_are_the_tabulated_ones(k):
    points = theory.thomson_points(k, 3)
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), 1)
    np.testing.assert_allclose(theory.thomson_energy(points), ENERGIES[k], atol=1e-5)


@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_in_the_plane_they_are_regular_polygons(k):
    gaps = geometry.angular_gaps(theory.thomson_points(k, 2))
    np.testing.assert_allclose(gaps, 360 / k, atol=0.01)


def test_too_few_points_or_dimensions_are_refused():
    for k, m in ((1, 3), (4, 1)):
        with pytest.raises(ValueError, match="must be a whole number"):
            theory.thomson_points(k, m)


@pytest.mark.parametrize("k", [2, 3, 4, 6])
def test_a_simplex_is_the_projection_orthogonal_to_ones(k):
    W = theory.regular_simplex(k)
    np.testing.assert_allclose(W.T @ W, (np.eye(k) - 1 / k) * k / (k - 1), atol=1e-12)
    np.testing.assert_allclose(geometry.dimensionality(W), theory.simplex_dimensionality(k))


def test_a_tegum_product_keeps_dimensionalities():
    W = theory.tegum_product(theory.regular_polygon(5), theory.regular_simplex(2))
    np.testing.assert_allclose(geometry.dimensionality(W), [2 / 5] * 5 + [1 / 2] * 2)
