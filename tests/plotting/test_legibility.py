"""Words that cannot be read on a slide, on figures where one can tell."""

import pytest

from toymodels import plotting


def words(width, height, *texts):
    """A figure of that size with words at places, in points from its lower left corner."""
    figure = plotting.figure(width, height)
    for x, y, text, size in texts:
        figure.text(x / 72 / width, y / 72 / height, text, fontsize=size)
    return figure


def test_the_size_that_counts_is_that_on_the_slide():
    # 6.665 inches are shown twice as large, and 10 inches of height at three quarters
    assert plotting.text_faults(words(6.665, 3, (20, 20, "small", 4.1))) == []
    (fault,) = plotting.text_faults(words(6.665, 3, (20, 20, "small", 3.9)))
    assert fault == "'small' has 7.8 points"
    (fault,) = plotting.text_faults(words(5, 10, (20, 20, "high", 10)))
    assert fault == "'high' has 7.5 points"


def test_words_over_words_are_found_and_neighbours_are_not():
    apart = words(4, 2, (20, 20, "one", 8), (60, 20, "two", 8), (20, 32, "three", 8))
    assert plotting.text_faults(apart) == []
    over = words(4, 2, (20, 20, "one", 8), (30, 22, "two", 8))
    assert plotting.text_faults(over) == ["'one' and 'two' overlap"]


def test_words_that_leave_the_page_are_found():
    assert plotting.text_faults(words(4, 2, (280, 20, "away", 8))) == ["'away' is cut off"]
    assert plotting.text_faults(words(4, 2, (20, -4, "below", 8))) == ["'below' is cut off"]


@pytest.mark.parametrize(("angle", "faults"), [(0, 1), (90, 0), (-90, 0)])
def test_turned_words_take_their_room_where_they_stand(angle, faults):
    figure = words(4, 4, (160, 144, "beside", 8))
    figure.text(0.5, 0.5, "a long line", rotation=angle, fontsize=8, ha="center", va="center")
    assert len(plotting.text_faults(figure)) == faults


def test_only_what_is_drawn_counts():
    figure = plotting.figure(4, 3)
    seen, hidden = figure.subplots(1, 2)
    seen.set_xticks([0, 1, 1.001], ["a", "b", "c, out of sight"])
    seen.set_xlim(0, 1)
    hidden.set_title("tiny", fontsize=1)
    hidden.set_visible(False)
    seen.text(0.5, 0.5, "tiny", fontsize=1, visible=False)
    assert plotting.text_faults(figure) == []


def test_formulas_and_lines_count_one_by_one():
    figure = words(4, 2, (40, 60, "two\nlines of $W_i^T$", 8), (40, 58, "over", 8))
    (fault,) = plotting.text_faults(figure)
    assert "lines of" in fault and "overlap" in fault
