"""Sparse dictionaries of last hidden layers, and what their features respond to and write."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr

import toymodels as tm
from experiments.mnist._networks import DIGITS, Depths, NetworkSpec, train_networks
from toymodels import figure as fig
from toymodels import recovery, selectivity

FEWEST_IMAGES = 100  # with fewer a feature counts as dead: a tenth of them would say nothing
IMAGES = {"mnist": 60_000, "digits": 1_438}  # to train on
PURE = 0.9
SHOWN = 8  # features of a digit, and images that activate a feature most
BOTH = ["TopK", "untrained"]  # TopK dictionaries of the trained network and of the untrained one
FEATURE = ["dictionary_feature"]

encode = jax.jit(lambda dictionary, x: dictionary.encode(x))


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
    """Optimiser steps of the dictionaries."""
    dictionary_batch_size: fig.Count = 512
    """Activations a step."""
    dictionary_learning_rate: fig.Positive = 3e-3
    """Adam's learning rate for the dictionaries at the start; it falls to 0 along a cosine."""

    def check(self) -> None:
        if max(self.k) > min(self.width):
            # the units themselves are coded by the k largest as well
            raise ValueError(f"k must be at most {min(self.width)}, the least width; got {self.k}")
        if self.expansion[-1] * self.width[-1] > IMAGES[self.dataset]:
            most = f"{IMAGES[self.dataset]:,}, the images: k-means has as many clusters"
            raise ValueError(
                f"the largest expansion times the largest width must be at most {most}"
            )


class Layer(NamedTuple):
    """A network, and what the training images are in its last hidden layer [unit, image]."""

    network: tm.MLP
    x: jax.Array


def train_pair(
    lab: fig.Lab[DictionarySpec], images: Any, depth: int, width: int
) -> tuple[Any, ...]:
    """Train networks of a shape: what is kept of them, and the best beside an untrained one."""
    key = lab.key(f"untrained_depth{depth}_width{width}")
    untrained = tm.MLP(images.side**2, width, depth, DIGITS, key=key)
    best = tm.best_of(train_networks(lab, images, depth, width).isel(pressure=0, drop=True))
    trained = tm.to_model(best, untrained)
    accuracy = float(tm.accuracy(trained, images.test))
    kept = best[["W_in", "W_out", "loss"]].drop_vars("seed").assign(accuracy=accuracy)
    return kept, *(Layer(one, last_layer(one, images.train.images)) for one in (trained, untrained))


@jax.jit
def last_layer(network: tm.MLP, images: jax.Array) -> jax.Array:
    """Return activations of mean square length 1, so that L1 coefficients mean the same."""
    h = network.hidden(tm.as_columns(images))[-1]
    # a narrow layer may be silent on all images
    return h / jnp.maximum(jnp.sqrt(jnp.mean(jnp.sum(jnp.square(h), axis=0))), 1e-12)


def learn(
    lab: fig.Lab[DictionarySpec], name: str, build: Any, layers: Sequence[Layer], over: Any = ()
) -> Callable[..., tm.ReluDictionary]:
    """Train a dictionary of each layer's activations; return what gives the one at (layer=i)."""
    spec = lab.spec

    def problem(layer, l1=0.0):
        rate = optax.cosine_decay_schedule(spec.dictionary_learning_rate, spec.dictionary_steps)
        objective = tm.SparseDictionary(
            lambda key: build(key=key), layer, l1, batch_size=spec.dictionary_batch_size
        )
        return objective, tm.with_unit_columns(optax.adam(rate))

    x = tm.Axis("layer", range(len(layers)), jnp.stack([layer.x for layer in layers]))
    learned = lab.train(
        name,
        problem,
        [x, *over],
        steps=spec.dictionary_steps,
        restarts=1,
        # half of the steps are left for the units that were revived last
        refreshes=[step for i in (1, 2, 3) if (step := i * spec.dictionary_steps // 6)],
    ).isel(seed=0)
    like = build(key=jax.random.key(0))
    return lambda **at: tm.to_model(learned.isel(at), like)


def judge(dictionary: tm.ReluDictionary, layer: Layer, labels: np.ndarray) -> xr.Dataset:
    """Measure features: `purity` and its `digit`, and `logit_digit`, which W_out @ d_k raises most.

    `pure` is the share of the live features that are pure.
    """
    f = np.asarray(encode(dictionary, layer.x))
    purity = selectivity.purity(f, labels, DIGITS, fewest=FEWEST_IMAGES)
    writes = np.asarray(layer.network.W_out @ dictionary.W_dec).argmax(axis=0)
    found = {"purity": purity.share, "digit": purity.label, "logit_digit": writes}
    judged = xr.Dataset({name: (FEATURE, values) for name, values in found.items()})
    pure = (judged.purity > PURE).sum() / judged.purity.notnull().sum()
    return judged.assign(pure=pure, l0=recovery.l0(f))


def compare(judged: Mapping[str, xr.Dataset], k: int, by_l1: Sequence[xr.Dataset]) -> xr.Dataset:
    """Set ways to code at k side by side, L1 interpolated to it, and both networks' features."""
    l0, share = np.array(sorted((one.l0.item(), one.pure.item()) for one in by_l1)).T
    l1 = np.interp(np.log(k), np.log(l0 + 1e-9), share, left=np.nan, right=np.nan)
    pure = [*(one.pure.item() for one in judged.values()), l1]
    features = xr.concat([judged[name].drop_vars(["pure", "l0"]) for name in BOTH], "network")
    return features.assign(pure=("coding", pure)).assign_coords(coding=[*judged, "L1"])


def portrait(dictionary: tm.ReluDictionary, layer: Layer, images: np.ndarray) -> xr.Dataset:
    """Draw features as images: means and examples of what they respond to, and their directions.

    The direction in pixels, W_in.T @ d_k, is what a network of one hidden layer reads as long as
    the same units are active.
    """
    f, network = np.asarray(encode(dictionary, layer.x)), layer.network
    top = selectivity.top_share(f).astype(np.float32)
    mean_image = top @ images.astype(np.float32) / np.maximum(top.sum(axis=1, keepdims=True), 1)
    strongest = np.argsort(-f, axis=1, kind="stable")[:, :SHOWN]
    return xr.Dataset(
        {
            "activation": (FEATURE, f.mean(axis=1)),
            "mean_image": ([*FEATURE, "pixel"], mean_image),
            "top_image": ([*FEATURE, "rank", "pixel"], images[strongest]),
            "pixel_direction": ([*FEATURE, "pixel"], (network.W_in.T @ dictionary.W_dec).T),
            "logit_weight": ([*FEATURE, "label"], (network.W_out @ dictionary.W_dec).T),
        }
    )


def agreement(shapes: Sequence[xr.Dataset], network: str, low: float, high: float = 1.0) -> float:
    """Return the share of features, of purity in (low, high], that raise their own logit most."""
    features = [one.sel(network=network) for one in shapes]
    inside = np.concatenate([(one.purity > low) & (one.purity <= high) for one in features])
    right = np.concatenate([one.digit == one.logit_digit for one in features])
    return right[inside].mean() if inside.any() else np.nan
