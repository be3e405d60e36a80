"""Features and datapoints in the plane, from three datapoints to thousands.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figures 1 and 2.

The same model, two hidden dimensions, is trained on more and more datapoints. Above are the
hidden vectors h of the datapoints, below the features' directions, the columns of W, each panel
on its own scale. Few datapoints form a regular polygon and the features are a scatter; with
many it is the features that form a polygon, the pentagon of endless data. Of the models of one
size the one with the lowest training loss is shown.

Findings, at `paper`: three datapoints make a triangle with unequal angles, as any three directions
that far apart memorise them; two datapoints that share a feature bend a polygon (T = 6); and at
T = 10 and 15 some models keep the points on two radii, with a gap, a local optimum. With the
settings of `quick` but T = 1,500 the best of two models had six features, a hexagon.

Deviations:
- Here n = {n:,}, S = {sparsity:g} and {steps:,} steps; the source has 10,000, 0.999 and 50,000.
- All models of one T and restart start from the same weights; they differ in their datapoints.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from experiments.memorization._models import (
    best,
    draw_planes,
    longest,
    polygon_error,
    reaches_features,
    same_size,
    sizes,
)
from experiments.memorization._runs import PAPER, SMOKE, WEIGHTS, Spec, run
from toymodels import geometry, plotting

HENIGHAN = tm.Source("Henighan et al. 2023, figure 2")


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    shown = sizes(data)
    figure = plotting.figure(0.8 * len(shown) + 0.4, 1.9)
    draw_planes(figure, [best(data, T) for T in shown], ("datapoints h", "features W"))
    return figure


def claims(data: xr.DataTree) -> Iterator[tm.Claim]:
    few = [T for T in sizes(data) if 3 <= T <= 8]
    errors = np.array([polygon_error(best(data, T).h.values) for T in few]).reshape(-1, 2)
    listed = f"T = {', '.join(map(str, few))}"
    yield HENIGHAN.within(
        f"Few datapoints form a regular T-gon (degrees off 360/T at most, {listed})",
        0, 5, errors[:, 0],
    )  # fmt: skip
    yield HENIGHAN.within(
        f"They lie on a circle (standard deviation of radii over their mean, {listed})",
        0, 0.05, errors[:, 1],
    )  # fmt: skip
    yield tm.Source("ours: the source shows single models").above(
        f"So do single models (share of them with both, {listed})",
        0, [regular(same_size(data, T)).mean() for T in few],
    )  # fmt: skip
    W = longest(best(data, sizes(data)[-1]).W.values, 6)
    lengths = geometry.norms(W)
    yield HENIGHAN.within(
        "With most datapoints the five longest features form a pentagon (angles between "
        "neighbours)",
        62, 82, geometry.angular_gaps(W[:, :5]), when=reaches_features(data),
    )  # fmt: skip
    yield HENIGHAN.below(
        "They stand out (length of the sixth over that of the fifth)",
        0.5, lengths[5] / lengths[4], when=reaches_features(data),
    )  # fmt: skip


def regular(models: xr.Dataset) -> np.ndarray:
    """Whether the hidden vectors of each model form a regular polygon, by both measures."""
    degrees, spread = polygon_error(models.h.transpose("model", "hidden", "datapoint").values)
    return (degrees < 5) & (spread < 0.05)


EXPERIMENT = tm.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=SMOKE,
    paper=PAPER,
    sweeps="dataset_size",
    weights=WEIGHTS,
)

if __name__ == "__main__":
    EXPERIMENT.main()
