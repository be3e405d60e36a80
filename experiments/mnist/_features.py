"""What a dictionary's features respond to, in classes, and what they do to the logits."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

FEWEST_IMAGES = 100  # with fewer a feature counts as dead: a tenth of them would say nothing
PURE = 0.9
SHOWN_IMAGES = 8  # of those that activate a feature most


@jax.jit
def code(model, x):
    """Return a dictionary's codes, and its squared error averaged over samples."""
    codes = model.encode(x)
    return codes, jnp.mean(jnp.sum(jnp.square(x - model.decode(codes)), axis=0))


def describe(model, x, labels, W_out):
    """Measure a dictionary; per feature, NaN for the dead ones.

    `purity` is the share of the commonest digit among the images of the top tenth of a feature's
    activations, `digit` is that digit, `logit_digit` the one whose logit W_out @ d_k raises most.
    """
    codes, loss = map(np.asarray, code(model, jnp.asarray(x)))
    alive = (codes > 0).sum(axis=1) >= FEWEST_IMAGES
    purity, digit = np.full((2, len(codes)), np.nan)
    for i in np.flatnonzero(alive):
        counts = np.bincount(labels[top_tenth(codes[i])])
        purity[i], digit[i] = counts.max() / counts.sum(), counts.argmax()
    per_feature = {
        "purity": purity,
        "digit": digit,
        "logit_digit": np.where(alive, logit_weights(model, W_out).argmax(axis=0), np.nan),
        "activation": np.where(alive, codes.mean(axis=1), np.nan),
    }
    found = {name: ("dictionary_feature", value) for name, value in per_feature.items()}
    coords = {"dictionary_feature": np.arange(len(codes))}
    return xr.Dataset(found | {"loss": loss, "l0": (codes > 0).sum(axis=0).mean()}, coords)


def top_tenth(codes):
    """Return the images of the top tenth of a feature's activations, the strongest first."""
    active = np.flatnonzero(codes)
    return active[np.argsort(-codes[active])[: len(active) // 10]]


def logit_weights(model, W_out):
    """Return W_out @ d_k of each feature, [label, feature]: exact in the last layer."""
    return np.asarray(W_out @ model.W_dec)


def portraits(model, x, images, network):
    """Draw features as images: means and examples of what they respond to, and their directions.

    The direction in pixels, W_in.T @ d_k, is what a network of one hidden layer reads as long as
    the same units are active.
    """
    codes, _ = map(np.asarray, code(model, jnp.asarray(x)))
    mean = np.zeros((len(codes), images.shape[1]), np.float32)
    top = np.zeros((len(codes), SHOWN_IMAGES, images.shape[1]), np.uint8)
    for i in np.flatnonzero((codes > 0).sum(axis=1) >= FEWEST_IMAGES):
        strongest = top_tenth(codes[i])
        mean[i] = images[strongest].mean(axis=0)
        shown = images[strongest[:SHOWN_IMAGES]]
        top[i, : len(shown)] = shown
    return xr.Dataset(
        {
            "mean_image": (("dictionary_feature", "pixel"), mean),
            "top_image": (("dictionary_feature", "rank", "pixel"), top),
            "pixel_direction": (
                ("dictionary_feature", "pixel"),
                np.asarray(network.W_in.T @ model.W_dec).T,
            ),
            "logit_weight": (
                ("dictionary_feature", "label"),
                logit_weights(model, network.W_out[...]).T,
            ),
        },
        {"dictionary_feature": np.arange(len(codes))},
    )


def share_pure(dictionaries):
    """Return the share of the live features that are pure."""
    alive = dictionaries.purity.notnull()
    pure = (dictionaries.purity > PURE).sum("dictionary_feature")
    return pure / alive.sum("dictionary_feature")


def agreement(dictionaries, chosen, over="dictionary_feature"):
    """Return the share of the chosen features that raise the logit of their own digit most."""
    same = (dictionaries.digit == dictionaries.logit_digit) & chosen
    return same.sum(over) / chosen.sum(over)


def templates_per_digit(dictionary, digits):
    """Count a dictionary's pure features by the digit that they respond to."""
    pure = dictionary.digit.where(dictionary.purity > PURE).values
    return np.array([(pure == digit).sum() for digit in digits])


def l1_at(l0, dictionaries):
    """Interpolate the share of pure features of L1 dictionaries at a given L0; NaN outside."""
    order = np.argsort(dictionaries.l1_l0.values)
    reached, share = (dictionaries[name].values[order] for name in ("l1_l0", "l1_pure"))
    return np.interp(np.log(l0), np.log(reached), share, left=np.nan, right=np.nan)
