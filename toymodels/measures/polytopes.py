"""Polytopes formed by features: connected components of the features, and their names."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components

from toymodels.measures.geometry import Weights, cosines, represented
from toymodels.numerics.names import in_order
from toymodels.theory.polytopes import regular_polygon, regular_simplex

__all__ = ["Polytope", "find_polytopes", "gram_distance"]

SIMPLICES = {2: "digon", 3: "triangle", 4: "tetrahedron"}
POLYGONS = {4: "square", 5: "pentagon", 6: "hexagon"}
MOST_CORNERS = 12  # larger components are not compared with polytopes


class Polytope(NamedTuple):
    """A connected component of the features.

    Attributes:
        features: indices of its features.
        name: "digon", "triangle", "tetrahedron", "pentagon", "square antiprism", "7-gon",
            "5-simplex", ..., "single" for a feature alone, or "other".
        distance: `gram_distance` to the polytope named; infinite for "other".
    """

    features: tuple[int, ...]
    name: str
    distance: float


def find_polytopes(W: Weights, *, overlap: float = 0.15, tolerance: float = 0.2) -> list[Polytope]:
    """Name the polytopes formed by the represented features of a model.

    Two features are connected if the cosine between them is above `overlap` in magnitude. The
    factors of a tegum product are separate components: an octahedron is three digons.

    >>> from toymodels import polytopes, theory
    >>> W = theory.tegum_product(theory.regular_polygon(3), theory.regular_simplex(2))
    >>> [(part.name, part.features) for part in polytopes.find_polytopes(W)]
    [('triangle', (0, 1, 2)), ('digon', (3, 4))]

    Source: Elhage et al. 2022, section "The Geometry of Superposition".

    Args:
        W: weights [m, n], one column per feature; the dimensions of a DataArray are matched by
            name.
        overlap: magnitude of the cosine above which two features are connected.
        tolerance: largest distance at which a polytope is named.

    Returns:
        The components, in the order of their first features.
    """
    weights = np.asarray(in_order(W, "hidden", "feature"), float)
    kept = np.flatnonzero(represented(weights))
    edges = np.abs(cosines(weights[:, kept])) > overlap
    count, labels = connected_components(edges, directed=False)
    parts = [kept[labels == label] for label in range(count)]
    return [_name(weights, part, tolerance) for part in parts]


def _name(weights: np.ndarray, part: np.ndarray, tolerance: float) -> Polytope:
    features = tuple(part.tolist())
    if len(part) == 1:
        return Polytope(features, "single", 0.0)
    gram = weights[:, part].T @ weights[:, part]
    found = [
        (gram_distance(gram, corners.T @ corners, most=tolerance), name)
        for name, corners in _candidates(len(part))
    ]
    distance, name = min(found, default=(np.inf, ""))
    return Polytope(features, name if distance <= tolerance else "other", distance)


def _candidates(k: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and corners of each polytope with k corners."""
    if k > MOST_CORNERS:
        return
    yield SIMPLICES.get(k, f"{k - 1}-simplex"), regular_simplex(k)
    if k > 3:
        yield POLYGONS.get(k, f"{k}-gon"), regular_polygon(k)
    if k == 6:
        yield "octahedron", np.concatenate([np.eye(3), -np.eye(3)], axis=1)
    if k == 8:
        yield "square antiprism", _square_antiprism()


def _square_antiprism() -> Float[np.ndarray, "3 8"]:
    """Return the corners of the square antiprism whose features all have dimensionality 3/8."""
    height = 1 / np.sqrt(3)
    angles = np.pi / 4 * np.arange(8)
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(angles), ring * np.sin(angles), height * (-1.0) ** np.arange(8)])


def gram_distance(
    gram: Float[np.ndarray, "k k"], ideal: Float[np.ndarray, "k k"], *, most: float = np.inf
) -> float:
    """Return the distance of a Gram matrix to an ideal one, up to rotation, scale and order.

    Both are scaled to trace k. The distance is the Frobenius norm of their difference divided by
    that of the ideal, minimised over the order of the corners. Gram matrices do not depend on
    rotation.

    Args:
        gram: W^T W of k features.
        ideal: Gram matrix of a polytope with k corners.
        most: distances of this or more are returned as infinite.

    Returns:
        The distance; 0 for the polytope itself.
    """
    k = len(ideal)
    scale = float(np.linalg.norm(ideal * k / np.trace(ideal)) ** 2)
    bound = most**2 * scale
    pair = gram * k / np.trace(gram), ideal * k / np.trace(ideal)
    error = _least_error(*pair, (), 0.0, bound)
    return float(np.sqrt(error / scale)) if error < bound else np.inf


def _least_error(
    gram: np.ndarray, ideal: np.ndarray, order: tuple[int, ...], error: float, least: float
) -> float:
    """Minimise the squared error over orders of the features by branch and bound.

    Extends `order`, whose error so far is `error`. Returns the smallest squared error of a
    complete order if it is below `least`, else `least`.
    """
    corner = len(order)
    if corner == len(ideal):
        return error
    added = {
        i: (gram[i, i] - ideal[corner, corner]) ** 2
        + 2 * ((gram[i, list(order)] - ideal[corner, :corner]) ** 2).sum()
        for i in range(len(ideal))
        if i not in order
    }
    for i in sorted(added, key=added.__getitem__):
        if error + added[i] < least:
            least = _least_error(gram, ideal, (*order, i), error + added[i], least)
    return least
