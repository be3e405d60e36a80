"""Polytopes that features can form: Thomson solutions, tegum products, simplices.

Source: Elhage et al. 2022, "Toy Models of Superposition", "The Geometry of Superposition":
Thomson solutions and tegum products, and polytopes as low-rank projections.

No model is trained. Points that repel each other on a sphere, the Thomson problem, show possible
arrangements of features of equal importance: polygons in the plane, and in space the digon,
triangle, tetrahedron, triangular bipyramid, octahedron, pentagonal bipyramid and square antiprism.
Polytopes in orthogonal spaces are a tegum product, and each feature keeps the dimensionality that
it has in its own factor: most Thomson solutions in space are such products. Every polytope is also
a positive semi-definite W^T W of low rank; the projection orthogonal to (1, ..., 1) is the regular
simplex. D is the dimensionality of the corners; where they differ, all values are given.

The Thomson solution of eight points is a square antiprism with D = 0.3744, not 3/8: the
dimensionality is exactly 3/8 only where its two squares lie at the heights 1/sqrt(3) and
-1/sqrt(3), which does not minimise the energy.

Deviations:
- The source shows a table of some solutions; here all of {points} points are computed, the best of
  {restarts} local minima each, and drawn.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from toymodels import figure as fig
from toymodels import geometry, plotting, polytopes, theory

PAPER = fig.Source("Elhage et al. 2022, The Geometry of Superposition")
PRODUCTS = {
    "digon x digon": (2, 2),
    "digon x triangle": (2, 3),
    "digon x digon x digon": (2, 2, 2),
    "digon x pentagon": (2, 5),
}
"""Tegum products, by the numbers of corners k of their factors, with D = 1/2 or 2/k."""


class Spec(fig.Spec):
    """Settings; nothing is trained."""

    points: fig.RisingSizes = (2, 3, 4, 5, 6, 7, 8, 9, 10)
    """Numbers of points of the Thomson solutions, from 2 on."""
    simplices: fig.RisingSizes = (3, 4, 6)
    """Numbers of features of the regular simplices, from 2 on."""
    restarts: fig.Count = 16
    """Random starts of each Thomson solution."""

    def check(self) -> None:
        for name, sizes in {"points": self.points, "simplices": self.simplices}.items():
            if sizes[0] < 2 or sizes[-1] > 100:
                raise ValueError(f"{name} must lie in [2, 100]; got {sizes}")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec, seed = lab.spec, lab.integer("Thomson problem")
    solutions = [
        solution(theory.thomson_points(k, m, restarts=spec.restarts, seed=seed), "Thomson")
        for m in (2, 3)
        for k in spec.points
    ]
    products = [
        solution(theory.tegum_product(*map(factor, corners)), name)
        for name, corners in PRODUCTS.items()
    ]
    simplices = [solution(theory.regular_simplex(k), "simplex") for k in spec.simplices]
    return tm.gather([*solutions, *products, *simplices])


def factor(corners: int) -> np.ndarray:
    """Return the factor of a tegum product with this number of corners."""
    return theory.regular_simplex(2) if corners == 2 else theory.regular_polygon(corners)


def solution(W: np.ndarray, kind: str) -> xr.Dataset:
    """Return a Dataset of a polytope's corners as W [hidden, feature]."""
    energy = theory.thomson_energy(W)
    data = xr.Dataset({"W": (("hidden", "feature"), W), "energy": energy})
    return data.assign_coords(kind=kind, points=W.shape[1], dimensions=W.shape[0])


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    figure = plotting.figure(11.4, 6.4)
    thomson, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[2.15, 1])[:, 0]
    products, simplices = below.subfigures(1, 2, squeeze=False, width_ratios=[4, 3.4])[0]
    solutions = [s for m in (2, 3) for s in tm.select_all(data, kind="Thomson", dimensions=m)]
    draw(thomson, "Thomson solutions, in the plane and in space", solutions, len(solutions) // 2)
    draw(products, "tegum products", [tm.select(data, kind=kind) for kind in PRODUCTS], 4)
    regular = tm.select_all(data, kind="simplex")
    axes = plotting.panels(simplices, [""], [f"n = {s.points:d}\n{shares(s)}" for s in regular])
    for ax, simplex in zip(axes[0], regular, strict=True):
        plotting.heat_map(ax, geometry.gram(simplex.W)).axes.set_aspect("equal")
        ax.set(xticks=[], yticks=[])
    simplices.suptitle("$W^T W$ of simplices, blue +, red -", fontsize=8)
    return figure


def draw(place, title: str, solutions: list[xr.Dataset], columns: int) -> None:
    """Draw polytopes, with the name, if any, and the dimensionality of the corners."""
    titles = [f"{name_of(s)}\n{shares(s)}" for s in solutions]
    plotting.vector_panels(
        place, titles, [in_space(s.W.values) for s in solutions], columns, hull=True
    )
    place.suptitle(title, fontsize=8)


def in_space(W: np.ndarray) -> np.ndarray:
    """Return the corners of a polytope, in the plane if it has one dimension."""
    return np.concatenate([W, np.zeros((2 - len(W), W.shape[1]))]) if len(W) < 2 else W


def name_of(solution: xr.Dataset) -> str:
    """Return the name: of a product by its factors, else by the connected components."""
    if solution.kind.item() in PRODUCTS:
        return solution.kind.item()
    parts = [part.name for part in polytopes.find_polytopes(solution.W)]
    return " x ".join(sorted(parts)) if "other" not in parts else f"{solution.points:d} points"


def shares(solution: xr.Dataset) -> str:
    """Format the distinct dimensionalities of the corners."""
    D = np.unique(geometry.dimensionality(solution.W).round(3))
    return "D = " + ", ".join(f"{share:.3g}" for share in D)


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    plane = tm.select_all(data, kind="Thomson", dimensions=2)
    yield PAPER.claim(
        "In the plane, corners of a k-gon have D = 2/k, those of a digon 1/2 (largest deviation)"
    ).below(1e-4, [deviation(s, 2 / k if (k := s.points.item()) > 2 else 1 / 2) for s in plane])
    space = {s.points.item(): s for s in tm.select_all(data, kind="Thomson", dimensions=3)}
    known = {
        2: [1 / 2] * 2,
        3: [2 / 3] * 3,
        4: [3 / 4] * 4,
        5: [1 / 2] * 2 + [2 / 3] * 3,
        6: [1 / 2] * 6,
        7: [2 / 5] * 5 + [1 / 2] * 2,
    }
    yield PAPER.claim(
        "In space, solutions of 2 to 7 points have the D of digon, triangle, tetrahedron, and of "
        "the tegum products with a digon: triangle, square, pentagon (largest deviation, each)"
    ).below(1e-3, [deviation(space[k], D) for k, D in known.items() if k in space])
    antiprism = geometry.dimensionality(space[8].W) if 8 in space else []
    yield PAPER.claim(
        "The square antiprism, the solution of 8 points, has D near 3/8 (D of its corners)"
    ).within(0.37, 0.38, antiprism)
    yield PAPER.claim(
        "Features of a tegum product keep the D of their factors (largest deviation, each product)"
    ).below(1e-6, [deviation(tm.select(data, kind=kind), kept(c)) for kind, c in PRODUCTS.items()])
    simplices = tm.select_all(data, kind="simplex")
    yield PAPER.claim(
        "The projection orthogonal to (1, ..., 1) is a simplex with D = (n - 1) / n (largest "
        "deviation of D, each n)"
    ).below(1e-6, [deviation(s, theory.simplex_dimensionality(s.points.item())) for s in simplices])
    ranks = [np.linalg.matrix_rank(s.W, tol=1e-3) for s in tm.select_all(data)]
    totals = [geometry.dimensionality(s.W).sum() for s in tm.select_all(data)] / np.array(ranks)
    yield fig.OURS.claim(
        "All dimensions are used, none twice (sum of D over the rank of W: least, largest)"
    ).within(0.97, 1 + 1e-6, [min(totals), max(totals)])


def deviation(solution: xr.Dataset, expected) -> float:
    """Return the largest deviation of the sorted dimensionalities from the expected ones."""
    D = np.sort(geometry.dimensionality(solution.W))
    return float(np.abs(D - np.sort(np.broadcast_to(expected, D.shape))).max())


def kept(corners: tuple[int, ...]) -> list[float]:
    """Return the dimensionality of each feature in its own factor."""
    return [share for k in corners for share in [1 / 2 if k == 2 else 2 / k] * k]


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(points=(3, 4, 5), simplices=(3,), restarts=2),
    paper=Spec(restarts=64),
    describes={
        "kind": "how the polytope was made",
        "points": "number of corners",
        "dimensions": "number of dimensions",
        "energy": "Thomson energy, the sum of 1 / distance over all pairs",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
