"""The predicates of claims: each where it is true, where it is false, and where nothing is said."""

import numpy as np
import pytest

from toymodels.figure import OURS, Source

# predicate and its own arguments, data where it is true, data where it is false
CASES = {
    "within": ((0.0, 1.0), [0.0, 0.5, 1.0], [0.5, 1.01]),
    "above": ((0.5,), [0.51, 3], [0.5, 3]),
    "below": ((0.5,), [0.49, -3], [0.5, -3]),
    "equal": ((3,), [3, 3], [3, 2.999]),
    "rises": ((), [1, 2, 5], [1, 2, 2]),
    "falls": ((), [5, 2, 1], [2, 2, 1]),
    "does_not_fall": ((), [1, 2, 2], [1, 2, 1.999]),
    "peaks_inside": ((), [1, 3, 2], [1, 2, 2]),
    "share_above": ((0.5,), [True, True, False], [True, False]),
}
SWEPT = ("rises", "falls", "does_not_fall", "peaks_inside")


def claim(name, data):
    return getattr(OURS.claim("It is so"), name)(*CASES[name][0], data)


@pytest.mark.parametrize("name", CASES)
def test_it_holds_where_it_is_true_and_fails_where_it_is_false(name):
    _, true, false = CASES[name]
    assert claim(name, true).holds is True
    assert claim(name, false).holds is False
    assert claim(name, np.array(true)).holds is True
    assert claim(name, np.array(true)[:, None]).holds is True  # any shape


@pytest.mark.parametrize("name", CASES)
def test_it_says_nothing_of_nothing(name):
    assert claim(name, []).holds is None


@pytest.mark.parametrize("name", sorted(set(CASES) - {"share_above"}))
def test_it_says_nothing_where_something_could_not_be_measured(name):
    for data in CASES[name][1:]:
        assert claim(name, [*data, np.nan]).holds is None


@pytest.mark.parametrize("name", SWEPT)
def test_a_sweep_has_several_points(name):
    assert claim(name, [1.0]).holds is None


@pytest.mark.parametrize("name", sorted(set(CASES) - set(SWEPT)))
def test_a_single_number_can_be_judged(name):
    _, true, false = CASES[name]
    assert claim(name, true[0]).holds is True
    assert (
        claim(name, [false[-1] if name in ("within", "equal", "share_above") else false[0]]).holds
        is False
    )


def test_slack():
    so = OURS.claim("It is so")
    assert so.does_not_fall([3, 2.95], slack=0.1).holds is True
    assert so.does_not_fall([3, 2.85], slack=0.1).holds is False


def test_a_maximum_inside_is_above_both_ends():
    assert OURS.claim("It is so").peaks_inside([2, 3, 1]).holds is True
    assert OURS.claim("It is so").peaks_inside([2, 1, 1]).holds is False
    assert OURS.claim("It is so").peaks_inside([1, 2]).holds is None  # nothing is inside
    assert OURS.claim("It is so").peaks_inside([1, 2.3, 2], margin=0.1).holds is True
    assert OURS.claim("It is so").peaks_inside([1, 2.1, 2], margin=0.1).holds is False


def test_somewhere_names_the_points():
    found = OURS.claim("It is so").somewhere([0.1, 0.2, 0.3], [False, True, True])
    assert found.holds is True
    assert found.measured == (0.2, 0.3)
    assert OURS.claim("It is so").somewhere([0.1, 0.2], [False, False]).holds is False
    assert OURS.claim("It is so").somewhere([0.1], [True]).holds is None
    assert OURS.claim("It is so").somewhere([], []).holds is None


def test_first_before_compares_all_with_all():
    assert OURS.claim("It is so").first_before([1, 2], [3]).holds is True
    assert OURS.claim("It is so").first_before([1, 3], [3, 4]).holds is False
    assert OURS.claim("It is so").first_before([], [3]).holds is None
    assert OURS.claim("It is so").first_before(1, []).holds is None
    assert OURS.claim("It is so").first_before(1, np.nan).holds is None


def test_a_source_is_named_once():
    found = Source("Nobody 2022, figure 1").claim("It is so").within(0, 1, [0.5])
    assert found.source == "Nobody 2022, figure 1"
    assert found.expected == (0, 1)
    assert found.measured == (0.5,)
