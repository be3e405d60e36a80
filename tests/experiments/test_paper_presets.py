"""The presets `paper`, checked without training: every program is traced, no step is taken."""

import numpy as np
import pytest
from catalogue import BY_FAMILY, load, sized_stand_in, without_mnist

import toymodels
from toymodels import Datapoints
from toymodels.figure import Lab

pytestmark = pytest.mark.slow

MOST_BYTES = 4 * 2**30  # of the state; a training needs a few times as much
MOST_RESULT_BYTES = 8 * 2**30


@pytest.fixture(params=BY_FAMILY)
def experiment(request):
    return load(request.param)


def few_again_and_again(draw):
    """Return what draws a hundred datapoints and repeats them: all of them take minutes."""

    def repeat(features, T, *, key):
        points = draw(features, min(T, 100), key=key)
        return Datapoints(*(np.resize(leaf, (T, leaf.shape[1])) for leaf in points))

    return repeat


def test_the_paper_preset_can_be_traced_and_fits(experiment, monkeypatch):
    needs = {}
    few = few_again_and_again(toymodels.draw_datapoints)
    monkeypatch.setattr(toymodels, "draw_datapoints", few)

    def rehearse(*args, **kwargs):
        found, state_bytes = sized_stand_in(*args, **kwargs)
        needs[len(needs)] = state_bytes, found.nbytes
        return found

    lab = Lab(without_mnist(experiment.preset("paper")), engine=rehearse)
    experiment.run(lab)
    assert max((state for state, _ in needs.values()), default=0) < MOST_BYTES
    assert sum(size for _, size in needs.values()) < MOST_RESULT_BYTES
