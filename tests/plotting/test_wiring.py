"""Wiring diagrams, read back from the artists."""

import numpy as np
import pytest

from toymodels import plotting

ATTENTION = np.array([[1.0, 0.0, 0.0], [0.25, 0.0, 0.75]])
LOGITS = np.array([[2.0, -1.0], [0.0, 0.5]])


@pytest.fixture
def drawn():
    ax = plotting.figure(3, 3).subplots()
    lines = plotting.wiring_diagram(
        ax, ATTENTION, LOGITS, ["a", "b"], ["x", "y", "z"], ["p", "q"], 2
    )
    return ax, lines


def test_lines_are_as_wide_as_attention(drawn):
    _, lines = drawn
    widths = lines.get_linewidths()
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 0.25, 0.75])


def test_lines_lead_from_sources_to_destinations(drawn):
    ax, lines = drawn
    places = {text.get_text(): text.get_position()[1] for text in ax.texts}
    found = [(start[1], end[1]) for start, end in lines.get_segments()]
    expected = [("x", "a"), ("x", "b"), ("z", "b")]
    np.testing.assert_allclose(found, [(places[s], places[t]) for s, t in expected])
    assert all(start[0] < end[0] for start, end in lines.get_segments())


def test_logits_stand_in_the_row_of_their_destination(drawn):
    ax, _ = drawn
    mesh = ax.collections[-1]
    np.testing.assert_array_equal(np.ravel(mesh.get_array()), np.ravel(LOGITS))
    assert mesh.get_clim() == (-2, 2)
    corners = mesh.get_coordinates()
    places = {text.get_text(): text.get_position()[1] for text in ax.texts}
    for row, name in enumerate("ab"):
        assert corners[row, 0, 1] < places[name] < corners[row + 1, 0, 1]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["p", "q"]
