"""The contract of every experiment, kept by each script at its preset `smoke`."""

import json
import runpy
from io import BytesIO
from pathlib import Path

import h5py
import matplotlib.image
import numpy as np
import pytest
import xarray as xr

from toymodels.suite import catalog
from toymodels.suite.experiment import Experiment
from toymodels.suite.running import Order, make

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = catalog.find_scripts(REPOSITORY / "experiments")
RECORD = {
    "stem": str,
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
    "provenance": dict,
}
PROVENANCE = {"commit", "dirty", "versions", "device", "wall_seconds", "utc"}
# what a dataset shows geometry with, and how it lies: tied or untied weights of an autoencoder,
# a mixing matrix, or the first and last weights of a classifier of images
GEOMETRY = (
    {"W": ("hidden", "feature"), "b": ("feature",)},
    {"W_in": ("hidden", "feature"), "W_out": ("feature", "hidden")},
    {"M": ("head", "attentional_feature")},
    {"W_in": ("hidden", "pixel"), "W_out": ("label", "hidden")},
)
OTHER_DIMS = {"h": ("hidden", "datapoint")}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """One folder for all, as a user has it: figures of one computation find its data."""
    return tmp_path_factory.mktemp("figures")


@pytest.fixture(scope="module", params=list(SCRIPTS))
def made(request, out):
    """An experiment made at `smoke`: the experiment, and the folder that its files are in."""
    path = SCRIPTS[request.param]
    experiment = runpy.run_path(str(path), run_name=f"experiments.{path.parent.name}.{path.stem}")[
        "EXPERIMENT"
    ]
    make(Order(experiment, experiment.preset("smoke"), "smoke", 0, out, False))
    return experiment, out / path.parent.name / path.stem


def test_page_has_title_and_source(made):
    experiment, _ = made
    assert len(experiment.page.title) > 10 and not experiment.page.title.endswith(".")
    assert len(experiment.page.source) > 20
    assert all(len(sentence) > 20 for sentence in experiment.deviations)


def test_presets_are_specs_of_growing_cost(made):
    experiment, _ = made
    specs = [experiment.preset(name) for name in ("smoke", "quick", "paper")]
    assert all(isinstance(spec, experiment.Spec) for spec in specs)
    assert specs[0] != specs[1]


def has_form(dataset, form):
    """Whether a dataset has all weights of a form, each with its own dimensions last."""
    return all(
        name in dataset and dataset[name].dims[-len(dims) :] == dims for name, dims in form.items()
    )


def test_dataset_has_the_swept_axis_and_geometry(made):
    experiment, stem = made
    with xr.open_dataset(f"{stem}.nc", engine="h5netcdf") as dataset:
        assert dataset.sizes[experiment.sweeps] > 1
        assert experiment.sweeps in dataset.coords
        assert list(dataset.attrs) == ["toymodels"]
        assert json.loads(dataset.attrs["toymodels"])["spec"]
        (form, *others) = [form for form in GEOMETRY if has_form(dataset, form)]
        assert not others
        assert not any(name in dataset for name in set().union(*GEOMETRY) - set(form))
        for name, dims in (form | OTHER_DIMS).items():
            if name in dataset:
                assert dataset[name].dims[-len(dims) :] == dims
                assert np.isfinite(dataset[name].values).any()
        assert experiment.sweeps in dataset["loss"].dims
        assert (dataset["loss"].values[np.isfinite(dataset["loss"].values)] >= 0).all()
        assert np.isfinite(dataset["loss"].values).any()


def test_record_is_what_the_contract_says(made):
    experiment, stem = made
    record = json.loads(Path(f"{stem}.json").read_text())
    assert {name: type(value) for name, value in record.items()} == RECORD
    assert set(record["provenance"]) == PROVENANCE
    assert record["spec"] == experiment.preset("smoke").to_dict()
    assert record["claims"]
    for claim in record["claims"]:
        assert set(claim) == {"text", "source", "expected", "measured", "holds"}
        assert isinstance(claim["holds"], bool)
        assert isinstance(claim["measured"], int | float | list) or claim["measured"] is None


def test_picture_shows_something(made):
    _, stem = made
    pixels = matplotlib.image.imread(BytesIO(Path(f"{stem}.png").read_bytes()))[..., :3]
    ink = (pixels < 0.98).any(axis=-1)
    assert min(ink.shape) > 300
    assert ink.any(axis=0).mean() > 0.5 and ink.any(axis=1).mean() > 0.5


def test_plot_and_claims_need_nothing_but_the_file(made):
    experiment, stem = made
    assert h5py.is_hdf5(f"{stem}.nc")
    with xr.open_dataset(f"{stem}.nc", engine="h5netcdf") as stored:
        dataset = stored.load()
    before = dataset.copy(deep=True)
    assert isinstance(experiment, Experiment)
    assert experiment.plot(dataset).axes
    again = [claim.to_dict() for claim in experiment.claims(dataset)]
    assert again == json.loads(Path(f"{stem}.json").read_text())["claims"]
    xr.testing.assert_identical(dataset, before)
