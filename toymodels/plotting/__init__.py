"""Axes-level drawing in one style: functions of NumPy arrays that return Matplotlib artists.

The first argument is the Axes. Colours have the same meaning in every figure (`colors`). This
package does not train, measure or read files, does not import jax, and keeps no figure open.
"""

from .animation import animate
from .clouds import point_cloud
from .colors import (
    AMBER,
    DATAPOINT,
    FAINT,
    FEATURE,
    GRAM_CMAP,
    INK,
    MMCS_CMAP,
    MUTED,
    NOT_LEARNED,
    SHARING_CMAP,
    SUPERPOSED,
    SUPERPOSITION_CMAP,
    feature_colors,
    importance_colors,
    kind_colors,
    ordered_colors,
    phase_colors,
    readable_ink,
)
from .counts import (
    losses_by_outcome,
    restart_counts,
    restart_lines,
    restart_points,
    restart_sweeps,
    share_lines,
)
from .directions import directions_over
from .dots import dot_strip, fraction_guides
from .graphs import feature_graph
from .grids import ratio_key, ratio_table, value_table
from .labels import (
    even_axis,
    log_axis,
    plain_number,
    point_legend,
    sparsity_label,
)
from .legibility import text_faults
from .matrices import gram_with_bias, heat_map, norm_bars, sharing_key, sign_key
from .neuron_wiring import neuron_wiring
from .panels import panels, shared_limit
from .phases import phase_key, phase_map
from .snapshots import hang_snapshot, joined_pairs_3d
from .stacks import feature_key, stack_key, stack_limits, stack_plot
from .style import figure, style
from .tiles import image_tiles, tile_rows
from .vectors import (
    arrow_glyph,
    feature_arrows,
    feature_lines_3d,
    polygon_arrows,
    unit_circle,
    vector_panels,
)
from .wiring import wiring_diagram

__all__ = [
    "AMBER",
    "DATAPOINT",
    "FAINT",
    "FEATURE",
    "GRAM_CMAP",
    "INK",
    "MMCS_CMAP",
    "MUTED",
    "NOT_LEARNED",
    "SHARING_CMAP",
    "SUPERPOSED",
    "SUPERPOSITION_CMAP",
    "animate",
    "arrow_glyph",
    "directions_over",
    "dot_strip",
    "even_axis",
    "feature_arrows",
    "feature_colors",
    "feature_graph",
    "feature_key",
    "feature_lines_3d",
    "figure",
    "fraction_guides",
    "gram_with_bias",
    "hang_snapshot",
    "heat_map",
    "image_tiles",
    "importance_colors",
    "joined_pairs_3d",
    "kind_colors",
    "log_axis",
    "losses_by_outcome",
    "neuron_wiring",
    "norm_bars",
    "ordered_colors",
    "panels",
    "phase_colors",
    "phase_key",
    "phase_map",
    "plain_number",
    "point_cloud",
    "point_legend",
    "polygon_arrows",
    "ratio_key",
    "ratio_table",
    "readable_ink",
    "restart_counts",
    "restart_lines",
    "restart_points",
    "restart_sweeps",
    "share_lines",
    "shared_limit",
    "sharing_key",
    "sign_key",
    "sparsity_label",
    "stack_key",
    "stack_limits",
    "stack_plot",
    "style",
    "text_faults",
    "tile_rows",
    "unit_circle",
    "value_table",
    "vector_panels",
    "wiring_diagram",
]
