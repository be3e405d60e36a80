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

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import toymodels as tm
from experiments.mnist import _dictionaries as dictionaries
from experiments.mnist import _feature_panels as panels
from experiments.mnist._dictionaries import BOTH, PURE, agreement, judge
from experiments.mnist._dictionaries import DictionarySpec as Spec
from experiments.mnist._networks import DIGITS, NAMES, OURS
from toymodels import baselines, plotting
from toymodels import figure as fig

NOTE = fig.Source("Circuits Updates, January 2024")


def run(lab: fig.Lab[Spec]) -> xr.DataTree:
    spec, images, seed = lab.spec, lab.images(lab.spec.dataset), lab.integer("k_means")
    members: list[xr.Dataset] = []
    for width in spec.width:
        pairs = [dictionaries.train_pair(lab, images, depth, width) for depth in spec.depth]
        ks = spec.k if width == spec.width[-1] else ()
        members += of_size(lab, images, pairs, spec.expansion[-1], seed, ks)
    for expansion in spec.expansion[:-1]:
        members += of_size(lab, images, pairs[:1], expansion, seed)
    return tm.gather(member.assign_coords(images=images.name) for member in members)


def of_size(
    lab: fig.Lab[Spec], images: Any, pairs: list[Any], expansion: int, seed: int, ks: Any = ()
) -> Iterator[xr.Dataset]:
    """Learn dictionaries of one size: of all networks at the middle k, of the first at all ks."""
    spec, labels = lab.spec, images.train.labels
    middle, width = spec.k[len(spec.k) // 2], len(pairs[0][1].x)
    size, name = expansion * width, f"width{width}_expansion{expansion}"
    trained = [layer for _, layer, _ in pairs]
    relu = partial(tm.ReluDictionary, width, size)
    penalised = dictionaries.learn(lab, f"{name}_l1", relu, trained, over=["l1"])
    clusters = [baselines.k_means_directions(layer.x, size, seed=seed) for layer in trained]
    by_l1 = [
        [judge(penalised(layer=i, l1=j), layer, labels) for j in range(len(spec.l1))]
        for i, layer in enumerate(trained)
    ]
    for k in ks or (middle,):
        chosen = pairs if k == middle else pairs[:1]
        layers = [layer for _, *both in chosen for layer in both]
        topk = partial(tm.TopKDictionary, width, size, k)
        learned = dictionaries.learn(lab, f"{name}_k{k}", topk, layers)
        for i, (kept, layer, untrained) in enumerate(chosen):
            centres, mean = clusters[i]
            coded = {  # all by the k largest: L0 is matched by construction
                "TopK": (learned(layer=2 * i), layer),
                "neurons": (tm.TopKDictionary.of(np.eye(width), k), layer),
                "k-means": (tm.TopKDictionary.of(centres, k, mean), layer),
                "untrained": (learned(layer=2 * i + 1), untrained),
            }
            judged = {coding: judge(*of, labels) for coding, of in coded.items()}
            found = kept.merge(dictionaries.compare(judged, k, by_l1[i]))
            if ks and (k, i) == (middle, 0):
                both = [dictionaries.portrait(*coded[name], images.train.images) for name in BOTH]
                found = found.merge(xr.concat(both, "network"))
            yield found.assign_coords(network=BOTH, expansion=expansion, k=k)


@plotting.style()
def plot(data: xr.DataTree) -> Figure:
    one, shapes = shown(data), like(data, "expansion", "k")
    figure = plotting.figure(11.4, 6.4)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1, 1.5])[0]
    (active, sizes), (by_shape, logits) = left.subplots(2, 2)
    by_k = like(data, "width", "depth", "expansion")
    panels.draw_pure(active, by_k, ["k"], "active features, k")
    panels.draw_pure(sizes, like(data, "width", "depth", "k"), ["expansion"], "features a unit")
    panels.draw_pure(by_shape, shapes, ["width", "depth"], "units x hidden layers", "o")
    panels.draw_agreement(logits, shapes)
    units, k = f"{one.width.item()} units", f"k = {one.k.item()}"
    size = one.sizes["dictionary_feature"]
    active.set(ylabel=f"share of purity > {PURE}", title=f"{units}, {size} features")
    sizes.set_title(f"{units}, {k}")
    by_shape.set(ylabel=f"share of purity > {PURE}", title=f"all shapes, {k}")
    logits.set_title("the same shapes")
    left.legend(*active.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    panels.draw_tiles(right, one)
    figure.suptitle(f"Features of dictionaries of networks trained on {NAMES[one.images.item()]}")
    figure.supxlabel(
        "purity: the share of the commonest digit among the images of the top tenth of a feature's "
        f"activations; framed: {PURE} or less; untrained: TopK of an untrained network",
        fontsize=8,
    )
    return figure


def shown(data: xr.DataTree) -> xr.Dataset:
    """Return the dictionaries that are drawn."""
    return next(one for one in tm.select_all(data) if "mean_image" in one)


def like(data: xr.DataTree, *settings: str) -> list[xr.Dataset]:
    """Return all dictionaries that share settings with those that are drawn, by size and k."""
    found = tm.select_all(data, **{name: shown(data)[name].item() for name in settings})
    return sorted(found, key=lambda one: (one.expansion.item(), one.k.item()))


def claims(data: xr.DataTree) -> Iterator[fig.Claim]:
    one, shapes = shown(data), like(data, "expansion", "k")
    k, widest, size = one.k.item(), one.width.item(), one.expansion.item()
    images, drawn = NAMES[one.images.item()], f"{one.depth.item()} x {widest} units"
    pure = {name: np.array([s.pure.sel(coding=name) for s in shapes]) for name in one.coding.values}
    share, each = f"share of purity above {PURE}", f"k = {k}, {size} features a unit; each shape"
    yield OURS.claim(
        f"Accuracy on {images} of networks of {widest} units a layer (each depth)",
        when=images == "MNIST" and widest >= 64,
    ).within(0.97, 1, [s.accuracy.item() for s in shapes if s.width == widest])
    by_k = like(data, "width", "depth", "expansion")
    yield NOTE.claim(
        f"Most live features are templates ({share}, {drawn}, {size} features a unit; each k)"
    ).within(0.5, 1, [s.pure.sel(coding="TopK").item() for s in by_k])
    yield NOTE.claim(f"The same in networks of all shapes ({share}, {each})").within(
        0.5, 1, pure["TopK"]
    )
    topk = one.sel(network="TopK")
    yield NOTE.claim(
        f"There are several templates of each digit ({drawn}, k = {k}, {size} features a unit)"
    ).above(1, np.bincount(topk.digit[topk.purity > PURE], minlength=DIGITS))
    yield NOTE.claim(
        f"Templates write to their own digit's logit most (share, chance is 0.1; {each})"
    ).within(0.8, 1, [agreement([s], "TopK", PURE) for s in shapes])
    for coding in ("neurons", "k-means", "untrained", "L1"):
        yield (
            fig.Source("ours: the source compares nothing")
            .claim(
                f"TopK features are purer than those of {coding} ({share}, excess at equal "
                f"L0; {each})"
            )
            .above(0, pure["TopK"] - pure[coding])
        )


EXPERIMENT = fig.Experiment(
    __file__, Spec, run, plot, claims,
    smoke=Spec(
        dataset="digits", depth=(1,), width=(16,), expansion=(1,), k=(2, 4),
        steps=300, batch_size=64, learning_rate=1e-2,
        dictionary_steps=100, dictionary_batch_size=128,
    ),
    paper=Spec(
        depth=(1, 2, 3), width=(16, 32, 64), expansion=(1, 2, 4, 8, 16), k=(1, 2, 4, 8, 16),
        l1=(0.1, 0.2, 0.4, 0.8, 1.6), steps=9400, dictionary_steps=20_000,
    ),
    describes={
        "depth": "number of hidden layers",
        "width": "units of each hidden layer",
        "images": "dataset of images",
        "network": "network that is looked into",
        "coding": "what the activations are coded by",
        "expansion": "size of the dictionary, as a multiple of the width",
        "k": "active features of a TopK dictionary",
        "l1": "L1 coefficient of the dictionary",
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
)  # fmt: skip

if __name__ == "__main__":
    EXPERIMENT.main()
