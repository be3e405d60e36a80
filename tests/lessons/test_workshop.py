"""What the lessons share: predictions are kept, and checks say what is wrong with an answer."""

import sys

import numpy as np
import pytest
from worked import LESSONS

sys.path.insert(0, str(LESSONS))
from workshop import check, deeper, outcome, prediction, same_as, watch


def said(answer, *args, **options):
    box = check(answer, same_as(*args, **options), solution="x = 2", then="Yes.")
    return box.kind, box.sentence


def test_an_answer_is_open_right_or_wrong():
    assert said(..., 2)[0] == "open"
    assert said(2.0005, 2) == ("right", "Yes.")
    assert said(3, 2, wrong=[(3, "This is three.")]) == ("wrong", "This is three.")


WORDS = [
    (1, 2, "1 is too small."),
    (3.5, 2, "3.5 is too large."),
    (None, 2, "there is no result"),
    (np.nan, 2, "not finite"),
    ("two", 2, "“two” is not a number."),
    ([1, 2, 3], 2, "the shape is (3,), and should be ()."),
    ([1, 2], [1, 3], "entry (1,), 2 is too small."),
    (2, "square", "2 is not it."),
    (abs, 2, "A value is asked for."),
    (2, abs, "A function is asked for."),
]


@pytest.mark.parametrize(("answer", "right", "sentence"), WORDS)
def test_a_wrong_answer_is_told_how_it_differs(answer, right, sentence):
    kind, words = said(answer, right)
    assert kind == "wrong" and sentence in words


def test_functions_are_compared_at_all_arguments():
    at = [(0.0,), (0.5,)]
    assert said(lambda x: ..., abs, at=at)[0] == "open"
    assert said(lambda x: x, abs, at=at)[0] == "right"
    assert said(lambda x: -x, abs, at=at) == ("wrong", "At 0.5: -0.5 is too small.")
    wrong = [(lambda x: -x, "Mind the sign.")]
    assert said(lambda x: -x, abs, wrong, at=at) == ("wrong", "Mind the sign.")
    assert "It ends with ZeroDivisionError" in said(lambda x: 1 / x, abs, at=at)[1]


def test_a_solution_is_in_a_fold_as_text():
    html = check(3, same_as(2), solution="x = 1 < 2")._repr_html_()
    assert "<details><summary>A solution</summary><pre>x = 1 &lt; 2</pre></details>" in html


def test_an_outcome_stands_beside_the_prediction():
    assert outcome("two", "two").kind == "right"
    wrong = outcome("two", "five")
    assert wrong.kind == "wrong" and "two" in wrong.sentence and "five" in wrong.sentence
    assert "no prediction" in outcome(None, "five").sentence


def test_a_prediction_is_kept():
    form = prediction("How many?", ["one", "two"])
    assert form.value is None
    form._update("two")  # what a browser sends
    assert form.value == "two"
    assert form.validate("one") == "You have committed to “two”."
    assert prediction("How many?", ["one", "two"]).validate(None) == "Choose first."


def test_outside_marimo_a_training_shows_its_own_progress():
    with watch("models") as report:
        assert report is None


def test_figures_are_shown_with_their_commands():
    html = deeper("superposition/intro_2d")._repr_html_()
    assert "Five features in two dimensions" in html and "run intro_2d" in html
    assert "data:image/png" in html
