"""Labs, claims, and an experiment whose page this is.

Source: none of them.

Deviations:
- {steps:,} steps.
- None; it
  goes on.
"""

import jax
import numpy as np
import pytest
import xarray as xr

from toymodels import Reconstruction, ReluOutput, SparseFeatures
from toymodels import figure as fig
from toymodels.figure import Claim, Experiment, Lab


class Spec(fig.TrainingSpec):
    steps: int = 2
    restarts: int = 2


def run(lab):
    return xr.Dataset()


def experiment(spec=Spec, file=__file__, **settings):
    defaults = {"smoke": spec(), "paper": spec()}
    return Experiment(file, spec, run, run, run, **(defaults | settings))


def problem():
    features = SparseFeatures(3, sparsity=0.5)
    objective = Reconstruction(features, lambda key: ReluOutput(3, 2, key=key), batch_size=8)
    return objective, Spec().adamw()


# -- Lab, as a command gives it


def test_a_lab_without_a_command_is_quiet_and_touches_no_disk(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    models = Lab(Spec()).train("relu", problem)
    assert models.W.sizes["seed"] == 2
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_a_lab_stores_and_reports_under_the_name(capsys):
    class Memory:
        arrays = None

        def load(self):
            return self.arrays

        def save(self, arrays):
            self.arrays = arrays

    stores = {}

    def train():
        lab = Lab(Spec(), store=lambda name: stores.setdefault(name, Memory()), progress=True)
        return lab.train("n=3", problem, steps=4)

    assert train().identical(train())
    assert int(stores["n=3"].arrays["step"]) == 4
    assert capsys.readouterr().err.count("n=3: 4 steps") == 2


# -- Claim


def test_claims_become_plain_json():
    claim = Claim("a", "b", (0, np.float32(1)), np.asarray([1, np.nan, np.inf]), np.bool_(True))
    assert claim.to_dict() == {
        "text": "a",
        "source": "b",
        "expected": [0.0, 1.0],
        "measured": [1.0, None, None],
        "holds": True,
    }
    assert type(claim.to_dict()["holds"]) is bool
    assert Claim("a", "b", 1, np.nan, None).to_dict()["holds"] is None
    assert Claim("a", "b", "large", xr.DataArray(3), False).to_dict()["measured"] == 3
    assert Claim("a", "b", 1, jax.numpy.ones(2), False).to_dict()["measured"] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("expected", "measured"), [(None, 1), (1, "high"), (1, [[1.0]]), (1, True)]
)
def test_a_claim_of_something_else_is_refused(expected, measured):
    with pytest.raises(TypeError):
        Claim("a", "b", expected, measured, True)


# -- Experiment


def test_presets_and_the_page_of_the_script():
    ours = experiment(smoke=Spec(steps=1), paper=Spec(steps=3))
    assert [ours.preset(name).steps for name in ("smoke", "quick", "paper")] == [1, 2, 3]
    assert ours.doc.title == "Labs, claims, and an experiment whose page this is"
    assert ours.doc.source == "none of them"


def test_deviations_are_true_at_every_setting():
    assert experiment().deviations_at(Spec(steps=1000)) == ("1,000 steps.", "None; it goes on.")


@pytest.mark.parametrize(
    ("docstring", "error", "message"),
    [
        ("A line.", ValueError, r"script\.py needs a docstring"),
        ("A line.\n\nSource: b.\n\nDeviations:\n- {stops}.", TypeError, "'stops', which"),
    ],
)
def test_a_script_that_is_no_page_is_refused_at_once(tmp_path, docstring, error, message):
    script = tmp_path / "script.py"
    script.write_text(f'"""{docstring}"""')
    with pytest.raises(error, match=message):
        experiment(file=str(script))


def test_a_field_of_the_command_line_is_refused():
    class Taken(Spec):
        seed: int = 3

    with pytest.raises(TypeError, match="seed"):
        experiment(Taken)
