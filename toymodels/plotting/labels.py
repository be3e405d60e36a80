"""Number formats, axes with plain numbers, and legends."""

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
    return f"{Decimal(f'{x + 0.0:.6g}'):,f}"  # + 0.0 turns -0.0 into 0.0


def _probability(x: float | np.number) -> str:
    """Write x with enough digits for three significant ones in both x and 1 - x."""
    return f"{Decimal(f'{x:.3g}') if x < 0.5 else 1 - Decimal(f'{1 - x:.3g}'):f}"


def sparsity_label(sparsity: float | np.number) -> str:
    """Return a label of a sparsity, such as ``S = 0.999``."""
    return f"S = {_probability(sparsity)}"


@style()
def log_axis(axis: XAxis | YAxis, ticks: ArrayLike | None = None) -> None:
    """Make an axis logarithmic, with plain numbers at its ticks.

    Args:
        axis: ``ax.xaxis`` or ``ax.yaxis``.
        ticks: positions of the ticks; the decades by default.

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
    """Label the positions 0, 1, 2, ... of an axis with numbers or names.

    Args:
        axis: ``ax.xaxis`` or ``ax.yaxis``.
        values: [k], the number or name at each position.

    """
    names = [
        str(value) if isinstance(value, str) else plain_number(value)
        for value in np.asarray(values)
    ]
    axis.set_ticks(range(len(names)), names)


@style()
def point_legend(place: Axes | FigureBase, colors: Mapping[str, Any], **options: Any) -> Legend:
    """Draw a legend of coloured points, below the panels of a figure or inside an axes.

    Args:
        place: the figure or the axes.
        colors: colour of each name.
        options: passed to `legend` (`loc`, `ncols`, ...).

    """
    points = [
        Line2D([], [], color=color, marker="o", markersize=3, linestyle="")
        for color in colors.values()
    ]
    if isinstance(place, Axes):
        return place.legend(points, list(colors), **options)
    outside: dict[str, Any] = {"loc": "outside lower center", "ncols": len(points)}
    return place.legend(points, list(colors), **(outside | options))
