"""Snapshots hung from a curve, read back from the artists."""

import numpy as np
from matplotlib.colors import to_rgba

from toymodels import plotting


def test_a_snapshot_hangs_from_its_point_of_the_curve():
    figure = plotting.figure(4, 4)
    panel = figure.add_subplot(2, 1, 1, projection="3d")
    curve = figure.add_subplot(2, 1, 2)
    curve.set(xscale="log", xlim=(1, 100), ylim=(0, 2))
    line = plotting.hang_snapshot(curve, (10, 0.5), panel)
    figure.draw_without_rendering()
    low, high = line.get_transform().transform(line.get_path().vertices)[[0, -1]]
    np.testing.assert_allclose(low, curve.transData.transform((10, 0.5)), atol=3)
    assert panel.bbox.contains(*high)
    np.testing.assert_array_equal(np.ravel(curve.lines[-1].get_data()), [10, 0.5])


def test_pairs_are_joined_from_tip_to_tip():
    ax = plotting.figure(3, 3).add_subplot(projection="3d")
    W = np.array([[1, -1, 0], [0, 0, 1], [2, -2, 0.5]])
    plotting.joined_pairs_3d(ax, W, [(0, 1)])
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_data_3d(), W[:, :2])


def test_lines_in_space_take_the_colours_of_sets():
    ax = plotting.figure(3, 3).add_subplot(projection="3d")
    colors = plotting.feature_colors(2)[[0, 0, 1]]
    plotting.feature_lines_3d(ax, np.eye(3), colors=colors)
    drawn = [to_rgba(line.get_color()) for line in ax.lines[::2]]
    np.testing.assert_allclose(drawn, [to_rgba(color) for color in colors])
