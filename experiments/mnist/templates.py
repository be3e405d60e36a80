"""Sparse dictionaries of small MNIST networks find templates of digits.

Source: Circuits Updates, January 2024 (Transformer Circuits), the note on dictionary learning on
MNIST: features of fully connected ReLU networks of 1 to 3 hidden layers with 16 to 64 units.

Dictionaries are trained on the last hidden layer's activations on all training images, scaled to
mean square length 1. A feature is measured on the images of the top tenth of its activations: its
purity is the share of the commonest digit among them, and a pure feature (above 0.9) is a
template of that digit; a feature active on fewer than 100 images is dead. A TopK dictionary is
compared, at the same number of active features, with the units themselves (all but the k largest
masked), the directions of k-means clusters from the mean, and a TopK dictionary of an untrained
network; L1 dictionaries are interpolated to that number. There are three sweeps: network shapes,
at the largest size and the middle k; and sizes and k of the drawn network, the widest of the fewest
hidden layers. W_out @ d_k, the logits that a feature writes to, is exact; its direction in pixels,
W_in.T @ d_k, exists for one hidden layer only, and is first order: it holds as long as the same
units are active.

Findings at `quick`, four of the source's shapes and short trainings of dictionaries: the more
features may be active, the fewer are pure, 0.66, 0.49 and 0.43 of the live ones at k = 2, 4 and 8
(1 x 64 units, 256 features), and narrow networks have fewer, 0.31 and 0.43 with 16 units: most are
templates at small k and width 64 only. Nearly all write to their own digit's logit most, the fewest
in three layers of 16 units: 0.83 of them, and 0.79 in a run that differed in rounding only. The
directions of k-means clusters are far purer than TopK's at the same L0 in every shape (0.59 to 0.99
against 0.31 to 0.56): purity alone does not speak for sparse dictionaries. They beat the units and
an untrained network everywhere; sparse codes of random projections are templates too, but their
logits agree with their digit only by chance.

Deviations:
- The source prints no algorithms, dictionary sizes, sparsities or scores: TopK and L1 dictionaries
  of {expansion} features a unit, k {k}, L1 {l1}, {dictionary_steps:,} steps, resampled three times;
  thresholds and controls are ours.
- One dictionary a setting, of the best of {restarts} networks; their shapes stand in for restarts.
- Purity is of a top tenth, not of a fixed number of images; below 100 images a feature is dead.
- That there are no features of strokes to be composed is not measured.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from experiments.mnist import _dictionaries as dictionaries
from experiments.mnist import _feature_panels as panels
from experiments.mnist._dictionaries import NETWORKS, PURE, TRAINED, UNTRAINED, Layer
from experiments.mnist._dictionaries import DictionarySpec as Spec
from experiments.mnist._networks import DIGITS, NAMES, OURS
from toymodels import baselines, plotting
from toymodels import figure as fig

NOTE = fig.Source("Circuits Updates, January 2024")
COMPARED = fig.Source("ours: the source compares nothing")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec, images, seed = lab.spec, lab.images(lab.spec.dataset), lab.integer("k_means")
    results = []
    for width, depth in product(spec.width, spec.depth):
        weights, trained, untrained = dictionaries.train_network(lab, images, depth, width)
        both = tm.Axis("h", NETWORKS, jnp.stack([trained.h, untrained.h]))
        for expansion, several_k in spec.sizes(depth, width).items():
            size, name = expansion * width, f"width{width}_expansion{expansion}"
            relu = partial(tm.ReluDictionary, width, size)
            by_l1 = train_dictionaries(
                lab, depth, f"{name}_l1", relu, tm.Axis("l1", spec.l1), h=trained.h
            )
            l1_features = [dictionaries.measure_features(each, trained) for each in by_l1.values()]
            directions, mean = baselines.k_means_directions(trained.h, size, seed=seed)
            for k in several_k:
                topk = partial(tm.TopKDictionary, width, size, k)
                by_network = train_dictionaries(lab, depth, f"{name}_k{k}", topk, both)
                coded = {  # all keep the k largest, so L0 is equal
                    TRAINED: (by_network[TRAINED], trained),
                    "neurons": (tm.TopKDictionary.of(np.eye(width), k), trained),
                    "k-means": (tm.TopKDictionary.of(directions, k, mean), trained),
                    UNTRAINED: (by_network[UNTRAINED], untrained),
                }
                pure_l1 = dictionaries.pure_at(k, l1_features)
                is_drawn = (depth, width, expansion, k) == spec.drawn
                result = compare(coded, pure_l1, with_images=is_drawn)
                results.append(weights.merge(result).assign_coords(expansion=expansion, k=k))
    return tm.gather(results)


def train_dictionaries(
    lab: fig.Lab[Spec],
    depth: int,
    name: str,
    dictionary: Callable[..., tm.ReluDictionary],
    axis: tm.Axis,
    **data: jax.Array,
) -> dict[Any, tm.ReluDictionary]:
    """Train a dictionary of activations h at each point of an axis; return them by label."""
    spec = lab.spec

    def problem(h, l1=0.0):
        objective = tm.SparseDictionary(
            lambda key: dictionary(key=key), h, l1, batch_size=spec.dictionary_batch_size
        )
        return objective, tm.with_unit_columns(spec.dictionary_adam())

    learned = lab.train(
        f"depth{depth}_{name}",
        problem,
        axis,
        data=data,
        steps=spec.dictionary_steps,
        restarts=1,
        stream=name,  # networks of one width share initial weights and batches
        refreshes=tm.resample_dead_units(spec.dictionary_steps),
    ).isel(seed=0)
    like = dictionary(key=jax.random.key(0))
    return {label: tm.to_model(learned.sel({axis.name: label}), like) for label in axis.labels}


def compare(
    coded: Mapping[str, tuple[tm.ReluDictionary, Layer]], pure_l1: float, *, with_images: bool
) -> xr.Dataset:
    """Return the share of pure features of each coding, and the features of both networks."""
    features = {coding: dictionaries.measure_features(*pair) for coding, pair in coded.items()}
    pure = {coding: each.pure.item() for coding, each in features.items()} | {"L1": pure_l1}
    both = {name: features[name].drop_vars(["pure", "l0"]) for name in NETWORKS}
    if with_images:
        both = {
            name: each.merge(dictionaries.feature_images(*coded[name]))
            for name, each in both.items()
        }
    result = xr.concat(both.values(), xr.Variable("network", list(both)))
    return result.assign(pure=("coding", list(pure.values()))).assign_coords(coding=list(pure))


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    result, shapes = drawn(data), alike(data, "expansion", "k")
    figure = plotting.figure(11.4, 6.4)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1, 1.5])[0]
    (active, sizes), (by_shape, logits) = left.subplots(2, 2)
    by_k, by_size = alike(data, "width", "depth", "expansion"), alike(data, "width", "depth", "k")
    panels.draw_pure(active, [each.k for each in by_k], by_k)
    panels.draw_pure(sizes, [each.expansion for each in by_size], by_size)
    names = [f"{shape.width:d}\nx {shape.depth:d}" for shape in shapes]
    panels.draw_pure(by_shape, names, shapes, joined=False)
    panels.draw_agreement(logits, shapes)
    units, k, share = f"{result.width:d} units", f"k = {result.k:d}", f"share of purity > {PURE}"
    size = result.sizes["dictionary_feature"]
    active.set(xlabel="active features, k", ylabel=share, title=f"{units}, {size} features")
    sizes.set(xlabel="features a unit", title=f"{units}, {k}")
    by_shape.set(xlabel="units x hidden layers", ylabel=share, title=f"all shapes, {k}")
    logits.set_title("the same shapes")
    left.legend(*active.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    panels.draw_tiles(right, result)
    figure.suptitle(
        f"Features of dictionaries of networks trained on {NAMES[result.images.item()]}"
    )
    figure.supxlabel(
        "purity: the share of the commonest digit among the images of the top tenth of a feature's "
        f"activations; framed: {PURE} or less; untrained: TopK of an untrained network",
    )
    return figure


def drawn(data: xr.DataTree) -> xr.Dataset:
    """Return the result whose features are drawn."""
    return next(result for result in tm.select_all(data) if "mean_image" in result)


def alike(data: xr.DataTree, *settings: str) -> list[xr.Dataset]:
    """Return all results with the drawn one's values of these settings."""
    return tm.select_all(data, **{name: drawn(data)[name].item() for name in settings})


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    result, shapes = drawn(data), alike(data, "expansion", "k")
    k, widest, size = result.k.item(), result.width.item(), result.expansion.item()
    units = f"{result.depth.item()} x {widest} units"
    share, each = f"share of purity above {PURE}", f"k = {k}, {size} features a unit; each shape"
    if result.images == "mnist" and widest >= 64:
        yield OURS.claim(
            f"Accuracy on MNIST of networks of {widest} units a layer (each depth)"
        ).within(0.97, 1, [shape.accuracy for shape in shapes if shape.width == widest])
    by_k = alike(data, "width", "depth", "expansion")
    yield NOTE.claim(
        f"Most live features are templates ({share}, {units}, {size} features a unit; each k)"
    ).within(0.5, 1, [dictionary.pure.sel(coding=TRAINED) for dictionary in by_k])
    topk = np.array([shape.pure.sel(coding=TRAINED) for shape in shapes])
    yield NOTE.claim(f"The same in networks of all shapes ({share}, {each})").within(0.5, 1, topk)
    features = result.sel(network=TRAINED)
    templates = features.digit[features.purity > PURE]
    yield NOTE.claim(
        f"There are several templates of each digit ({units}, k = {k}, {size} features a unit)"
    ).above(1, np.bincount(templates, minlength=DIGITS))
    yield NOTE.claim(
        f"Templates write to their own digit's logit most (share, chance is 0.1; {each})"
    ).within(0.8, 1, [dictionaries.agreement(shape.sel(network=TRAINED), PURE) for shape in shapes])
    for coding in ("neurons", "k-means", UNTRAINED, "L1"):
        yield COMPARED.claim(
            f"TopK features are purer than those of {coding} ({share}, excess at equal L0; {each})"
        ).above(0, topk - [shape.pure.sel(coding=coding) for shape in shapes])


