"""The contract of every experiment, kept by each script at its preset `smoke`."""

import json
from io import BytesIO
from pathlib import Path

import h5py
import jax
import matplotlib.image
import numpy as np
import pytest
import xarray as xr
from catalogue import BY_FAMILY, load

from toymodels.suite import lab
from toymodels.suite.experiment import Experiment
from toymodels.suite.running import Job, make
from toymodels.suite.store.netcdf import Data

RECORD = {
    "stem": str,
    "name": str,
    "family": str,
    "title": str,
    "source": str,
    "preset": str,
    "seed": int,
    "overrides": dict,
    "spec": dict,
    "deviations": list,
    "claims": list,
    "data_sha256": str,
    "identity": dict,
    "provenance": dict,
}
PROVENANCE = {"commit", "dirty", "versions", "device", "wall_seconds", "utc"}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """One folder for all, as a user has it: figures of one computation find its data."""
    return tmp_path_factory.mktemp("figures")


@pytest.fixture(scope="module")
def keys():
    """The keys that runs have drawn with, by figure and stream."""
    return {}


@pytest.fixture(scope="module", params=BY_FAMILY)
def made(request, out, keys):
    """An experiment made at `smoke`: the experiment, and the path of its files."""
    experiment = load(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab, "stream_key", watched(keys.setdefault(request.param, [])))
        make(Job(experiment, experiment.preset("smoke"), "smoke", 0, out, False))
    return experiment, out / experiment.doc.family / experiment.doc.stem


def watched(drawn):
    def stream_key(key, name):
        own = original(key, name)
        drawn.append((name, jax.random.key_data(own).tolist()))
        return own

    original = lab.stream_key
    return stream_key


@pytest.fixture(scope="module")
def results(made):
    """What the figure stored, as plot and claims are given it."""
    _, stem = made
    return Data.read(Path(f"{stem}.nc").read_bytes()).results


def groups(results):
    """The Datasets of what a figure stored: one, or a member of a tree each."""
    if isinstance(results, xr.Dataset):
        return [results]
    return [node.to_dataset() for node in results.leaves]


def test_page_has_title_and_source(made):
    experiment, _ = made
    assert len(experiment.doc.title) > 10 and not experiment.doc.title.endswith(".")
    assert len(experiment.doc.source) > 20


def test_deviations_are_true_at_every_preset(made):
    experiment, _ = made
    for preset in ("smoke", "quick", "paper"):
        sentences = experiment.deviations_at(experiment.preset(preset))
        assert all(len(sentence) > 20 and "{" not in sentence for sentence in sentences)


def test_presets_are_specs_of_growing_cost(made):
    experiment, _ = made
    specs = [experiment.preset(name) for name in ("smoke", "quick", "paper")]
    assert all(isinstance(spec, experiment.Spec) for spec in specs)
    assert specs[0] != specs[1]


def test_something_is_swept(results):
    values = {}
    for group in groups(results):
        for name, coordinate in group.coords.items():
            values.setdefault(name, set()).update(np.ravel(coordinate).tolist())
    swept = set(values) - {"seed", "feature", "hidden"}
    assert any(len(values[name]) > 1 for name in swept)


def test_the_weights_of_every_model_are_there(results):
    for group in groups(results):
        weights = [group[name] for name in ("W", "W_in", "M", "W_O") if name in group]
        assert weights
        assert all(np.isfinite(each).all() for each in weights)


def test_losses_are_there_and_no_history_that_nobody_draws(made, results, keys):
    experiment, _ = made
    trains = any(name.startswith("training") for name, _ in keys[experiment.doc.stem])
    losses = [group["loss"].values for group in groups(results) if "loss" in group]
    assert losses or not trains  # a figure may take up the data of another, or train nothing
    assert all(np.isfinite(loss).all() and (loss >= 0).all() for loss in losses)
    assert not any("loss_history" in group for group in groups(results))


def test_no_two_trainings_or_datasets_share_their_draws(made, keys):
    experiment, _ = made
    drawn = keys[experiment.doc.stem]
    by_name = {name: tuple(key) for name, key in drawn}
    assert len(set(by_name.values())) == len(by_name)


def test_settings_stand_in_the_data_as_plain_attributes(made, results):
    experiment, _ = made
    attributes = results.attrs
    assert json.loads(attributes["toymodels"])["spec"] == experiment.preset("smoke").to_dict()
    assert set(experiment.preset("smoke").to_dict()) <= set(attributes)


def test_variables_say_in_words_what_they_are(results):
    for group in groups(results):
        for name, variable in group.variables.items():
            assert len(variable.attrs.get("long_name", "")) > 3, name
            assert variable.attrs.get("units", "1") == "1"
            assert ("units" in variable.attrs) == (variable.dtype.kind in "iuf"), name


def test_record_is_what_the_contract_says(made):
    experiment, stem = made
    record = json.loads(Path(f"{stem}.json").read_text())
    assert {name: type(value) for name, value in record.items()} == RECORD
    assert set(record["provenance"]) == PROVENANCE
    assert record["spec"] == experiment.preset("smoke").to_dict()
    assert record["claims"]
    for claim in record["claims"]:
        assert set(claim) == {"text", "source", "expected", "measured", "holds"}
        assert claim["holds"] in (True, False, None)
        assert isinstance(claim["measured"], int | float | list) or claim["measured"] is None


def test_picture_shows_something(made):
    _, stem = made
    pixels = matplotlib.image.imread(BytesIO(Path(f"{stem}.png").read_bytes()))[..., :3]
    ink = (pixels < 0.98).any(axis=-1)
    assert min(ink.shape) > 300
    assert ink.any(axis=0).mean() > 0.5 and ink.any(axis=1).mean() > 0.5


def test_plot_and_claims_need_nothing_but_the_file(made, results):
    experiment, stem = made
    assert h5py.is_hdf5(f"{stem}.nc")
    before = results.copy(deep=True)
    assert isinstance(experiment, Experiment)
    assert experiment.plot(results).axes
    again = [claim.to_dict() for claim in experiment.claims(results)]
    assert again == json.loads(Path(f"{stem}.json").read_text())["claims"]
    assert results.identical(before)
