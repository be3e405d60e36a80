"""The presets `paper`, checked without training: every program is traced, no step is taken."""

import pytest
from catalogue import SCRIPTS, load, stand_in, without_mnist

from toymodels import Lab

pytestmark = pytest.mark.slow

MOST_BYTES = 4 * 2**30  # of the state; a training needs a few times as much
MOST_RESULT_BYTES = 8 * 2**30


@pytest.fixture(params=list(SCRIPTS))
def experiment(request):
    return load(request.param)


def test_the_paper_preset_can_be_traced_and_fits(experiment):
    needs = {}

    def rehearse(*args, **kwargs):
        found = stand_in(*args, **kwargs)
        needs[len(needs)] = found.attrs["state_bytes"], found.nbytes
        return found

    lab = Lab(without_mnist(experiment.preset("paper")), engine=rehearse)
    results = experiment.run(lab)
    assert needs
    assert max(state for state, _ in needs.values()) < MOST_BYTES
    assert sum(size for _, size in needs.values()) < MOST_RESULT_BYTES
    for name in experiment.weights:
        groups = [results] if not hasattr(results, "leaves") else results.leaves
        assert any(name in group for group in groups)
