"""What an experiment computed, as one netCDF file: a Dataset, or a DataTree."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import xarray as xr

from toymodels.suite.store.words import describe

Results = xr.Dataset | xr.DataTree

STAMP = "toymodels"
"""The attribute that holds, as JSON, what the data is the result of."""

NO_WORDS: Mapping[str, str] = MappingProxyType({})
WORTH_COMPRESSING = 4096  # bytes


@dataclass(frozen=True)
class Data:
    """What an experiment computed, and the netCDF file that it is read from."""

    content: bytes
    results: Results

    @classmethod
    def of(
        cls, results: Results, stamp: dict[str, Any], words: Mapping[str, str] = NO_WORDS
    ) -> "Data":
        """Write results and read them back, so that they are the same now and when loaded later.

        Their attributes give way to the stamp, and to its settings one by one; variables say in
        words what they are, their own or the suite's.
        """
        tree = results if isinstance(results, xr.DataTree) else xr.DataTree(results)
        groups = {
            node.path: describe(_plain(node.to_dataset(inherit=False)), words)
            for node in tree.subtree
        }
        settings = {name: _attribute(value) for name, value in stamp.get("spec", {}).items()}
        groups["/"] = groups["/"].assign_attrs({**settings, STAMP: json.dumps(stamp)})
        encoding = {path: _encoding(group) for path, group in groups.items()}
        written = xr.DataTree.from_dict(groups).to_netcdf(engine="h5netcdf", encoding=encoding)
        return cls.read(bytes(written))

    @classmethod
    def read(cls, content: bytes) -> "Data":
        """Read a netCDF file's content."""
        tree = xr.load_datatree(io.BytesIO(content), engine="h5netcdf")
        return cls(content, tree if tree.children else tree.to_dataset())

    @property
    def stamp(self) -> dict[str, Any]:
        """Return what the data is the result of."""
        return json.loads(self.results.attrs[STAMP])

    @property
    def sha256(self) -> str:
        """Return the checksum of the file."""
        return hashlib.sha256(self.content).hexdigest()


def _plain(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset as arrays of NumPy, without its attributes and how a file had it."""
    return dataset.as_numpy().drop_attrs(deep=False).drop_encoding()


def _attribute(value: Any) -> Any:
    """Write a setting as netCDF can have it: numbers, texts, and lists of either."""
    if isinstance(value, list):
        entries = [_attribute(entry) for entry in value]
        is_plain = not any(isinstance(entry, list) for entry in entries)
        return entries if is_plain else json.dumps(value)
    return json.dumps(value) if isinstance(value, bool) or value is None else value


def _encoding(dataset: xr.Dataset) -> dict[Any, dict[str, Any]]:
    """Compress numbers that are worth it."""
    return {
        name: {"zlib": True, "complevel": 1}
        for name, variable in dataset.variables.items()
        if variable.dtype.kind in "iuf" and variable.nbytes > WORTH_COMPRESSING
    }
