"""The networks that both figures look into: what they can be set to, and how they are trained."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import xarray as xr

import toymodels as tm

DIGITS = 10
# as titles and claims name the datasets
NAMES = {"mnist": "MNIST", "digits": "scikit-learn's 8 x 8 digits (not MNIST)"}

Depths = Annotated[tuple[Annotated[int, tm.Range(1, 3)], ...], tm.Distinct()]
Rising = Annotated[tuple[tm.Count, ...], tm.Distinct()]


class NetworkSpec(tm.TrainingSpec):
    """Settings of the networks; the source prints their shapes only."""

    dataset: Literal["mnist", "digits"] = "mnist"
    """The images: MNIST, or scikit-learn's bundled digits, which need no files."""
    depth: Depths = (1, 2, 3)
    """Numbers of hidden layers, rising; the lower rows show a network of the first."""
    width: Rising = (16, 64)
    """Units of each hidden layer, rising; the lower rows show a network of the last."""
    steps: tm.Count = 4700
    batch_size: tm.Count = 128
    learning_rate: tm.Positive = 2e-3
    schedule: Literal["constant", "cosine"] = "cosine"

    def check(self) -> None:
        self.check_rising("depth", "width")

    def check_rising(self, *names: str) -> None:
        """Raise ValueError unless the fields' values rise."""
        for name in names:
            if list(getattr(self, name)) != sorted(getattr(self, name)):
                raise ValueError(f"{name} must rise")


class DictionarySpec(NetworkSpec):
    """Settings of the networks, and of the dictionaries of their activations."""

    depth: Depths = (1, 3)
    restarts: tm.Count = 1
    """Networks trained of each shape; dictionaries are of the best by test loss."""
    expansion: Rising = (1, 4)
    """Sizes of the dictionaries, as multiples of the width, rising."""
    k: Rising = (2, 4, 8)
    """Active features of TopK dictionaries, rising; those of the middle one are drawn."""
    l1: Annotated[tuple[tm.Positive, ...], tm.Distinct()] = (0.2, 0.5, 1.2)
    """L1 coefficients of the other dictionaries."""
    dictionary_steps: tm.Count = 750
    """Optimiser steps of the dictionaries."""
    dictionary_batch_size: tm.Count = 512
    """Activations a step."""
    dictionary_learning_rate: tm.Positive = 3e-3
    """Adam's learning rate for the dictionaries at the start; it falls to 0 along a cosine."""

    def check(self) -> None:
        if max(self.k) > min(self.width):
            raise ValueError(
                f"k must be at most the smallest width, {min(self.width)}, whose units are coded "
                f"by the k largest as well; got {max(self.k)}"
            )
        self.check_rising("depth", "width", "expansion", "k")


def train(
    lab: tm.Lab[NetworkSpec],
    images: Any,
    depth: int,
    width: int,
    pressure: Sequence[float] = (0.0,),
    probe: tm.Probe | None = None,
) -> xr.Dataset:
    """Train networks of one shape at every pressure on their activations, all restarts."""

    def problem(pressure, train, test):
        def build(key):
            return tm.MLP(images.side**2, width, depth, DIGITS, key=key)

        return tm.Classification(build, train, test, lab.spec.batch_size, pressure)

    models = lab.train(
        f"depth{depth}_width{width}",
        problem,
        tm.Axis("pressure", pressure),
        data={"train": images.train, "test": images.test},
        probe=probe,
    )
    return models.assign_coords(images=images.name, depth=depth, width=width)
