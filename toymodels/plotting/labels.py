"""Numbers as a reader would write them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.figure import FigureBase
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike

from .style import style


def plain_number(x: float | np.number) -> str:
    """Write a number with up to six significant digits and no exponent: 0.001, 0.3, 10,000."""
    return f"{Decimal(f'{x + 0.0:.6g}'):,f}"  # + 0.0 takes the sign off a zero


def _probability(x: float | np.number) -> str:
    """Write x with the digits that give both x and 1 - x three significant ones."""
    return f"{Decimal(f'{x:.3g}') if x < 0.5 else 1 - Decimal(f'{1 - x:.3g}'):f}"


def sparsity_label(sparsity: float | np.number) -> str:
    """Name the probability that a feature is inactive: ``S = 0.999``."""
    return f"S = {_probability(sparsity)}"


@style()
def log_axis(axis: XAxis | YAxis, ticks: ArrayLike | None = None) -> None:
    """Make an axis logarithmic, with plain numbers at its ticks.

    Args:
        axis: ``ax.xaxis`` or ``ax.yaxis``.
        ticks: where to put them; the decades if not given.

    """
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(
        LogLocator() if ticks is None else FixedLocator(np.asarray(ticks).tolist())
    )
    axis.set_major_formatter(FuncFormatter(lambda x, _: plain_number(x)))
    axis.set_minor_formatter(NullFormatter())
    if ticks is not None:
        axis.set_minor_locator(NullLocator())


@style()
def even_axis(axis: XAxis | YAxis, values: ArrayLike) -> None:
    """Name the places 0, 1, 2, ... of an axis by values, evenly apart whatever their steps are.

    Args:
        axis: ``ax.xaxis`` or ``ax.yaxis``.
        values: [k], a number for each place.

    """
    names = [plain_number(value) for value in np.asarray(values)]
    axis.set_ticks(range(len(names)), names)


@style()
def point_legend(place: Axes | FigureBase, colors: Mapping[str, Any], **options: Any) -> Legend:
    """Name the colours of points, in a row outside a figure's panels or in a corner of an axes.

    Args:
        place: the figure or the axes.
        colors: the colour of each name.
        options: as `legend` takes them (`loc`, `ncols`, ...).

    """
    points = [
        Line2D([], [], color=color, marker="o", markersize=3, linestyle="")
        for color in colors.values()
    ]
    if isinstance(place, Axes):
        return place.legend(points, list(colors), **options)
    outside: dict[str, Any] = {"loc": "outside lower center", "ncols": len(points)}
    return place.legend(points, list(colors), **(outside | options))
