"""Features and datapoints in the plane, from three datapoints to thousands.

Source: Henighan et al. 2023, "Superposition, Memorization, and Double Descent", figures 1 and 2.

The same model, two hidden dimensions, is trained on more and more datapoints. Above are the
hidden vectors h of the datapoints, below the features' directions, the columns of W, each panel
on its own scale. Few datapoints form a regular polygon and the features are a scatter; with
many it is the features that form a polygon, the pentagon of endless data. Of the models of one
size the one with the lowest training loss is shown.

Findings, at `paper`: three datapoints make a triangle with unequal angles, as any three directions
that far apart memorise them; two datapoints that share a feature bend a polygon (T = 6); and at
T = 10 and 15 some models keep the points on two radii, with a gap, a local optimum.
"""

import numpy as np

from experiments.memorization._models import (
    DEVIATIONS,
    best,
    draw_planes,
    largest,
    polygon_error,
    same_size,
    sizes,
)
from experiments.memorization._runs import PAPER, SMOKE, Spec, run
from toymodels import Claim, Experiment, geometry, plotting
from toymodels.suite.cli import main

WHERE = "Henighan et al. 2023, figure 2"


@plotting.style()
def plot(dataset):
    shown = sizes(dataset)
    figure = plotting.figure(0.8 * len(shown) + 0.4, 1.9)
    grid = figure.subplots(2, len(shown), squeeze=False)
    for column, T in zip(grid.T, shown, strict=True):
        draw_planes(*column, best(dataset, T))
        column[0].set_title(f"T = {plotting.plain_number(T)}")
    grid[0, 0].set_ylabel("datapoints h", color=plotting.DATAPOINT)
    grid[1, 0].set_ylabel("features W", color=plotting.FEATURE)
    return figure


def claims(dataset):
    few = [T for T in sizes(dataset) if 3 <= T <= 8]
    gaps, spreads = zip(*(polygon_error(best(dataset, T).h.values) for T in few), strict=True)
    regular = [
        np.mean(np.less(polygon_error(same_size(dataset, T).h.values), [[[5]], [[0.05]]]).all(0))
        for T in few
    ]
    W = best(dataset, sizes(dataset)[-1]).W.values
    lengths = np.sort(geometry.norms(W))[::-1]
    listed = ", ".join(map(str, few))
    return [
        Claim.within(
            f"Few datapoints form a regular T-gon (degrees off 360/T at most, T = {listed})",
            WHERE,
            (0, 5),
            gaps,
        ),
        Claim.within(
            f"They lie on a circle (standard deviation of radii over their mean, T = {listed})",
            WHERE,
            (0, 0.05),
            spreads,
        ),
        Claim(
            f"So do single models (share of them with both, T = {listed})",
            "ours: the source shows single models",
            "above 0 for each T",
            regular,
            bool(len(few) and min(regular) > 0),
        ),
        Claim.within(
            "With most datapoints the five longest features form a pentagon (angles between "
            "neighbours)",
            WHERE,
            (62, 82),
            geometry.angular_gaps(largest(W)),
        ),
        Claim(
            "They stand out (length of the five, then of the sixth)",
            WHERE,
            "the sixth shorter than half the fifth",
            lengths[:6],
            bool(lengths[5] < lengths[4] / 2),
        ),
    ]


EXPERIMENT = Experiment(
    Spec,
    run,
    plot,
    claims,
    smoke=SMOKE,
    paper=PAPER,
    sweeps="dataset_size",
    deviations=DEVIATIONS,
)

if __name__ == "__main__":
    main(EXPERIMENT)
