"""Sparse dictionaries of small MNIST networks find templates of digits.

Source: Circuits Updates, January 2024 (Transformer Circuits), the note on dictionary learning on
MNIST: features of fully connected ReLU networks of 1 to 3 hidden layers with 16 to 64 units.

Dictionaries are trained on the last hidden layer's activations on all training images, scaled to
mean square length 1. A feature is judged by the images of the top tenth of its activations: its
purity is the share of the commonest digit among them, and a pure feature (above 0.9) is a
template of that digit; a feature active on fewer than 100 images is dead. A TopK dictionary is
compared, at the same number of active features, with the units themselves (all but the k largest
masked), the directions of k-means clusters from the mean, and a TopK dictionary of an untrained
network; L1 dictionaries are interpolated to that number. Three sweeps cross in one point: shapes
of networks, each at the largest size and the middle k, and of the drawn network, the widest of
one hidden layer, sizes and k. W_out @ d_k, the logits that a feature writes to, is exact; its
direction in pixels, W_in.T @ d_k, exists for one hidden layer only, and is first order: it holds
as long as the same units are active.

Findings at `quick`, which has four of the source's shapes and short trainings of dictionaries:
how many features are pure depends on how many may be active, 0.66, 0.49 and 0.43 of the live ones
at k = 2, 4 and 8 (1 x 64 units, 256 features), and narrow networks have fewer, 0.31 and 0.44 with
16 units: most features are templates at small k and width 64 only. The directions of k-means
clusters are far purer than TopK's at the same L0 in every shape (0.59 to 0.99 against 0.31 to
0.56): purity alone does not speak for sparse dictionaries. They beat the units and an untrained
network everywhere. Sparse coding of random projections finds templates too, but their logit
weights agree with their digit no better than chance.

Deviations:
- The source prints no algorithms, dictionary sizes, sparsities or scores: TopK and L1 dictionaries
  of {expansion} features a unit, k {k}, L1 {l1}, {dictionary_steps:,} steps, resampled three times;
  thresholds and controls are ours.
- One dictionary at each setting, of the best of {restarts} networks of each shape: the shapes stand
  in for restarts.
- Purity is of the top tenth of a feature's activations, not of a fixed number of images, and
  features active on fewer than 100 training images count as dead.
- That there are no features of strokes to be composed is not measured.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from experiments.mnist import _dictionaries as dictionaries
from experiments.mnist import _feature_panels as panels
from experiments.mnist._features import (
    PURE,
    agreement,
    compare,
    judge,
    portraits,
    templates_per_digit,
)
from experiments.mnist._networks import NAMES
from experiments.mnist._networks import DictionarySpec as Spec
from toymodels import plotting

NOTE = tm.Source("Circuits Updates, January 2024")
OURS = tm.Source("ours: of the source, the shapes are known")
COMPARED = tm.Source("ours: the source compares nothing")


def run(lab: tm.Lab[Spec]) -> xr.DataTree:
    spec, images, seed = lab.spec, lab.images(lab.spec.dataset), lab.integer("k_means")
    members: list[xr.Dataset] = []
    for width in spec.width:
        pairs = [dictionaries.train_pair(lab, images, depth, width) for depth in spec.depth]
        drawn = width == spec.width[-1]
        members += of_size(lab, images, pairs, spec.expansion[-1], seed, drawn=drawn)
    for expansion in spec.expansion[:-1]:
        members += of_size(lab, images, pairs[:1], expansion, seed)
    return tm.gather(member.assign_coords(images=images.name) for member in members)


def of_size(
    lab: tm.Lab[Spec],
    images: Any,
    pairs: list[dictionaries.Pair],
    expansion: int,
    seed: int,
    *,
    drawn: bool = False,
) -> Iterator[xr.Dataset]:
    """Learn dictionaries of one size, of all networks at the middle k; of the drawn one at all."""
    spec, labels, width = lab.spec, jnp.asarray(images.train.labels), len(pairs[0].x[0])
    size, name = expansion * width, f"width{width}_expansion{expansion}"
    trained, middle = [pair.x[0] for pair in pairs], spec.k[len(spec.k) // 2]
    relu, topk = (partial(of, width, size) for of in (tm.ReluDictionary, tm.TopKDictionary))
    penalised = dictionaries.learn(lab, f"{name}_l1", relu, trained, over=["l1"])
    by_l1 = [
        [
            judge(penalised(layer=i, l1=j), pair.x[0], labels, pair.networks[0].W_out[...])
            for j in range(len(spec.l1))
        ]
        for i, pair in enumerate(pairs)
    ]
    clusters = [dictionaries.k_means(x, size, seed) for x in trained]
    for k in spec.k if drawn else [middle]:
        chosen = pairs if k == middle else pairs[:1]
        layers = [x for pair in chosen for x in pair.x]
        learned = dictionaries.learn(lab, f"{name}_k{k}", partial(topk, k), layers)
        for i, pair in enumerate(chosen):
            coded = {
                "TopK": learned(layer=2 * i),
                "neurons": dictionaries.neurons(width, k),
                "k-means": clusters[i](k),
                "untrained": learned(layer=2 * i + 1),
            }
            found = compare(pair, k, coded, by_l1[i], labels)
            if drawn and (k, i) == (middle, 0):
                found = found.merge(portraits(pair, coded, images.train.images))
            yield found.assign_coords(expansion=expansion, k=k)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    one, shapes = shown(data), like(data, "expansion", "k")
    figure = plotting.figure(11.4, 10.7)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=[0.28, 0.72])[:, 0]
    sizes, active, by_shape, logits = axes = top.subplots(1, 4, width_ratios=[1, 1, 1.3, 1])
    panels.draw_shares(sizes, like(data, "width", "depth", "k"), "expansion", "features a unit")
    panels.draw_shares(active, like(data, "width", "depth", "expansion"), "k", "active features")
    panels.draw_shapes(by_shape, shapes)
    panels.draw_agreement(logits, shapes)
    for ax in axes:
        ax.set(ylim=(0, 1.02))
    sizes.set(
        ylabel=f"share of purity > {PURE}", title=f"{one.width.item()} units, k = {one.k.item()}"
    )
    active.set_title(f"{one.width.item()} units, {one.sizes['dictionary_feature']} features")
    logits.legend(*active.get_legend_handles_labels(), fontsize=6.5, loc=(0.72, 0.25))
    panels.draw_tiles(bottom, one)
    figure.suptitle(f"Features of dictionaries of networks trained on {NAMES[one.images.item()]}")
    return figure


def shown(data: xr.DataTree) -> xr.Dataset:
    """Return the dictionaries that are drawn."""
    return next(one for one in tm.members(data) if "mean_image" in one)


def like(data: xr.DataTree, *settings: str) -> list[xr.Dataset]:
    """Return all dictionaries that share these settings with those that are drawn."""
    return tm.members(data, **{name: shown(data)[name].item() for name in settings})


def claims(data: xr.DataTree) -> Iterator[tm.Claim]:
    one, shapes = shown(data), like(data, "expansion", "k")
    by_k = like(data, "width", "depth", "expansion")
    k, widest, size = one.k.item(), one.width.item(), one.expansion.item()
    images = NAMES[one.images.item()]
    of_drawn = f"{one.depth.item()} x {widest} units, {size} features a unit"
    at = f"k = {k}, {size} features a unit; each shape of network"
    pure = {name: np.array([s.pure.sel(coding=name) for s in shapes]) for name in one.coding.values}
    yield OURS.within(
        f"Accuracy on {images} of networks of {widest} units a layer (each depth)",
        0.97, 1, [s.accuracy.item() for s in shapes if s.width == widest],
        when=images == "MNIST" and widest >= 64,
    )  # fmt: skip
    yield NOTE.within(
        f"Most live features respond to one digit (share with purity above {PURE}, {of_drawn}, "
        "for each k)",
        0.5, 1, [s.pure.sel(coding="TopK").item() for s in by_k],
    )  # fmt: skip
    yield NOTE.within(
        f"The same in networks of all shapes (share with purity above {PURE}, {at})",
        0.5, 1, pure["TopK"],
    )  # fmt: skip
    yield NOTE.above(
        f"There are several templates of each digit (number of features of purity above {PURE}, "
        f"{of_drawn}, k = {k}; each digit)",
        1, templates_per_digit(one.sel(network="TopK")),
    )  # fmt: skip
    yield NOTE.within(
        "Templates write to the logit of their own digit most (share of the features of purity "
        f"above {PURE}, chance is 0.1; {at})",
        0.8, 1, [agreement([s], "TopK", PURE) for s in shapes],
    )  # fmt: skip
    others = {
        "neurons": "the units themselves",
        "k-means": "the directions of k-means clusters",
        "untrained": "those of an untrained network",
        "L1": "those learned with an L1 penalty",
    }
    for coding, words in others.items():
        yield COMPARED.above(
            f"TopK's features are purer than {words} (difference of the shares with purity above "
            f"{PURE} at equal L0; {at})",
            0, pure["TopK"] - pure[coding],
        )  # fmt: skip


EXPERIMENT = tm.Experiment(
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
    sweeps="k",
    weights={"W_in": ("hidden", "pixel"), "W_out": ("label", "hidden")},
)

if __name__ == "__main__":
    EXPERIMENT.main()
