"""Wiring diagrams, read back from the artists."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from toymodels import plotting

W_IN = np.array([[1.0, 0.0], [-0.5, 0.0], [0.01, 2.0]])
W_OUT = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, -0.4]])


@pytest.fixture
def ax():
    return plotting.figure(4, 3).subplots()


def drawn(ax, **options):
    names = ["a", "b"]
    colors = plotting.feature_colors(2)
    return plotting.neuron_wiring(ax, W_IN, W_OUT, colors, names, names, **options)


def test_lines_join_what_the_weights_join_and_are_as_wide(ax):
    first, second = drawn(ax)
    assert len(first.get_segments()) == 3 and len(second.get_segments()) == 3, "no line for 0.01"
    np.testing.assert_allclose(np.array(first.get_linewidths()) / 1.5, [1, 0.5, 2])
    np.testing.assert_allclose(np.array(second.get_linewidths()) / 3, [1, 1, 0.4])
    inputs = [segment[0][1] for segment in first.get_segments()]
    assert inputs[0] == inputs[1] < inputs[2], "two lines leave the first input, at the top"
    ends = [segment[1][1] for segment in second.get_segments()]
    assert ends[0] == ends[1] == inputs[0] and ends[2] == inputs[2]


def test_signs_are_blue_and_red(ax):
    first, _ = drawn(ax)
    red, _, blue = first.get_colors()[:, :3].T
    assert (red > blue).tolist() == [False, True, False]
    assert to_rgb("white") not in {tuple(color) for color in first.get_colors()[:, :3]}


def test_large_weights_have_numbers(ax):
    drawn(ax, numbers=0.5)
    texts = [text.get_text() for text in ax.texts]
    assert [text for text in texts if text[-1].isdigit()] == ["1", "-0.5", "2", "1", "1"]
    assert texts.count("a") == texts.count("b") == 2


def test_no_weights_are_no_lines(ax):
    first, second = plotting.neuron_wiring(
        ax, 0 * W_IN, 0 * W_OUT, plotting.feature_colors(2), ["a", "b"], ["a", "b"]
    )
    assert not first.get_segments() and not second.get_segments()
