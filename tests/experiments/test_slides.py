"""Every figure can be read from the back of a room: its words at the size of a 16:9 slide.

Drawn from what the preset `quick` makes, without its steps: rows, columns and words are those of
the committed figure, the data are small random numbers.
"""

import pytest
from catalogue import BY_FAMILY, load, rehearsed, without_mnist

from toymodels import plotting

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::RuntimeWarning")]


@pytest.mark.parametrize("stem", BY_FAMILY)
def test_words_can_be_read_on_a_slide(stem):
    experiment = load(stem)
    spec = without_mnist(experiment.preset("quick"))
    assert plotting.text_faults(experiment.plot(rehearsed(experiment.run, spec))) == []
