"""Weights of neurons: known neurons, and invariance."""

import numpy as np
import pytest
import xarray as xr

from toymodels import neurons

NEURONS = np.array(
    [
        [0.0, 0.0, -2.0, 0.0],  # one feature
        [0.5, 0.5, 0.0, 0.0],  # two, alike
        [0.1, 1.0, 0.4, 0.5],
        [0.0, 0.0, 0.0, 0.0],
        [0.9, 0.1, 0.0, 0.0],
    ]
)


def test_the_largest_share_is_one_for_one_feature_and_the_inverse_of_equal_ones():
    shares = neurons.largest_share(NEURONS)
    np.testing.assert_allclose(shares, [1, 0.5, 0.5, np.nan, 0.9])
    for k in (1, 3, 7):
        assert neurons.largest_share(-np.ones((1, k))).item() == pytest.approx(1 / k)


def test_features_are_counted_from_a_share_of_the_largest_weight():
    assert neurons.feature_count(NEURONS).tolist() == [1, 2, 3, 0, 1]
    assert neurons.feature_count(NEURONS, least=0.05).tolist() == [1, 2, 4, 0, 2]


@pytest.mark.parametrize("measure", [neurons.largest_share, neurons.feature_count])
def test_a_factor_or_sign_of_a_neuron_changes_nothing(measure):
    scaled = NEURONS * np.array([3.0, -0.1, 10, 1, -1])[:, None]
    np.testing.assert_allclose(measure(scaled), measure(NEURONS))


def test_neurons_are_ordered_by_their_main_feature_and_then_by_purity():
    alive = NEURONS[[0, 1, 2, 4]]
    assert neurons.by_main_feature(alive).tolist() == [3, 1, 2, 0]
    assert neurons.by_main_feature(np.stack([alive, alive[::-1]])).tolist() == [
        [3, 1, 2, 0],
        [0, 2, 1, 3],
    ]


def test_names_of_dimensions_are_kept():
    W = xr.DataArray(NEURONS.T, dims=("feature", "hidden"), coords={"hidden": list("abcde")})
    for name in neurons.__all__:
        found = getattr(neurons, name)(W)
        assert found.dims == ("hidden",)
        assert found.hidden.values.tolist() == list("abcde")
        np.testing.assert_array_equal(found, getattr(neurons, name)(NEURONS))
