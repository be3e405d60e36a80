"""Looking at the shared runs: the models of a dataset size, and how their planes are drawn."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import FigureBase

import toymodels as tm
from toymodels import geometry, plotting


def sizes(data: xr.DataTree, budget: int = 1) -> np.ndarray:
    """Return the dataset sizes that were trained with this budget of steps, in their order."""
    trained = tm.members(data, budget=budget)
    return np.array(sorted(one.dataset_size.item() for one in trained), dtype=int)


def same_size(data: xr.DataTree, T: int, budget: int = 1) -> xr.Dataset:
    """Return all models trained on T datapoints, along one axis."""
    return tm.member(data, dataset_size=T, budget=budget).stack(model=("dataset", "seed"))


def best(data: xr.DataTree, T: int) -> xr.Dataset:
    """Return the one with the lowest training loss."""
    return tm.best_of(same_size(data, T), over="model", by="train_loss")


def mean_test_loss(data: xr.DataTree) -> np.ndarray:
    """Return the test loss for each dataset size, averaged over datasets and restarts."""
    return np.array([same_size(data, T).test_loss.values.mean() for T in sizes(data)])


def reaches_features(data: xr.DataTree) -> bool:
    """Whether the largest dataset has the datapoints that it takes to learn features.

    It took between n / 2 and n of them in all runs.
    """
    largest = sizes(data)[-1]
    return bool(largest >= best(data, largest).sizes["feature"])


def polygon_error(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far hidden vectors [*, 2, T] are from a regular polygon: angles, and radii.

    Returns the largest deviation from 360/T of the angles between neighbours, in degrees, and
    the standard deviation of the radii over their mean, each [*].
    """
    gaps, radii = geometry.angular_gaps(h), np.asarray(geometry.norms(h))
    deviation = np.abs(gaps - 360 / h.shape[-1]).max(axis=-1)
    return deviation, radii.std(axis=-1) / radii.mean(axis=-1)


def longest(W: np.ndarray, count: int = 5) -> np.ndarray:
    """Return the longest columns of W [m, n]: the features that are learned, if any are."""
    return W[:, np.argsort(-np.asarray(geometry.norms(W)))[:count]]


def draw_planes(
    place: FigureBase,
    models: Sequence[xr.Dataset],
    names: Sequence[str] = ("h", "W"),
    limits: Sequence[float | None] = (None, None),
) -> None:
    """Draw each model's hidden vectors in red above and its features' directions in blue below."""
    titles = [f"T = {plotting.plain_number(model.dataset_size.item())}" for model in models]
    grid = plotting.panels(place, names, titles)
    colors = (plotting.DATAPOINT, plotting.FEATURE)
    for row, name, color, limit in zip(grid, ("h", "W"), colors, limits, strict=True):
        row[0].yaxis.label.set_color(color)
        for ax, model in zip(row, models, strict=True):
            plotting.point_cloud(ax, model[name].values, color, limit)
