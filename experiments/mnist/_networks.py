"""Settings and training of the networks of both figures."""

from typing import Annotated, Literal

import xarray as xr
from pydantic import AfterValidator, Field

import toymodels as tm
from toymodels import figure as fig
from toymodels.data.images import ImageDataset

DIGITS = 10
NAMES = {"mnist": "MNIST", "digits": "scikit-learn's 8 x 8 digits (not MNIST)"}
OURS = fig.Source("ours: of the source, the shapes are known")

Depths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=3)], ...], Field(min_length=1), AfterValidator(fig.rising)
]


class NetworkSpec(fig.TrainingSpec):
    """Settings of the networks; the source prints their shapes only."""

    dataset: Literal["mnist", "digits", "idx"] = "mnist"
    """The images: MNIST, or scikit-learn's bundled digits, which need no files."""
    depth: Depths = (1, 2, 3)
    """Numbers of hidden layers; a network of the first is drawn."""
    width: fig.RisingSizes = (16, 64)
    """Units of each hidden layer; a network of the last is drawn."""
    steps: fig.Count = 4700
    batch_size: fig.Count = 128
    learning_rate: fig.Positive = 2e-3
    schedule: Literal["constant", "cosine"] = "cosine"


def train_networks(
    lab: fig.Lab[NetworkSpec],
    images: ImageDataset,
    depth: int,
    width: int,
    pressure: tuple[float, ...] = (0.0,),
    probe: tm.Probe | None = None,
) -> xr.Dataset:
    """Train networks [pressure, seed] of one shape to classify digits.

    `pressure` are coefficients of an L1 penalty on all hidden activations.
    """
    spec = lab.spec

    def problem(pressure, train, test):
        objective = tm.Classification(
            lambda key: tm.MLP(images.side**2, width, depth, DIGITS, key=key),
            train,
            test,
            spec.batch_size,
            pressure,
        )
        return objective, spec.adamw()

    networks = lab.train(
        f"depth{depth}_width{width}",
        problem,
        axes=tm.Axis("pressure", pressure),
        data={"train": images.train, "test": images.test},
        probe=probe,
    )
    return networks.assign_coords(images=images.name, depth=depth, width=width)
