"""Results as one netCDF file: a Dataset, or a DataTree, of an experiment or of anybody."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from toymodels.data.files import write_atomically
from toymodels.suite.store.long_names import describe

Results = xr.Dataset | xr.DataTree

STAMP = "toymodels"
"""The attribute that holds, as JSON, what the data is the result of."""

WORTH_COMPRESSING = 4096  # bytes


def save(result: Results, path: str | Path) -> None:
    """Write a result to a netCDF file, in place of one that may be there.

    With a result of `train` goes all that it needs to be trained on: the optimizer's state and
    the count of steps. `load` returns the same; so does `xarray.open_dataset`, or `open_datatree`.

    Raises:
        OSError: if it cannot be written; what was there before is there still.
    """
    write_atomically(Path(path), _written(result))


def load(path: str | Path) -> Results:
    """Read a result that `save` wrote, or an experiment's, into memory.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is no netCDF file, or damaged.
    """
    content = Path(path).read_bytes()
    try:
        return _read(content)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{path} is no netCDF file, or damaged ({error})") from error


def load_figure(name: str, folder: str | Path = "figures") -> Results:
    """Read the data that a figure was drawn from.

    Args:
        name: the figure's stem, such as "intro_2d", or with changed settings "intro_2d.steps500".
        folder: the folder with the figures.

    Raises:
        FileNotFoundError: if it is not there, with the command that makes it.
        ValueError: if it is damaged.
    """
    found = sorted(Path(folder).glob(f"*/{name}.nc"))
    if not found:
        raise FileNotFoundError(
            f"{folder} has no data of {name}, which git does not keep: make it by "
            f"`python -m experiments run {name.partition('.')[0]}`"
        )
    return load(found[0])


@dataclass(frozen=True)
class Data:
    """What an experiment computed, and the netCDF file that it is read from."""

    content: bytes
    results: Results

    @classmethod
    def of(
        cls, results: Results, stamp: dict[str, Any], long_names: Mapping[str, str] | None = None
    ) -> "Data":
        """Write results and read them back, so that they are the same now and when loaded later.

        Their attributes are replaced by the stamp, and by its settings one by one. Variables get
        the attribute `long_name`: their own, one of `long_names`, or the suite's.
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
        """Return what the data is the result of."""
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
    return tree if tree.children else tree.to_dataset()


def _plain(node: xr.DataTree) -> xr.Dataset:
    """Return a group's own variables as arrays of NumPy, without how a file had them."""
    return node.to_dataset(inherit=False).as_numpy().drop_encoding()


def _attribute(value: Any) -> Any:
    """Write a setting as netCDF can have it: numbers, texts, and lists of numbers; else JSON."""
    entries = value if isinstance(value, list) else [value]
    plain = all(type(one) in (int, float, str) for one in entries)
    return value if plain else json.dumps(value)


def _encoding(dataset: xr.Dataset) -> dict[Any, dict[str, Any]]:
    """Compress numbers that are worth it."""
    return {
        name: {"zlib": True, "complevel": 1}
        for name, variable in dataset.variables.items()
        if variable.dtype.kind in "iuf" and variable.nbytes > WORTH_COMPRESSING
    }
