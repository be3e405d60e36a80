"""Saving and loading results."""

import numpy as np
import pytest
import xarray as xr

import toymodels as tm


def dataset():
    return xr.Dataset(
        {
            "W": (("kind", "hidden"), np.arange(6, dtype=np.float32).reshape(2, 3)),
            "optimizer.0.count": (("kind",), np.array([5, 5], np.int32)),
            "big": (("row",), np.linspace(0, 1, 5000)),
        },
        {"kind": ["calm", "wild"], "n": 5},
        {"steps": 5, "incomplete": "interrupted after 5 of 7 steps"},
    )


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "folder" / "models.nc"
    tm.save(dataset(), path)
    found = tm.load(str(path))
    xr.testing.assert_identical(found, dataset())
    assert {v.dtype for v in found.values()} == {v.dtype for v in dataset().values()}
    tm.save(found, path)  # in place of what was there
    xr.testing.assert_identical(tm.load(path), dataset())
    xr.testing.assert_identical(xr.load_dataset(path, engine="h5netcdf"), dataset())


ATTRIBUTES = {
    "config": {"n": 5, "sizes": [1, 2], "deep": {"rate": None}},
    "note": None,
    "tied": True,
    "mixed": [1, "a", None],
    "nothing": [],
    "text": "json is a word",
    "numbers": 2.5,
}


def test_attributes_that_netcdf_lacks_are_kept(tmp_path):
    models = dataset().assign_attrs(ATTRIBUTES)
    models.W.attrs = {"tied": False}
    tm.save(models, tmp_path / "models.nc")
    found = tm.load(tmp_path / "models.nc")
    assert {name: found.attrs[name] for name in ATTRIBUTES} == ATTRIBUTES
    assert found.W.attrs == {"tied": False}
    assert models.attrs["note"] is None  # what is saved is not changed
    tree = tm.gather([models.assign_coords(n=n) for n in (5, 6)])
    tm.save(tree, tmp_path / "tree.nc")
    assert tm.select(tm.load(tmp_path / "tree.nc"), n=6).attrs["config"] == ATTRIBUTES["config"]
    with pytest.raises(TypeError, match="attributes cannot hold a object"):
        tm.save(models.assign_attrs(what=object()), tmp_path / "models.nc")
    with_array = models.assign_attrs(config={"rates": np.array([1.0, 2.0])})
    tm.save(with_array, tmp_path / "models.nc")
    assert tm.load(tmp_path / "models.nc").attrs["config"] == {"rates": [1.0, 2.0]}


def test_models_of_several_sizes_are_saved(tmp_path):
    tree = tm.gather([dataset().assign_coords(n=n) for n in (5, 6)])
    tm.save(tree, tmp_path / "tree.nc")
    xr.testing.assert_identical(tm.load(tmp_path / "tree.nc"), tree)


def test_a_file_that_is_none_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        tm.load(tmp_path / "nowhere.nc")
    tm.save(dataset(), tmp_path / "models.nc")
    for name, content in {
        "words.nc": b"no netCDF",
        "half.nc": (tmp_path / "models.nc").read_bytes()[:3000],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} is no netCDF file, or damaged"):
            tm.load(tmp_path / name)


def test_a_figure_is_loaded_by_its_name(tmp_path):
    (tmp_path / "lines").mkdir()
    models = xr.Dataset({"loss": ("seed", [1.0, 2.0])})
    tm.save(models, tmp_path / "lines" / "line.nc")
    assert tm.load_figure("line", tmp_path).identical(tm.load(tmp_path / "lines/line.nc"))
    with pytest.raises(FileNotFoundError, match="python -m experiments run other"):
        tm.load_figure("other.n5", tmp_path)
