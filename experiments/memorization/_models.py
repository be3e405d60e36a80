"""Select and draw the models of the shared runs, for each dataset size."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import xarray as xr
from matplotlib.figure import FigureBase

import toymodels as tm
from toymodels import geometry, plotting

Measured = TypeVar("Measured", xr.DataArray, xr.Dataset)


def best_models(data: xr.DataTree) -> list[xr.Dataset]:
    """Return the model with the lowest training loss of each dataset size."""
    axes = ["dataset", "seed"]
    sizes = tm.select_all(data, budget=1)
    return [tm.best_of(models, axes, by="train_loss").drop_vars(axes) for models in sizes]


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
