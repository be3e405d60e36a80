import json
import math
from typing import Annotated, Literal

import numpy as np
import pytest

import toymodels
from toymodels.suite.spec import Count, Fraction, NonNegative, Positive, Range, Sparsities


class Spec(toymodels.Spec):
    """Settings."""

    steps: Count = 4000
    rate: Positive = 1e-3
    decay: NonNegative = 0.0
    sparsity: tuple[Fraction, ...] = (0.0, 0.5)
    size: tuple[Count, Count] = (5, 2)
    kind: Literal["linear", "relu"] = "relu"
    order: Literal[1, 2] = 1
    tied: bool = True
    scale: Annotated[float, Range(0, below=1)] | None = None
    label: str = "W"

    def check(self):
        if self.size[0] < self.size[1]:
            raise ValueError(f"size must have n >= m; got {self.size}")


def test_defaults_pass_and_are_plain_json():
    fields = Spec().to_dict()
    assert fields == json.loads(json.dumps(fields))
    assert fields["sparsity"] == [0.0, 0.5]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("steps", 0, "steps must be a whole number >= 1; got 0"),
        ("steps", 2.0, "steps must be a whole number >= 1; got 2.0"),
        ("steps", True, "steps must be a whole number >= 1; got True"),
        ("steps", "4", "steps must be a whole number >= 1; got '4'"),
        ("rate", 0, "rate must be a number > 0; got 0"),
        ("rate", math.nan, "rate must be a number > 0; got nan"),
        ("rate", math.inf, "rate must be a number > 0; got inf"),
        ("rate", None, "rate must be a number > 0; got None"),
        ("decay", -1e-9, "decay must be a number >= 0; got -1e-09"),
        (
            "sparsity",
            (0.1, 1.5),
            "sparsity must be one or more values, each a number in [0, 1]; got 1.5",
        ),
        ("sparsity", (), "sparsity must be one or more values, each a number in [0, 1]; got ()"),
        ("sparsity", 0.5, "sparsity must be one or more values, each a number in [0, 1]; got 0.5"),
        (
            "size",
            (5, 2, 1),
            "size must be 2 values: a whole number >= 1, a whole number >= 1; got (5, 2, 1)",
        ),
        ("kind", "gelu", "kind must be one of 'linear', 'relu'; got 'gelu'"),
        ("order", True, "order must be one of 1, 2; got True"),
        ("tied", 1, "tied must be True or False; got 1"),
        ("scale", 1.0, "scale must be a number in [0, 1) or None; got 1.0"),
        ("label", 1, "label must be a text; got 1"),
    ],
)
def test_a_wrong_value_is_named_with_what_may_be(field, value, sentence):
    with pytest.raises(ValueError) as error:
        Spec(**{field: value})
    assert str(error.value) == sentence


def test_numbers_become_plain_ones_of_the_asked_type():
    spec = Spec(steps=np.int64(7), rate=1, sparsity=[0, np.float32(0.5)], scale=0)
    assert [type(v) for v in (spec.steps, spec.rate, spec.scale)] == [int, float, float]
    assert spec.sparsity == (0.0, 0.5)
    assert {type(s) for s in spec.sparsity} == {float}


def test_a_script_checks_what_spans_fields():
    with pytest.raises(ValueError, match="n >= m"):
        Spec(size=(2, 5))


def test_overrides_are_the_fields_that_differ():
    assert Spec().overrides(Spec()) == {}
    assert Spec(steps=1, sparsity=(0.5,)).overrides(Spec()) == {"steps": 1, "sparsity": [0.5]}


def test_an_annotation_that_cannot_be_checked_is_refused():
    class Odd(toymodels.Spec):
        weights: dict = None  # type: ignore[assignment]

    with pytest.raises(TypeError, match="weights"):
        Odd()


@pytest.mark.parametrize(
    ("limits", "text", "inside", "outside"),
    [
        (Range(1), ">= 1", 1, 0.9),
        (Range(above=0), "> 0", 1e-9, 0),
        (Range(0, 1), "in [0, 1]", 1, 1.1),
        (Range(0, below=1), "in [0, 1)", 0, 1),
        (Range(above=0, high=1), "in (0, 1]", 1, 0),
        (Range(high=3), "<= 3", -5, 4),
        (Range(below=3), "< 3", 2.9, 3),
    ],
)
def test_ranges_say_what_they_allow(limits, text, inside, outside):
    assert str(limits) == text
    assert inside in limits
    assert outside not in limits
    assert math.nan not in limits


def test_a_sweep_repeats_nothing():
    class Sweep(toymodels.Spec):
        sparsity: Sparsities = (0.0, 0.5)

    assert Sweep(sparsity=[0, 0.9]).sparsity == (0.0, 0.9)
    with pytest.raises(ValueError, match="without repetition; got"):
        Sweep(sparsity=(0.5, 0.5))
