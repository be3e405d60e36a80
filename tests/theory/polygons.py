"""Regular polygons in the plane, for tests."""

import numpy as np


def polygon(k):
    """Corners as columns, `[2, k]`."""
    angles = 2 * np.pi * np.arange(k) / k
    return np.stack([np.cos(angles), np.sin(angles)])
