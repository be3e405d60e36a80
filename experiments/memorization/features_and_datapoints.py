"""Features and datapoints in the plane, from three datapoints to thousands.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figures 1 and 2.

The same model, two hidden dimensions, is trained on more and more datapoints. Above are the
hidden vectors h of the datapoints, below the features' directions, the columns of W, each panel
on its own scale. Few datapoints form a regular polygon and the features are a scatter; with
many it is the features that form a polygon, the pentagon of endless data. Of the models of one
size the one with the lowest training loss is shown.

Findings of an earlier run at `paper`, whose record is not kept: three datapoints make a triangle
with unequal angles, as any three directions that far apart memorise them; two datapoints that
share a feature bend a polygon (T = 6); and at T = 10 and 15 some models keep the points on two
radii, with a gap, a local optimum. With the settings of `quick` but T = 1,500 the best of two
models had six features, a hexagon.

Deviations:
- Here n = {n:,}, S = {sparsity:g} and {steps:,} steps; the source has 10,000, 0.999 and 50,000.
- All models of one T and restart start from the same weights; they differ in their datapoints.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from experiments.memorization._models import best_models, draw_planes, longest, reaches_features
from experiments.memorization._runs import PAPER, SMOKE, Spec, run
from toymodels import figure as fig
from toymodels import geometry, plotting

HENIGHAN = fig.Source("Henighan et al. 2023, figure 2")


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    models = best_models(data)
    banks = 1 if len(models) < 6 else 2  # a strip of many is too thin for a screen
    columns = -(-len(models) // banks)
    figure = plotting.figure(1.35 * max(columns, 3) + 0.6, 2.75 * banks)
    for i, part in enumerate(figure.subfigures(banks, squeeze=False)[:, 0]):
        draw_planes(part, models[columns * i :][:columns], columns=columns)
    figure.supxlabel(
        "T datapoints, in two hidden dimensions; each panel on its own scale", fontsize="medium"
    )
    return figure


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    best, sizes = best_models(data), tm.select_all(data, budget=1)
    few = [i for i, one in enumerate(best) if 3 <= one.dataset_size <= 8]
    at = f"T = {[best[i].dataset_size.item() for i in few]}"
    errors = np.array([polygon_error(best[i].h.values) for i in few]).reshape(-1, 2)
    each = [polygon_error(sizes[i].h.values) for i in few]
    yield HENIGHAN.claim(f"Few datapoints form a regular T-gon (degrees off 360/T, {at})").within(
        0, 5, errors[:, 0]
    )
    yield HENIGHAN.claim(f"They lie on a circle (deviation of radii over their mean, {at})").within(
        0, 0.05, errors[:, 1]
    )
    yield (
        fig.Source("ours: the source shows single models")
        .claim(f"So do single models (share of them with both, {at})")
        .above(0, [np.mean((degrees < 5) & (spread < 0.05)) for degrees, spread in each])
    )
    W, enough = longest(best[-1].W.values, 6), reaches_features(best[-1])
    lengths = geometry.norms(W)
    yield HENIGHAN.claim(
        "With most datapoints the five longest features form a pentagon (angles of neighbours)",
        when=enough,
    ).within(62, 82, geometry.angular_gaps(W[:, :5]))
    yield HENIGHAN.claim("They stand out (the sixth's length over the fifth's)", when=enough).below(
        0.5, lengths[5:] / lengths[4:-1]
    )


def polygon_error(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far hidden vectors [*, 2, T] are from a regular polygon: angles, and radii.

    Returns the largest deviation from 360/T of the angles between neighbours, in degrees, and
    the standard deviation of the radii over their mean, each [*].
    """
    gaps, radii = geometry.angular_gaps(h), np.asarray(geometry.norms(h))
    deviation = np.abs(gaps - 360 / h.shape[-1]).max(axis=-1)
    return deviation, radii.std(axis=-1) / radii.mean(axis=-1)


EXPERIMENT = fig.Experiment(
    __file__, Spec, run, plot, claims,
    smoke=SMOKE, paper=PAPER,
    describes={"budget": "multiple of the steps that the model was trained for"},
)  # fmt: skip

if __name__ == "__main__":
    EXPERIMENT.main()
