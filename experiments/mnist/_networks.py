"""The networks that both figures look into: what they can be set to, and how they are trained."""

from typing import Annotated, Any, Literal

import xarray as xr
from pydantic import AfterValidator, Field

import toymodels as tm
from toymodels import figure as fig

DIGITS = 10
NAMES = {"mnist": "MNIST", "digits": "scikit-learn's 8 x 8 digits (not MNIST)"}
WEIGHTS = {"W_in": ("hidden", "pixel"), "W_out": ("label", "hidden")}
OURS = fig.Source("ours: of the source, the shapes are known")


Depths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=3)], ...], Field(min_length=1), AfterValidator(fig.rising)
]


class NetworkSpec(fig.TrainingSpec):
    """Settings of the networks; the source prints their shapes only."""

    dataset: Literal["mnist", "digits"] = "mnist"
    """The images: MNIST, or scikit-learn's bundled digits, which need no files."""
    depth: Depths = (1, 2, 3)
    """Numbers of hidden layers; the lower row shows a network of the first."""
    width: fig.RisingSizes = (16, 64)
    """Units of each hidden layer; the lower row shows a network of the last."""
    steps: fig.Count = 4700
    batch_size: fig.Count = 128
    learning_rate: fig.Positive = 2e-3
    schedule: Literal["constant", "cosine"] = "cosine"


def train(
    lab: fig.Lab[NetworkSpec], images: Any, depth: int, width: int, pressure: Any, probe: Any = None
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
