"""Stack plots of neurons, read back from the artists."""

import numpy as np
import pytest

from toymodels import plotting

W = np.array([[1.0, -0.5, 0.25], [0.0, 2.0, 1.0]])
COLORS = plotting.feature_colors(3)


@pytest.fixture
def ax():
    return plotting.figure(3, 3).subplots()


def spans(blocks):
    """Column, bottom, top and colour of each block."""
    for path, color in zip(blocks.get_paths(), blocks.get_facecolors(), strict=True):
        (left, bottom), (right, top) = path.vertices.min(axis=0), path.vertices.max(axis=0)
        yield round((left + right) / 2), bottom, top, color[:3]


def test_blocks_are_as_high_as_weights_and_negative_ones_hang(ax):
    found = list(spans(plotting.stack_plot(ax, W, COLORS, (-1, 4))))
    expected = [(0, 0, 1, 0), (0, -0.5, 0, 1), (0, 1, 1.25, 2), (1, 0, 2, 1), (1, 2, 3, 2)]
    assert len(found) == len(expected), "no block for a weight of zero"
    for (column, bottom, top, color), (k, low, high, feature) in zip(found, expected, strict=True):
        assert column == k
        np.testing.assert_allclose([bottom, top], [low, high])
        np.testing.assert_allclose(color, COLORS[feature])


def test_only_tall_blocks_have_names(ax):
    plotting.stack_plot(ax, W, COLORS, (-1, 4), ["a", "b", "c"])
    assert [text.get_text() for text in ax.texts] == ["a", "b", "b", "c"]


def test_limits_have_room_for_all(ax):
    low, high = plotting.stack_limits(W, -W)
    assert -3.5 < low < -3 and 3 < high < 3.5
    assert np.ptp(plotting.stack_limits(0 * W)) > 0
    plotting.stack_plot(ax, W, COLORS, (low, high))
    assert ax.get_ylim() == (low, high)


def test_colours_are_one_each(ax):
    with pytest.raises(ValueError, match="one for each of 3 features"):
        plotting.stack_plot(ax, W, COLORS[:2], (-1, 1))


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_the_key_is_drawn_for_any_number_of_features(n):
    figure = plotting.figure(4, 4)
    key, strip = figure.subplots(2)
    plotting.stack_key(key, plotting.feature_colors(n))
    plotting.feature_key(strip, plotting.feature_colors(n), [str(i) for i in range(n)], "feature")
    assert [text.get_text() for text in strip.texts] == [str(i) for i in range(n)]
    assert plotting.text_faults(figure) == []
