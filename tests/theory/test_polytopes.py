"""Dimensionalities in regular polytopes against those of their corners."""

import numpy as np
import pytest
from theory_problems import polygon

from toymodels import theory
from toymodels.measures import geometry


@pytest.mark.parametrize("k", [3, 4, 5, 8, 30])
def test_polygon_dimensionality(k):
    D = geometry.dimensionality(polygon(k))
    np.testing.assert_allclose(D, theory.polygon_dimensionality(k))


@pytest.mark.parametrize("k", [2, 3, 4, 6])
def test_simplex_dimensionality(k):
    # columns of a centring matrix: a simplex in the k - 1 dimensions orthogonal to 1_k
    D = geometry.dimensionality(np.eye(k) - 1 / k)
    np.testing.assert_allclose(D, theory.simplex_dimensionality(k))


def test_known_dimensionalities_need_enough_corners():
    with pytest.raises(ValueError, match="at least 3 corners"):
        theory.polygon_dimensionality(2)
    with pytest.raises(ValueError, match="at least 2 corners"):
        theory.simplex_dimensionality(1)
