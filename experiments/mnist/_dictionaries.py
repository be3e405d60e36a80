"""Dictionaries of last hidden layers: settings, activations, and measures of features."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
import optax
import xarray as xr

import toymodels as tm
from experiments.mnist._networks import DIGITS, Depths, NetworkSpec, train_networks
from toymodels import figure as fig
from toymodels import recovery, selectivity
from toymodels.data.images import ImageDataset, Labelled

FEWEST_IMAGES = 100  # features active on fewer are dead: their top tenth is too small
IMAGES = {"mnist": 60_000, "digits": 1_438}  # training images
PURE = 0.9
SHOWN = 8  # features per digit, and top images per feature
TRAINED, UNTRAINED = NETWORKS = "TopK", "untrained"  # trained and untrained network

encode = jax.jit(lambda dictionary, h: dictionary.encode(h))


class DictionarySpec(NetworkSpec):
    """Settings of the networks, and of the dictionaries of their activations."""

    depth: Depths = (1, 3)
    restarts: fig.Count = 1
    """Networks trained of each shape; dictionaries are of the best by test loss."""
    expansion: fig.RisingSizes = (1, 4)
    """Sizes of the dictionaries, as multiples of the width."""
    k: fig.RisingSizes = (2, 4, 8)
    """Active features of TopK dictionaries; those of the middle one are drawn."""
    l1: fig.PositiveSweep = (0.2, 0.5, 1.2)
    """L1 coefficients of the other dictionaries."""
    dictionary_steps: fig.Count = 750
    """Optimiser steps of the dictionaries; dead units are revived three times in the first half."""
    dictionary_batch_size: fig.Count = 512
    """Activations a step."""
    dictionary_learning_rate: fig.Positive = 3e-3
    """Adam's learning rate for the dictionaries at the start; it falls to 0 along a cosine."""

    @property
    def drawn(self) -> tuple[int, int, int, int]:
        """The depth, width, expansion and k of the dictionary whose features are drawn."""
        return self.depth[0], self.width[-1], self.expansion[-1], self.k[len(self.k) // 2]

    def sizes(self, depth: int, width: int) -> dict[int, tuple[int, ...]]:
        """Return the expansions of a network and the k of each, swept for the drawn network."""
        *shape, expansion, k = self.drawn
        if [depth, width] != shape:
            return {expansion: (k,)}
        return dict.fromkeys(self.expansion, (k,)) | {expansion: self.k}

    def dictionary_adam(self) -> optax.GradientTransformation:
        """Return Adam with the dictionaries' settings."""
        rate = optax.cosine_decay_schedule(self.dictionary_learning_rate, self.dictionary_steps)
        return optax.adam(rate)

    def check(self) -> None:
        if max(self.k) > min(self.width):
            # the units are coded by their k largest as well
            raise ValueError(f"k must be at most {min(self.width)}, the least width; got {self.k}")
        if self.expansion[-1] * self.width[-1] > IMAGES[self.dataset]:
            most = f"{IMAGES[self.dataset]:,}, the images: k-means has as many clusters"
            raise ValueError(
                f"the largest expansion times the largest width must be at most {most}"
            )


class Layer(NamedTuple):
    """A network, the images it was trained on, and its last hidden layer h [unit, image]."""

    network: tm.MLP
    images: Labelled
    h: jax.Array

    @classmethod
    def of(cls, network: tm.MLP, images: Labelled) -> "Layer":
        """Compute the layer, scaled so that L1 coefficients of networks are comparable."""
        return cls(network, images, last_layer(network, images.images))


@jax.jit
def last_layer(network: tm.MLP, images: jax.Array) -> jax.Array:
    return tm.with_unit_mean_square(network.hidden(tm.as_columns(images))[-1])


def train_network(
    lab: fig.Lab[DictionarySpec], images: ImageDataset, depth: int, width: int
) -> tuple[xr.Dataset, Layer, Layer]:
    """Train networks of one shape.

    Returns:
        The weights, loss and accuracy of the best by test loss, its last layer, and that of an
        untrained network.
    """
    key = lab.key(f"untrained_depth{depth}_width{width}")
    untrained = tm.MLP(images.side**2, width, depth, DIGITS, key=key)
    best = tm.best_of(train_networks(lab, images, depth, width).isel(pressure=0, drop=True))
    trained = tm.to_model(best, untrained)
    weights = best[["W_in", "W_out", "loss"]].drop_vars("seed")
    weights = weights.assign(accuracy=float(tm.accuracy(trained, images.test)))
    return weights, Layer.of(trained, images.train), Layer.of(untrained, images.train)


def codes(dictionary: tm.ReluDictionary, layer: Layer) -> xr.DataArray:
    """Return the codes of a layer's activations."""
    f = np.asarray(encode(dictionary, layer.h))
    return xr.DataArray(f, dims=("dictionary_feature", "image"))


def measure_features(dictionary: tm.ReluDictionary, layer: Layer) -> xr.Dataset:
    """Measure features: `purity` and its `digit`, and `logit_digit`, which W_out @ d_k raises most.

    `pure` is the share of the live features that are pure, `l0` the mean number of active ones.
    """
    f = codes(dictionary, layer)
    purity = selectivity.purity(f, layer.images.labels, DIGITS, fewest=FEWEST_IMAGES)
    logits = np.asarray(layer.network.W_out @ dictionary.W_dec)
    features = {
        "purity": purity.share,
        "digit": purity.label,
        "logit_digit": ("dictionary_feature", logits.argmax(axis=0)),
        "pure": (purity.share > PURE).sum() / purity.share.notnull().sum(),
        "l0": recovery.l0(f),
    }
    return xr.Dataset(features)


def pure_at(k: int, by_l1: Sequence[xr.Dataset]) -> float:
    """Interpolate the share of pure features of L1 dictionaries to L0 = k, linearly in log L0.

    NaN if k is outside the range of their L0.
    """
    l0, pure = np.array(sorted((features.l0, features.pure) for features in by_l1)).T
    return float(np.interp(np.log(k), np.log(l0 + 1e-9), pure, left=np.nan, right=np.nan))


def feature_images(dictionary: tm.ReluDictionary, layer: Layer) -> xr.Dataset:
    """Return images for each feature: mean and examples of its top images, and its direction.

    The direction in pixels, W_in.T @ d_k, is first order: it holds for one hidden layer, as
    long as the same units are active.
    """
    f, network, images = codes(dictionary, layer), layer.network, layer.images.images
    top = selectivity.top_share(f).values.astype(np.float32)
    mean_image = top @ images.astype(np.float32) / np.maximum(top.sum(axis=1, keepdims=True), 1)
    strongest = np.argsort(-f.values, axis=1, kind="stable")[:, :SHOWN]
    feature = "dictionary_feature"
    return xr.Dataset(
        {
            "activation": f.mean("image"),
            "mean_image": ((feature, "pixel"), mean_image),
            "top_image": ((feature, "rank", "pixel"), images[strongest]),
            "pixel_direction": ((feature, "pixel"), (network.W_in.T @ dictionary.W_dec).T),
            "logit_weight": ((feature, "label"), (network.W_out @ dictionary.W_dec).T),
        }
    )


def agreement(features: xr.Dataset, low: float, high: float = 1.0) -> xr.DataArray:
    """Return the share of features with purity in (low, high] that raise their own logit most."""
    inside = (features.purity > low) & (features.purity <= high)
    agrees = features.digit == features.logit_digit
    return agrees.where(inside).mean("dictionary_feature")
