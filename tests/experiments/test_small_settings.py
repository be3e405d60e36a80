"""Every accepted setting ends in a figure: each sweep of one point, each size at 1 and doubled.

A stand-in builds the models and takes no step, so that all data are small random numbers: what is
tried is that `plot` and `claims` work on data of any shape that a Spec accepts. A Spec that
refuses a setting does so before anything is trained, which is as good.
"""

from dataclasses import fields, replace
from itertools import chain
from typing import get_args, get_origin, get_type_hints

import pytest
from catalogue import BY_FAMILY, load, rehearsed, without_mnist

from toymodels.suite.spec import Zipped

# where there is nothing to divide by claims are told NaN, and a user a warning at most
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SIZES = (1, 3)  # what a sweep of whole numbers may be cut to as well


def zipped(Spec):
    """The groups of fields that have one entry for each size."""
    return [one.names for kind in Spec.__mro__ for one in vars(kind).values()
            if isinstance(one, Zipped)]  # fmt: skip


def is_sweep(hint):
    """Whether a field is a tuple of any length, under its limits."""
    while hasattr(hint, "__metadata__"):
        hint = get_args(hint)[0]
    return get_origin(hint) is tuple and get_args(hint)[1:] == (...,)


def sweeps(spec):
    """The names of the swept fields, those that are read together in one group."""
    hints = get_type_hints(type(spec), include_extras=True)
    together = zipped(type(spec))
    alone = [(field.name,) for field in fields(spec)
             if is_sweep(hints[field.name]) and field.name not in chain(*together)]  # fmt: skip
    return together + alone


def cut(spec, names, at):
    return {name: (getattr(spec, name)[at],) for name in names}


def variants(spec):
    """The settings to try: of each sweep one point, and each size at 1 and doubled."""
    for names in sweeps(spec):
        yield from (cut(spec, names, at) for at in (0, -1))
        for name in names:
            if type(getattr(spec, name)[0]) is int:
                yield from ({**cut(spec, names, 0), name: (size,)} for size in SIZES)
    for field in fields(spec):
        value = getattr(spec, field.name)
        if type(value) is int:
            yield from ({field.name: size} for size in (1, 2 * value))


def draw(experiment, spec):
    """Draw and judge a run without steps."""
    results = rehearsed(experiment.run, spec)
    figure = experiment.plot(results)
    figure.draw_without_rendering()
    assert figure.axes
    assert [claim.to_dict() for claim in experiment.claims(results)]


def accepted(spec, changed):
    """Return the spec with these settings, or None if it refuses them."""
    try:
        return replace(spec, **changed)
    except ValueError:
        return None


@pytest.mark.slow
@pytest.mark.parametrize("stem", BY_FAMILY)
def test_a_figure_of_one_point_is_drawn(stem):
    experiment = load(stem)
    spec = without_mnist(experiment.preset("smoke"))
    one = accepted(spec, {k: v for names in sweeps(spec) for k, v in cut(spec, names, 0).items()})
    assert one is not None
    draw(experiment, one)


@pytest.mark.slow
@pytest.mark.parametrize("stem", BY_FAMILY)
def test_every_accepted_setting_ends_in_a_figure(stem):
    experiment, died = load(stem), {}
    spec = without_mnist(experiment.preset("smoke"))
    for changed in variants(spec):
        small = accepted(spec, changed)
        try:
            if small is not None:
                draw(experiment, small)
        except Exception as error:  # so that all are seen at once
            died[str(changed)] = f"{type(error).__name__}: {error}"
    assert not died
