"""Every accepted setting ends in a figure: sweeps cut and turned, each size at 1 and doubled.

A stand-in builds the models and takes no step, so that all data are small random numbers: what is
tried is that `plot` and `claims` work on data of any shape that a Spec accepts. A Spec that
refuses a setting does so before anything is trained, which is as good.
"""

import pytest
from catalogue import BY_FAMILY, changed, load, rehearsed, without_mnist

# where there is nothing to divide by claims are told NaN, and a user a warning at most
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SIZES = (1, 3)  # what a sweep of whole numbers may be cut to as well


def cut(spec, at):
    """All swept fields at one of their points."""
    return {name: (value[at],) for name, value in spec if isinstance(value, tuple)}


def variants(spec):
    """The settings to try: of each sweep one point, all backwards; each size at 1, doubled."""
    yield from (cut(spec, at) for at in (0, -1))
    for name, value in spec:
        if isinstance(value, tuple):
            yield from ({name: value[at:][:1]} for at in (0, -1))
            yield {name: value[::-1]}
            if type(value[0]) is int:
                yield from (cut(spec, 0) | {name: (size,)} for size in SIZES)
        elif type(value) is int:
            yield from ({name: size} for size in (1, 2 * value))


def draw(experiment, spec):
    """Draw and judge a run without steps."""
    results = rehearsed(experiment.run, spec)
    figure = experiment.plot(results)
    figure.draw_without_rendering()
    assert figure.axes
    for claim in experiment.claims(results):  # few points may leave nothing to claim
        claim.to_dict()


def accepted(spec, settings):
    """Return the spec with these settings, or None if it refuses them."""
    try:
        return changed(spec, **settings)
    except ValueError:
        return None


@pytest.mark.slow
@pytest.mark.parametrize("stem", BY_FAMILY)
def test_a_figure_of_one_point_is_drawn(stem):
    experiment = load(stem)
    spec = without_mnist(experiment.preset("smoke"))
    one = accepted(spec, cut(spec, 0))
    assert one is not None
    draw(experiment, one)


@pytest.mark.slow
@pytest.mark.parametrize("stem", BY_FAMILY)
def test_every_accepted_setting_ends_in_a_figure(stem):
    experiment, died = load(stem), {}
    spec = without_mnist(experiment.preset("smoke"))
    for settings in variants(spec):
        small = accepted(spec, settings)
        try:
            if small is not None:
                draw(experiment, small)
        except Exception as error:  # so that all are seen at once
            died[str(settings)] = f"{type(error).__name__}: {error}"
    assert not died