EXPERIMENT = fig.Experiment(
    __file__,
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        dataset="digits",
        depth=(1,),
        width=(16,),
        expansion=(1,),
        k=(2, 4),
        steps=300,
        batch_size=64,
        learning_rate=1e-2,
        dictionary_steps=100,
        dictionary_batch_size=128,
    ),
    paper=Spec(
        depth=(1, 2, 3),
        width=(16, 32, 64),
        expansion=(1, 2, 4, 8, 16),
        k=(1, 2, 4, 8, 16),
        l1=(0.1, 0.2, 0.4, 0.8, 1.6),
        steps=9400,
        dictionary_steps=20_000,
    ),
    describes={
        "network": "network that is looked into",
        "coding": "what the activations are coded by",
        "expansion": "size of the dictionary, as a multiple of the width",
        "k": "active features of a TopK dictionary",
        "activation": "mean activation",
        "purity": "share of the digit shown most, among a feature's top tenth of images",
        "pure": "share of features that are pure",
        "digit": "digit that most of a feature's top images show",
        "logit_digit": "digit whose logit a feature raises most",
        "logit_weight": "effect of a feature on the logits",
        "mean_image": "mean of a feature's top images",
        "top_image": "images that activate a feature most",
        "pixel_direction": "a feature's direction in the pixels",
    },
)

if __name__ == "__main__":
    EXPERIMENT.main()
