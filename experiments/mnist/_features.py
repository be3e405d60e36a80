"""What a dictionary's features respond to, in classes, and what they do to the logits."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax

import toymodels as tm
from experiments.mnist._dictionaries import Pair
from experiments.mnist._networks import DIGITS

FEWEST_IMAGES = 100  # with fewer a feature counts as dead: a tenth of them would say nothing
PURE = 0.9
SHOWN_IMAGES = 8  # of those that activate a feature most
OURS = ["TopK", "untrained"]  # TopK dictionaries of the trained network and of the untrained one

Judged = dict[str, jax.Array]


@jax.jit
def judge(
    dictionary: tm.ReluDictionary, x: jax.Array, labels: jax.Array, W_out: jax.Array
) -> Judged:
    """Measure a dictionary's features.

    `purity` is the share of the commonest digit among the images of the top tenth of a feature's
    activations, NaN for a dead one, `digit` is that digit, `logit_digit` the one whose logit
    W_out @ d_k raises most, `pure` the share of the live features that are pure.
    """
    f = dictionary.encode(x)
    active = jnp.sum(f > 0, axis=1)
    alive = active >= FEWEST_IMAGES
    counts = top_tenth(f) @ jax.nn.one_hot(labels, DIGITS)
    purity = jnp.where(alive, counts.max(axis=1) / counts.sum(axis=1), jnp.nan)
    return {
        "purity": purity,
        "digit": counts.argmax(axis=1),
        "logit_digit": (W_out @ dictionary.W_dec).argmax(axis=0),
        "pure": jnp.sum(purity > PURE) / jnp.sum(alive),
        "l0": jnp.sum(active) / x.shape[1],
    }


def top_tenth(f: jax.Array) -> jax.Array:
    """Mark the images of the top tenth of each feature's activations by 1, the others by 0."""
    strongest, _ = lax.top_k(f, f.shape[1] // 10)
    last = jnp.maximum(jnp.sum(f > 0, axis=1, keepdims=True) // 10 - 1, 0)
    return jnp.where((f > 0) & (f >= jnp.take_along_axis(strongest, last, axis=1)), 1.0, 0.0)


def compare(
    pair: Pair,
    k: int,
    coded: Mapping[str, tm.ReluDictionary],
    by_l1: Sequence[Judged],
    labels: jax.Array,
) -> xr.Dataset:
    """Judge each way to code at k, and what the features of both networks' dictionaries are."""
    W_out = [network.W_out[...] for network in pair.networks]
    found = {
        coding: judge(dictionary, pair.x[i], labels, W_out[i])
        for coding, dictionary in coded.items()
        for i in [int(coding == "untrained")]
    }
    pure = {coding: float(one["pure"]) for coding, one in found.items()}
    pure["L1"] = pure_at(k, by_l1)
    per_feature = {
        name: (("network", "dictionary_feature"), np.stack([found[one][name] for one in OURS]))
        for name in ("purity", "digit", "logit_digit")
    }
    shares = {"pure": ("coding", list(pure.values()))}
    return pair.kept.assign(per_feature | shares).assign_coords(coding=list(pure), network=OURS)


def pure_at(l0: float, judged: Sequence[Judged]) -> float:
    """Interpolate the share of pure features at a given L0; NaN outside of what was judged."""
    reached, share = np.array(sorted((float(one["l0"]), float(one["pure"])) for one in judged)).T
    return float(np.interp(np.log(l0), np.log(reached + 1e-9), share, left=np.nan, right=np.nan))


def portraits(pair: Pair, coded: Mapping[str, tm.ReluDictionary], images: np.ndarray) -> xr.Dataset:
    """Draw the features of TopK dictionaries of both networks."""
    drawn = [
        portrait(coded[coding], x, jnp.asarray(images), network)
        for coding, x, network in zip(OURS, pair.x, pair.networks, strict=True)
    ]
    return xr.Dataset(
        {
            name: (["network", "dictionary_feature", *dims], np.stack([one[name] for one in drawn]))
            for name, dims in LOOKS.items()
        }
    )


LOOKS = {
    "activation": [],
    "mean_image": ["pixel"],
    "top_image": ["rank", "pixel"],
    "pixel_direction": ["pixel"],
    "logit_weight": ["label"],
}


@jax.jit
def portrait(
    dictionary: tm.ReluDictionary, x: jax.Array, images: jax.Array, network: tm.MLP
) -> dict[str, jax.Array]:
    """Draw features as images: means and examples of what they respond to, and their directions.

    The direction in pixels, W_in.T @ d_k, is what a network of one hidden layer reads as long as
    the same units are active.
    """
    f = dictionary.encode(x)
    top = top_tenth(f)
    return {
        "activation": f.mean(axis=1),
        "mean_image": top @ images.astype(jnp.float32) / jnp.maximum(top.sum(axis=1)[:, None], 1),
        "top_image": images[lax.top_k(f, SHOWN_IMAGES)[1]],
        "pixel_direction": (network.W_in.T @ dictionary.W_dec).T,
        "logit_weight": (network.W_out @ dictionary.W_dec).T,
    }


def agreement(shapes: Sequence[xr.Dataset], network: str, low: float, high: float = 1.0) -> float:
    """Return the share of features, of purity in (low, high], that raise their own logit most."""
    features = [one.sel(network=network) for one in shapes]
    right = [
        (one.digit == one.logit_digit).values[(one.purity > low) & (one.purity <= high)]
        for one in features
    ]
    pooled = np.concatenate(right)
    return pooled.mean() if pooled.size else np.nan


def templates_per_digit(features: xr.Dataset) -> np.ndarray:
    """Count pure features by the digit that they respond to."""
    return np.bincount(features.digit.values[features.purity.values > PURE], minlength=DIGITS)
