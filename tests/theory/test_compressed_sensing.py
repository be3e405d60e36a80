"""The bound of compressed sensing."""

import numpy as np

from toymodels import theory


def test_dimensions_that_the_active_features_need():
    # -n (1 - S) log(1 - S) dimensions for n features
    S = np.array([0.0, 0.5, 0.9])
    expected = -(1 - S) * np.log(1 - S)
    np.testing.assert_allclose(theory.compressed_sensing_bound(1 - S), expected)


def test_features_that_are_never_or_always_active_need_none():
    np.testing.assert_array_equal(theory.compressed_sensing_bound([0.0, 1.0]), 0)


def test_the_bound_is_largest_at_one_in_e():
    p = np.linspace(0.01, 1, 100)
    assert abs(p[theory.compressed_sensing_bound(p).argmax()] - np.exp(-1)) < 0.01
