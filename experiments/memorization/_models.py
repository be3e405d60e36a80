"""Select and draw the models of the shared runs, for each dataset size."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np
import xarray as xr
from matplotlib.figure import FigureBase

import toymodels as tm
from toymodels import geometry, plotting

Measured = TypeVar("Measured", xr.DataArray, xr.Dataset)


ZERO = 1e-3  # training losses below are equal: all datapoints are memorised
GIVEN_UP = 0.5  # error above which a datapoint, of length 1, is not memorised


def best_models(data: xr.DataTree) -> list[xr.Dataset]:
    """Return the best model of each dataset size, as `best_of_equals`."""
    axes = ["dataset", "seed"]
    sizes = tm.select_all(data, budget=1)
    return [best_of_equals(models, axes).drop_vars(axes) for models in sizes]


def best_of_equals(models: xr.Dataset, dim: Sequence[str] = ("seed",)) -> xr.Dataset:
    """Return the model with the lowest training loss, and of those that memorise the smallest.

    Many arrangements of few datapoints have zero loss; that of smallest ||W|| is the polygon.
    """
    lowest = np.maximum(models.train_loss.min(list(dim)), ZERO)
    norm = weight_norm(models).where(models.train_loss <= lowest)
    return tm.best_of(models.assign(norm=norm), dim, by="norm").drop_vars("norm")


def weight_norm(models: xr.Dataset) -> xr.DataArray:
    """Return ||W||_F of each model."""
    return np.sqrt((models.W**2).sum(["hidden", "feature"]))


def memorised(models: xr.Dataset) -> xr.DataArray:
    """Return which datapoints are memorised: |x - x'|^2 is at most `GIVEN_UP`."""
    return models.datapoint_error <= GIVEN_UP


def by_size(sizes: Iterable[xr.Dataset], measure: Callable[[xr.Dataset], Measured]) -> Measured:
    """Apply `measure` to the models of each dataset size; concatenate along `dataset_size`."""
    return xr.concat([measure(models) for models in sizes], "dataset_size")


def reaches_features(largest: xr.Dataset) -> bool:
    """Whether the dataset is large enough to learn features, which takes n / 2 to n datapoints."""
    return bool(largest.dataset_size >= largest.sizes["feature"])


def longest(W: xr.DataArray, count: int = 5) -> xr.DataArray:
    """Return the longest columns of W in descending order: the learned features, if any."""
    return W.sortby(geometry.norms(W), ascending=False).isel(feature=slice(count))


def draw_planes(
    place: FigureBase,
    models: Sequence[xr.Dataset],
    names: Sequence[str] = ("datapoints\nh = W x", "features\nW"),
    limits: Sequence[float | None] = (None, None),
    columns: int = 0,
) -> None:
    """Draw each model's hidden vectors (red, upper row) and columns of W (blue, lower row).

    Args:
        place: the figure, or a part of it.
        models: one column each.
        names: labels of the two rows.
        limits: half the width of the panels of each row; None scales each panel by itself.
        columns: number of columns of the grid, if larger than the number of models.
    """
    titles = [f"T = {plotting.plain_number(model.dataset_size.item())}" for model in models]
    empty = [""] * max(0, columns - len(models))
    grid = plotting.panels(place, names, [*titles, *empty])
    for ax in grid[:, len(models) :].flat:
        ax.set_axis_off()
    colors = (plotting.DATAPOINT, plotting.FEATURE)
    for row, name, color, limit in zip(grid, ("h", "W"), colors, limits, strict=True):
        row[0].yaxis.label.set_color(color)
        for ax, model in zip(row[: len(models)], models, strict=True):
            plotting.point_cloud(ax, model[name], color, limit)
