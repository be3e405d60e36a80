"""The networks that both figures look into: what they can be set to, and how they are trained."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import xarray as xr

import toymodels as tm

DIGITS = 10
NAMES = {"mnist": "MNIST", "digits": "scikit-learn's 8 x 8 digits (not MNIST)"}
WEIGHTS = {"W_in": ("hidden", "pixel"), "W_out": ("label", "hidden")}
OURS = tm.Source("ours: of the source, the shapes are known")


class Rising(tm.Distinct):
    """The tuples in which every number is larger than the one before."""

    def __contains__(self, values: tuple[Any, ...]) -> bool:
        return list(values) == sorted(set(values))

    def __str__(self) -> str:
        return "rising"


Depths = Annotated[tuple[Annotated[int, tm.Range(1, 3)], ...], Rising()]
RisingCounts = Annotated[tm.Counts, Rising()]


class NetworkSpec(tm.TrainingSpec):
    """Settings of the networks; the source prints their shapes only."""

    dataset: Literal["mnist", "digits"] = "mnist"
    """The images: MNIST, or scikit-learn's bundled digits, which need no files."""
    depth: Depths = (1, 2, 3)
    """Numbers of hidden layers; the lower row shows a network of the first."""
    width: RisingCounts = (16, 64)
    """Units of each hidden layer; the lower row shows a network of the last."""
    steps: tm.Count = 4700
    batch_size: tm.Count = 128
    learning_rate: tm.Positive = 2e-3
    schedule: Literal["constant", "cosine"] = "cosine"

    def arrays(self) -> Iterator[tuple[int, ...]]:
        widest, deepest = max(self.width), max(self.depth)
        inputs = widest if deepest > 1 else 64
        yield tm.trained(self.restarts, deepest, widest, inputs, uses=self.samples_seen)
        yield self.batch_size, 64 + widest


def train(
    lab: tm.Lab[NetworkSpec], images: Any, depth: int, width: int, pressure: Any, probe: Any = None
) -> xr.Dataset:
    """Train networks of one shape at every pressure on their activations, all restarts."""

    def problem(pressure, train, test):
        def build(key):
            return tm.MLP(images.side**2, width, depth, DIGITS, key=key)

        return tm.Classification(build, train, test, lab.spec.batch_size, pressure)

    name, swept = f"depth{depth}_width{width}", tm.Axis("pressure", pressure)
    data = {"train": images.train, "test": images.test}
    models = lab.train(name, problem, swept, data=data, probe=probe)
    return models.assign_coords(images=images.name, depth=depth, width=width)
