"""The asymmetric superposition motif: planted, and taken apart."""

import numpy as np
import pytest
import xarray as xr

from toymodels import circuits, motifs

# neuron 1 serves x_0 > 0 and x_2 < 0; neuron 3 inhibits the output 2 when x_0 > 0
W_IN = np.array([[0, 1.0, 0], [2, 0, -0.5], [-1, 0, 0], [1, 0, 0], [0, 0, 1]])
W_OUT = np.array([[0, 0.5, 1, 0, 0], [1.0, 0, 0, 0, 0], [0, 2, 0, -4, 1]])
PLANTED = motifs.AsymmetricMotif(neuron=1, a=0, b=2, inhibitor=3, inhibition=-4.0)


def find(changes=(), of=(W_IN, W_OUT)):
    W_in, W_out = (np.array(weights) for weights in of)
    for layer, place, value in changes:
        (W_in if layer == "in" else W_out)[place] = value
    return motifs.find_asymmetric_motifs(W_in, W_out)


def test_a_planted_motif_is_found_with_its_parts():
    assert find() == [PLANTED]


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_the_scale_of_neurons_changes_nothing(scale):
    scales = np.array([1, scale, 1, 1 / scale, 3])
    (found,) = find(of=(scales[:, None] * W_IN, W_OUT / scales))
    assert found[:4] == PLANTED[:4]
    assert found.inhibition == pytest.approx(-4)


def test_the_order_of_neurons_and_features_and_signs_of_inputs_change_only_the_indices():
    neurons, features = [3, 0, 4, 1, 2], [2, 0, 1]
    (found,) = find(of=(-W_IN[neurons][:, features], W_OUT[features][:, neurons]))
    assert found == motifs.AsymmetricMotif(neuron=3, a=1, b=0, inhibitor=0, inhibition=-4.0)


@pytest.mark.parametrize(
    "change",
    [
        ("out", (2, 3), 0.0),  # no inhibitor
        ("out", (2, 3), -0.4),  # a weak one
        ("in", 3, [-1.0, 0, 0]),  # active with the other half of x_0
        ("in", 3, [0.3, 1.0, 0]),  # mostly active with another feature
        ("in", (1, 2), -1.5),  # input weights nearly equal
        ("out", (0, 1), 1.5),  # output weights nearly equal
        ("out", (0, 1), 0.1),  # x_0 is hardly served
        ("out", (2, 1), -2.0),  # x_2 is inhibited, not served
    ],
)
def test_a_motif_without_one_of_its_parts_is_none(change):
    assert find([change]) == []


def test_monosemantic_neurons_and_symmetric_ones_have_none():
    both = np.stack([np.eye(3), -np.eye(3)], axis=1).reshape(6, 3)
    assert find(of=(both, abs(both).T)) == []
    pair = both + np.roll(both, 1, axis=1)
    assert find(of=(pair, abs(pair).T - 0.7)) == []


def test_the_strongest_inhibition_is_first_and_each_pair_has_its_strongest_inhibitor():
    twice = np.zeros((10, 6)), np.zeros((6, 10))
    for start, scale in ((0, 0.5), (1, 1.0)):
        twice[0][5 * start : 5 * start + 5, 3 * start : 3 * start + 3] = W_IN
        twice[1][3 * start : 3 * start + 3, 5 * start : 5 * start + 5] = W_OUT
        twice[1][3 * start + 2, 5 * start + 3] *= scale
    second = motifs.AsymmetricMotif(neuron=6, a=3, b=5, inhibitor=8, inhibition=-4.0)
    assert find(of=twice) == [second, PLANTED._replace(inhibition=-2.0)]
    # the first neuron's input weight of x_0, and its output to 2, make it a weaker inhibitor
    weaker = [("in", (0, 0), 1.0), ("out", (2, 0), -1.0)]
    assert find(weaker) == [PLANTED]


def test_the_inhibitor_removes_the_interference_where_a_alone_is_active():
    none, low = np.zeros(3), np.array([0, 0, -1.0])
    assert motifs.interference(W_IN, W_OUT, none, PLANTED) == (0, 2 * 2)
    assert motifs.interference(W_IN, W_OUT, low, PLANTED) == (0, 2 * 2 - 1)
    half = W_OUT * np.where(np.arange(5) == 3, 0.5, 1)  # half the inhibition
    assert motifs.interference(W_IN, half, low, PLANTED) == (2 - 1, 4 - 1)
    # of the other half of x_0, with x_0 = -1
    assert motifs.interference(-W_IN, W_OUT, none, PLANTED) == (0, 4)


def test_without_inhibition_only_the_output_b_changes():
    x = np.random.default_rng(0).uniform(-1, 1, size=(3, 100))
    free = motifs.without_inhibition(W_OUT, PLANTED)
    rise = circuits.outputs(W_IN, free, np.zeros(3), x) - circuits.outputs(W_IN, W_OUT, [0] * 3, x)
    assert (rise[[0, 1]] == 0).all()
    assert rise[2].max() > 0
    assert rise[2].min() == 0
    assert W_OUT[2, 3] == -4, "the weights that were given stay"


def test_dimensions_are_matched_by_name():
    W_in = xr.DataArray(W_IN, dims=("hidden", "feature"))
    W_out = xr.DataArray(W_OUT, dims=("feature", "hidden"))
    for first in (W_in, W_in.T):
        for second in (W_out, W_out.T):
            assert motifs.find_asymmetric_motifs(first, second) == [PLANTED]
            assert motifs.interference(first, second, np.zeros(3), PLANTED) == (0, 4)


@pytest.mark.parametrize("shape", [(3, 4), (5, 3), (3,)])
def test_shapes_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match=r"W_in and W_out must be \[m, n\] and \[n, m\]"):
        motifs.find_asymmetric_motifs(W_IN.tolist(), np.zeros(shape).tolist())
