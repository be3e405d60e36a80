"""What a Spec refuses, in one sentence, and what it makes of what it takes."""

import json
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import Field

from toymodels import figure as fig


class Spec(fig.TrainingSpec):
    """Settings."""

    steps: fig.Count = 4000
    sparsity: fig.Sparsities = (0.0, 0.5)
    n: fig.Counts = (5, 6)
    m: fig.Counts = (2, 3)
    widths: fig.RisingSizes = (1, 2)
    kind: Literal["linear", "relu"] = "relu"
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.5

    @property
    def sizes(self):
        return self.zipped("n", "m")

    def check(self):
        if any(size.m > size.n for size in self.sizes):
            raise ValueError("m must be at most n")


def test_defaults_pass_and_are_plain_json():
    fields = Spec().to_dict()
    assert fields == json.loads(json.dumps(fields))
    assert fields["sparsity"] == [0.0, 0.5]


@pytest.mark.parametrize(
    ("field", "value", "parts"),
    [
        ("steps", 0, ["steps must be", "1; got 0"]),
        ("steps", 2.5, ["steps must be", "integer", "got 2.5"]),
        ("steps", "many", ["steps must be", "integer", "got 'many'"]),
        ("steps", 10**12, ["steps must be", "10000000", "got 1000000000000"]),
        ("restarts", 10**10, ["restarts must be", "10000000"]),
        ("learning_rate", 0, ["learning_rate must be greater than 0; got 0"]),
        ("learning_rate", float("nan"), ["learning_rate must be a finite number"]),
        ("learning_rate", None, ["learning_rate must be a valid number; got None"]),
        ("weight_decay", -1e-9, ["weight_decay must be", "0; got -1e-09"]),
        ("sparsity", (0.1, 1.5), ["sparsity must be", "1; got 1.5"]),
        ("sparsity", (), ["sparsity: ", "at least 1", "got ()"]),
        ("sparsity", 0.5, ["sparsity must be", "tuple", "got 0.5"]),
        ("sparsity", (0.5, 0.5), ["sparsity must not repeat a value; got (0.5, 0.5)"]),
        ("widths", (2, 1), ["widths must be rising; got (2, 1)"]),
        ("kind", "gelu", ["kind must be 'linear' or 'relu'; got 'gelu'"]),
        ("scale", 1.0, ["scale must be less than 1; got 1.0"]),
        ("n", (1, 6), ["m must be at most n"]),
        ("n", (5,), ["n and m must have as many entries"]),
        ("stepz", 3, ["no setting 'stepz'"]),
    ],
)
def test_a_wrong_value_is_named_with_what_may_be(field, value, parts):
    with pytest.raises(ValueError) as error:
        Spec(**{field: value})
    assert "\n" not in str(error.value)
    assert all(part in str(error.value) for part in parts), str(error.value)


def test_numbers_become_plain_ones_of_the_asked_type():
    spec = Spec(steps=np.int64(7), learning_rate=1, sparsity=[0, np.float32(0.5)])
    assert [type(v) for v in (spec.steps, spec.learning_rate)] == [int, float]
    assert spec.sparsity == (0.0, 0.5)
    assert {type(s) for s in spec.sparsity} == {float}


def test_a_spec_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Spec().steps = 3


def test_zipped_fields_are_read_together():
    assert [(size.n, size.m) for size in Spec().sizes] == [(5, 2), (6, 3)]


def test_overrides_are_the_fields_that_differ():
    assert Spec().overrides(Spec()) == {}
    assert Spec(steps=1, sparsity=(0.5,)).overrides(Spec()) == {"steps": 1, "sparsity": [0.5]}


@pytest.mark.parametrize(("decay", "fits"), [(0.7, True), (1e30, False)])
def test_importances_are_finite(decay, fits):
    if fits:
        fig.check_importance(decay, 100)
    else:
        with pytest.raises(ValueError, match=r"importance_decay must be at most 2\.45"):
            fig.check_importance(decay, 100)


@pytest.mark.parametrize(
    ("n", "sets", "fits"), [(6, 2, True), (4, 2, True), (2, 2, False), (7, 2, False), (3, 3, False)]
)
def test_sets_are_equal_and_have_two_members(n, sets, fits):
    if fits:
        fig.check_sets(n, sets)
    else:
        with pytest.raises(ValueError, match=f"got {n} features in {sets} sets"):
            fig.check_sets(n, sets)


def test_cases_differ_in_some_entry():
    Spec(n=(5, 5), m=(2, 3)).check_distinct("n", "m")
    with pytest.raises(ValueError, match="n and m must not name the same case twice"):
        Spec(n=(5, 6, 5), m=(2, 2, 2)).check_distinct("n", "m")


def test_at_sparsity_one_nothing_is_active():
    class Active(fig.AnnealedSpec):
        sparsity: fig.ActiveSparsities = (0.0, 0.999)

    with pytest.raises(ValueError, match=r"sparsity must be below 1, .* got \(0\.0, 1\.0\)"):
        Active(sparsity=(0.0, 1.0))
    assert Active().schedule == "cosine"
    assert Active().weight_decay == 0
