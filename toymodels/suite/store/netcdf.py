"""Read and write results, a Dataset or DataTree, as one netCDF file."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from toymodels.data.files import write_atomically
from toymodels.suite.store.long_names import describe

Results = xr.Dataset | xr.DataTree

STAMP = "toymodels"
"""The attribute with settings, seed, identity and provenance, as JSON."""

AS_JSON = "json:"
"""Prefix of an attribute that netCDF lacks."""

WORTH_COMPRESSING = 4096  # bytes


def save(result: Results, path: str | Path) -> None:
    """Write a result to a netCDF file, replacing an existing one.

    A result of `train` includes the optimizer's state and the step count, so that its training can
    be continued. Read it with `load`, `xarray.open_dataset` or `xarray.open_datatree`.

    Raises:
        OSError: if it cannot be written; an existing file is kept.
    """
    write_atomically(Path(path), _written(result))


def load(path: str | Path) -> Results:
    """Read a result, written by `save` or by an experiment, into memory.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a netCDF file, or is damaged.
    """
    content = Path(path).read_bytes()
    try:
        return _read(content)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{path} is no netCDF file, or damaged ({error})") from error


def load_figure(name: str, folder: str | Path = "figures") -> Results:
    """Read the data of a figure.

    Args:
        name: the figure's stem, such as "intro_2d", or with changed settings "intro_2d.steps500".
        folder: the folder with the figures.

    Raises:
        FileNotFoundError: if it does not exist; the message gives the command that makes it.
        ValueError: if it is damaged.
    """
    found = sorted(Path(folder).glob(f"*/{name}.nc"))
    if not found:
        raise FileNotFoundError(
            f"{folder} has no data of {name}, as data is not in git: make it with "
            f"`python -m experiments run {name.partition('.')[0]}`"
        )
    return load(found[0])


@dataclass(frozen=True)
class Data:
    """The results of an experiment, and the content of their netCDF file."""

    content: bytes
    results: Results

    @classmethod
    def of(
        cls, results: Results, stamp: dict[str, Any], long_names: Mapping[str, str] | None = None
    ) -> "Data":
        """Write results and read them back, so that they equal what is loaded later.

        Attributes are replaced by the stamp and its settings. Variables get the attribute
        `long_name`, from `long_names` or `LONG_NAMES`.
        """
        tree = results if isinstance(results, xr.DataTree) else xr.DataTree(results)
        groups = {
            node.path: describe(_plain(node).drop_attrs(deep=False), long_names or {})
            for node in tree.subtree
        }
        settings = {name: _attribute(value) for name, value in stamp.get("spec", {}).items()}
        groups["/"] = groups["/"].assign_attrs({**settings, STAMP: json.dumps(stamp)})
        return cls.read(_written(xr.DataTree.from_dict(groups)))

    @classmethod
    def read(cls, content: bytes) -> "Data":
        """Read a netCDF file's content."""
        return cls(content, _read(content))

    @property
    def stamp(self) -> dict[str, Any]:
        """Return settings, seed, identity and provenance."""
        return json.loads(self.results.attrs[STAMP])

    @property
    def sha256(self) -> str:
        """Return the checksum of the file."""
        return hashlib.sha256(self.content).hexdigest()


def _written(results: Results) -> bytes:
    tree = results if isinstance(results, xr.DataTree) else xr.DataTree(results)
    groups = {node.path: _plain(node) for node in tree.subtree}
    encoding = {path: _encoding(group) for path, group in groups.items()}
    return bytes(xr.DataTree.from_dict(groups).to_netcdf(engine="h5netcdf", encoding=encoding))


def _read(content: bytes) -> Results:
    tree = xr.load_datatree(io.BytesIO(content), engine="h5netcdf")
    for node in tree.subtree:
        node.attrs = _decoded(node.attrs)
        for variable in node.variables.values():
            variable.attrs = _decoded(variable.attrs)
    return tree if tree.children else tree.to_dataset()


def _plain(node: xr.DataTree) -> xr.Dataset:
    """Return a group's own variables as NumPy arrays, without encoding."""
    dataset = node.to_dataset(inherit=False).as_numpy().drop_encoding()
    dataset.attrs = _encoded(dataset.attrs)
    for variable in dataset.variables.values():
        variable.attrs = _encoded(variable.attrs)
    return dataset


def _encoded(attrs: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return attributes in which JSON replaces what netCDF lacks: dicts, None, booleans, ..."""
    return {
        name: value if _is_plain(value) else AS_JSON + json.dumps(value, default=_to_list)
        for name, value in attrs.items()
    }


def _to_list(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(
        f"attributes cannot hold a {type(value).__name__}: leave it out, or use str(...)"
    )


def _decoded(attrs: Mapping[Any, Any]) -> dict[Any, Any]:
    return {
        name: json.loads(value.removeprefix(AS_JSON))
        if isinstance(value, str) and value.startswith(AS_JSON)
        else value
        for name, value in attrs.items()
    }


def _attribute(value: Any) -> Any:
    """Return a setting as a netCDF attribute: numbers, strings and lists of them, else JSON."""
    return value if _is_plain(value) else json.dumps(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "iufSU"
    entries = value if isinstance(value, list | tuple) else [value]
    kinds = {type(entry) for entry in entries}
    return len(kinds) == 1 and kinds <= {int, float, str}


def _encoding(dataset: xr.Dataset) -> dict[Any, dict[str, Any]]:
    """Return the encoding that compresses large numeric variables."""
    return {
        name: {"zlib": True, "complevel": 1}
        for name, variable in dataset.variables.items()
        if variable.dtype.kind in "iuf" and variable.nbytes > WORTH_COMPRESSING
    }
