"""Features and datapoints in the plane, from three datapoints to thousands.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figures 1 and 2.

A model with two hidden dimensions is trained on datasets of increasing size. The upper row shows
the hidden vectors h of the datapoints, the lower row the features' directions, the columns of W,
each panel on its own scale. Few datapoints form a regular polygon, with scattered features; with
many datapoints the features form a polygon, the pentagon of infinite data. For each size, the
model with the lowest training loss is shown, and among those that memorise all
datapoints the smallest.

Deviations:
- Here n = {n:,}, S = {sparsity:g} and {steps:,} steps; the source has 10,000, 0.999 and 50,000.
- Up to T = {few}: {few_steps:,} steps, weight decay {few_weight_decay:g} in place of 0.01, and the
  best of {few_restarts} restarts by training loss and, among equals, by norm.
- Up to T = {disjoint}, datapoints share no active feature. At the source's size a pair shares one
  with probability 0.01, here with 0.1, which bends the polygons.
- Adam's epsilon is 1e-8 n, as for a loss averaged over features: see `adam_epsilon`.
- All models of one T and restart start from the same weights; they differ in their datapoints.
"""

from collections.abc import Iterator

import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from experiments.memorization._models import (
    best_models,
    by_size,
    draw_planes,
    longest,
    memorised,
    reaches_features,
)
from experiments.memorization._runs import PAPER, SMOKE, Spec, run
from toymodels import figure as fig
from toymodels import geometry, plotting

HENIGHAN = fig.Source("Henighan et al. 2023, figure 2")
SINGLE = fig.Source("ours: the source shows single models")


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    models = best_models(data)
    banks = 1 if len(models) < 6 else 2  # a single row of many panels is too wide
    columns = -(-len(models) // banks)
    figure = plotting.figure(1.35 * max(columns, 3) + 0.6, 2.75 * banks)
    for i, part in enumerate(figure.subfigures(banks, squeeze=False)[:, 0]):
        draw_planes(part, models[columns * i :][:columns], columns=columns)
    figure.supxlabel("T datapoints, in two hidden dimensions; each panel on its own scale")
    return figure


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    models, few = best_models(data), slice(3, 8)
    errors = by_size(models, polygon_errors).sel(dataset_size=few)
    T = f"T = {errors.dataset_size.values.tolist()}"
    yield HENIGHAN.claim(f"Few datapoints form a regular T-gon (degrees off 360/T, {T})").within(
        0, 5, errors.degrees
    )
    yield HENIGHAN.claim(f"They lie on a circle (deviation of radii over their mean, {T})").within(
        0, 0.05, errors.radius
    )
    sizes = tm.select_all(data, budget=1)
    regular = by_size(sizes, share_of_polygons).sel(dataset_size=few)
    kept = by_size(sizes, lambda models: memorised(models).all("datapoint").mean())
    yield SINGLE.claim(
        f"So do single models (share of them with both, {T}; all datapoints are memorised by "
        f"{kept.sel(dataset_size=few).round(2).values.tolist()})"
    ).above(0, regular)
    if reaches_features(models[-1]):
        W = longest(models[-1].W, 6)
        yield HENIGHAN.claim(
            "With most datapoints the five longest features form a pentagon (angles of neighbours)"
        ).within(62, 82, geometry.angular_gaps(W.isel(feature=slice(5))))
        lengths = geometry.norms(W).values
        yield HENIGHAN.claim("They stand out (the sixth's length over the fifth's)").below(
            0.5, lengths[5:] / lengths[4:-1]
        )


def polygon_errors(models: xr.Dataset) -> xr.Dataset:
    """Measure the deviation of each model's hidden vectors from a regular polygon.

    Returns `degrees`, the largest deviation from 360/T of the angles between neighbours, and
    `radius`, the standard deviation of their radii over the mean.
    """
    gaps, radii = geometry.angular_gaps(models.h), geometry.norms(models.h)
    degrees = abs(gaps - 360 / models.sizes["datapoint"]).max("gap")
    return xr.Dataset(
        {"degrees": degrees, "radius": radii.std("datapoint") / radii.mean("datapoint")}
    )


def share_of_polygons(models: xr.Dataset) -> xr.DataArray:
    """Return the share of the models whose hidden vectors are a regular polygon."""
    errors = polygon_errors(models)
    return ((errors.degrees < 5) & (errors.radius < 0.05)).mean()


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=SMOKE,
    paper=PAPER,
)

if __name__ == "__main__":
    EXPERIMENT.main()
