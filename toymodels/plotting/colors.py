"""The palette: colours with the same meaning in every figure of the suite.

Blue is a feature, or a dedicated dimension; red is a datapoint, or a shared dimension; white is not
learned. Beside W^T W, where blue and red are signs, a dedicated dimension is dark and a shared one
amber. Shades are computed in OKLCH (https://bottosson.github.io/posts/oklab/), where equal steps
of lightness look equal.
"""

import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from numpy.typing import ArrayLike

INK = "#1f2430"  # text and main lines
MUTED = "#6b7280"  # ticks, frames, remarks
FAINT = "#d5d9e0"  # guide lines
FEATURE = "#2a6fbb"  # a feature; a dedicated dimension
DATAPOINT = "#d0392b"  # a datapoint
SUPERPOSED = DATAPOINT  # a shared dimension
AMBER = "#e8a02c"  # a shared dimension, in figures where red is a sign
NOT_LEARNED = "#ffffff"  # no dimension
KINDS = ("#3b4252", "#2a9187", "#dd9a2b", "#8a5ba6", "#7b8a99", "#b5657f")  # axes.prop_cycle

_BLUE_HUE = 253.6  # degrees, of FEATURE

_LMS_OF_LAB = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_RGB_OF_LMS = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def _oklch(lightness: ArrayLike, chroma: ArrayLike, hue: ArrayLike) -> np.ndarray:
    """Convert OKLCH (hue in degrees) to RGB [..., 3], clipped to the sRGB gamut."""
    lightness, chroma, hue = np.broadcast_arrays(lightness, chroma, np.radians(hue))
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    linear = np.clip((lab @ _LMS_OF_LAB.T) ** 3 @ _RGB_OF_LMS.T, 0.0, 1.0)
    return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)


def _ramp(name: str, *colors: str) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list(name, colors, N=512)


GRAM_CMAP = _ramp(
    "gram", "#8e1b14", DATAPOINT, "#f0a496", NOT_LEARNED, "#93bbe6", FEATURE, "#123f7c"
)
"""Diverging, for W^T W and biases: red below zero, white at zero, blue above."""

SUPERPOSITION_CMAP = _ramp("superposition", FEATURE, "#8a55a8", DATAPOINT)
"""Sequential, for superposition from 0 (dedicated, blue) to 1 and above (superposed, red)."""

SHARING_CMAP = _ramp("sharing", INK, "#8c6530", AMBER)
"""Sequential, for superposition where red is a sign: 0 (dedicated) is dark, 1 and above amber."""

MMCS_CMAP = _ramp("mmcs", NOT_LEARNED, "#93bbe6", FEATURE, "#123f7c")
"""Sequential, for the recovery of features: white at 0, dark blue at 1."""


def feature_colors(n: int) -> np.ndarray:
    """Return a colour for each of n features, RGB [n, 3]: hues of equal lightness, from blue on.

    Up to about eight hues can be distinguished.
    """
    return _oklch(0.62, 0.14, _BLUE_HUE + 360.0 * np.arange(n) / n)


def kind_colors(n: int) -> list[str]:
    """Return colours for n categories other than features, such as encoders or depths.

    None is the blue of features or the red of datapoints. They repeat after six.
    """
    return [KINDS[i % len(KINDS)] for i in range(n)]


def ordered_colors(n: int) -> np.ndarray:
    """Return greys for n ordered values, such as widths or sparsities, RGB [n, 3]; darkest last."""
    return _oklch(np.linspace(0.82, 0.27, n) if n > 1 else [0.27], 0.015, _BLUE_HUE)


def readable_ink(rgb: ArrayLike) -> str:
    """Choose the text colour for a background RGB [3]: dark or white, by the higher contrast."""
    both = np.array([np.asarray(rgb, dtype=float), to_rgb(INK)])
    linear = np.where(both > 0.04045, ((both + 0.055) / 1.055) ** 2.4, both / 12.92)
    ground, dark = linear @ [0.2126, 0.7152, 0.0722] + 0.05  # contrast as in WCAG 2
    return INK if ground / dark > 1.05 / ground else "white"


def importance_colors(importance: ArrayLike) -> np.ndarray:
    """Show importance as lightness: blues, darkest for the most important feature.

    Lightness is linear in log importance, from navy for the largest to a pale blue, visible on
    white, for the smallest. Equal importances are all navy; importance 0 is as pale as the palest.

    Args:
        importance: [n], non-negative, and not all zero.

    Returns:
        RGB [n, 3].

    Raises:
        ValueError: if an importance is negative or NaN, or none is positive.

    """
    importance = np.asarray(importance, dtype=float)
    if not (np.all(importance >= 0) and np.any(importance > 0)):
        raise ValueError(f"importances must not be negative, nor all 0; got {importance.min()}")
    some = importance > 0
    depth = np.log(importance.max()) - np.log(importance, where=some, out=np.zeros(some.shape))
    paleness = np.where(some, depth / max(depth[some].max(), 1e-6), 1.0)
    return _oklch(0.34 + 0.45 * paleness, 0.13 - 0.04 * paleness, _BLUE_HUE)


def phase_colors(
    norm: ArrayLike, superposition: ArrayLike, ramp: Colormap = SUPERPOSITION_CMAP
) -> np.ndarray:
    """Show the phase of a feature: white not learned, blue dedicated, red superposed.

    Args:
        norm: [...], |W_i| of the feature, clipped to [0, 1]; decides the saturation.
        superposition: [...], sum over j != i of (W_i / |W_i| . W_j)^2, clipped to [0, 1]; decides
            the hue. It has no effect, and may be NaN, where the norm is 0.
        ramp: colormap of superposition.

    Returns:
        RGB [..., 3].

    """
    norm, superposition = np.broadcast_arrays(norm, superposition)
    strength = np.clip(norm, 0.0, 1.0)[..., None]
    hue = np.array(ramp(np.clip(np.nan_to_num(superposition), 0.0, 1.0)))[..., :3]
    return (1.0 - strength) * to_rgb(NOT_LEARNED) + strength * hue
