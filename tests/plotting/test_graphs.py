"""Graphs of features: which edges are drawn, how wide, and where the components are."""

from itertools import pairwise

import numpy as np
import pytest

from toymodels import plotting, theory


@pytest.fixture
def ax():
    return plotting.figure(3, 3).subplots()


def positions(ax):
    """The nodes of each component."""
    return [np.asarray(nodes.get_offsets()) for nodes in ax.collections[:-1]]


def test_edges_are_as_wide_as_features_overlap(ax):
    pentagon, digon = theory.regular_polygon(5), 0.5 * theory.regular_simplex(2)
    W = theory.tegum_product(pentagon, digon)
    edges = plotting.feature_graph(ax, W, [range(5), (5, 6)], ["red", "blue"])
    widths = np.sort(edges.get_linewidths())
    near, far = np.abs(np.cos(np.radians([72, 144])))
    np.testing.assert_allclose(widths / widths[-1], [0.25 / far] + [near / far] * 5 + [1] * 5)
    assert [len(component) for component in positions(ax)] == [5, 2]


def test_strongly_overlapping_features_are_close(ax):
    plotting.feature_graph(ax, theory.regular_polygon(5), [range(5)], "red")
    (xy,) = positions(ax)
    apart = np.linalg.norm(xy[:, None] - xy, axis=-1)
    # neighbours on the polygon overlap less than the others
    neighbours = apart[range(5), np.roll(range(5), 1)]
    others = apart[range(5), np.roll(range(5), 2)]
    assert others.max() < neighbours.min()


def test_orthogonal_features_have_no_edge(ax):
    edges = plotting.feature_graph(ax, np.eye(3), [(0,), (1, 2)], "red")
    assert len(edges.get_segments()) == 0
    assert [len(component) for component in positions(ax)] == [1, 2]


def test_components_are_apart(ax):
    sizes = [7, 5, 4, 3, 2, 2, 2, 1, 1]
    W = np.random.default_rng(0).normal(size=(4, sum(sizes)))
    starts = np.cumsum([0, *sizes])
    parts = [range(*pair) for pair in pairwise(starts)]
    plotting.feature_graph(ax, W, parts, plotting.kind_colors(len(parts)))
    found = positions(ax)
    for i, one in enumerate(found):
        for other in found[:i]:
            low = np.maximum(one.min(axis=0), other.min(axis=0))
            high = np.minimum(one.max(axis=0), other.max(axis=0))
            assert np.any(low > high + 0.5), "boxes do not touch"


def test_no_component_is_an_empty_picture(ax):
    assert len(plotting.feature_graph(ax, np.eye(3), [], "red").get_segments()) == 0


def test_a_colour_for_each_component(ax):
    with pytest.raises(ValueError, match="broadcast"):
        plotting.feature_graph(ax, np.eye(3), [(0,), (1,), (2,)], ["red", "blue"])
