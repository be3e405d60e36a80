"""Sparse dictionaries of small MNIST networks find templates of digits.

Source: Circuits Updates, January 2024 (Transformer Circuits), the note on dictionary learning on
MNIST: features of fully connected ReLU networks of 1 to 3 hidden layers with 16 to 64 units.

Dictionaries are trained on the last hidden layer's activations on all training images, scaled to
mean square length 1. A feature is judged by the images of the top tenth of its activations: its
purity is the share of the commonest digit among them, and a pure feature (above 0.9) is a
template of that digit; a feature active on fewer than 100 images is dead. A TopK dictionary is
compared, at the same number of active features, with the units themselves (all but the k largest
masked), the directions of k-means clusters from the mean, and a TopK dictionary of an untrained
network; L1 dictionaries are interpolated to that number. W_out @ d_k, the logits that a feature
writes to, is exact; its direction in pixels, W_in.T @ d_k, exists for one hidden layer only, and
is first order: it holds as long as the same units are active.

Findings at `quick`: how many features are pure depends on how many may be active, 0.69, 0.54 and
0.48 of the live ones at k = 2, 4 and 8 (1 x 64 units, 256 features), and narrow networks have
fewer, 0.31 to 0.41 with 16 units: most features are templates at small k and width 64 only. The
directions of k-means clusters are far purer than TopK's at the same L0 in every shape (0.70 to
0.98 against 0.31 to 0.58): purity alone does not speak for sparse dictionaries. They beat the
units and an untrained network everywhere. Sparse coding of random projections finds templates
too, but their logit weights agree with their digit no better than chance.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import jax

import toymodels
from experiments.mnist import _dictionaries as dictionaries
from experiments.mnist import _networks as networks
from experiments.mnist._drawing import NAMES
from experiments.mnist._features import (
    PURE,
    agreement,
    describe,
    l1_at,
    portraits,
    share_pure,
    templates_per_digit,
)
from experiments.mnist._template_drawing import draw_scan, draw_tiles
from toymodels import (
    Claim,
    Experiment,
    ReluDictionary,
    TopKDictionary,
    join_sizes,
    load_images,
    plotting,
)
from toymodels.suite.cli import main
from toymodels.suite.spec import Count, Distinct, NonNegative, Positive, Range

WHERE = "Circuits Updates, January 2024"
CODINGS = ("TopK", "neurons", "k-means", "untrained")

Sizes = Annotated[tuple[Count, ...], Distinct()]
Depths = Annotated[tuple[Annotated[int, Range(1, 3)], ...], Distinct()]


@dataclass(frozen=True)
class Spec(toymodels.Spec):
    """Settings; the source prints the networks' shapes only."""

    dataset: Literal["mnist", "digits"] = "mnist"
    """The images: MNIST, or scikit-learn's bundled digits, which need no files."""
    depth: Depths = (1, 2, 3)
    """Numbers of hidden layers; the first is the one whose features are drawn."""
    width: Sizes = (16, 32, 64)
    """Units of each hidden layer; the last is the one whose features are drawn."""
    expansion: Sizes = (1, 4)
    """Sizes of the dictionaries, as multiples of the width."""
    k: Sizes = (2, 4, 8)
    """Active features of TopK dictionaries; those of the middle one are drawn."""
    l1: Annotated[tuple[Positive, ...], Distinct()] = (0.2, 0.5, 1.2)
    """L1 coefficients of the other dictionaries."""
    steps: Count = 4700
    """Optimiser steps of the networks."""
    batch_size: Count = 128
    """Images a step."""
    learning_rate: Positive = 2e-3
    """AdamW's learning rate for the networks at the start; it falls to 0 along a cosine."""
    weight_decay: NonNegative = 1e-2
    """AdamW's decoupled weight decay."""
    dictionary_steps: Count = 1500
    """Optimiser steps of the dictionaries."""
    dictionary_batch_size: Count = 512
    """Activations a step."""
    dictionary_learning_rate: Positive = 3e-3
    """Adam's learning rate for the dictionaries at the start; it falls to 0 along a cosine."""

    pressure: ClassVar = (0.0,)  # the networks are trained without
    restarts: ClassVar = 1  # one network of each shape

    def check(self):
        if max(self.k) > min(self.width):
            raise ValueError(
                f"k must be at most the smallest width, {min(self.width)}, whose units are coded "
                f"by the k largest as well; got {max(self.k)}"
            )
        for name in ("depth", "width", "expansion", "k"):
            if list(getattr(self, name)) != sorted(getattr(self, name)):
                raise ValueError(f"{name} must rise")


def run(spec, key, runner):
    images = load_images(spec.dataset, runner.data_dir)
    by_width = [of_width(spec, key, runner, images, width) for width in spec.width]
    joined = join_sizes([measured for measured, _ in by_width], "width", spec.width)
    shown = by_width[-1][1]
    return joined.merge(shown).assign_coords(images=images.name)


def of_width(spec, key, runner, images, width):
    """Measure all dictionaries of one width; and draw the features of those that are shown."""
    own = jax.random.fold_in(key, width)
    trained, pairs, x = [], [], []
    for depth in spec.depth:
        models = networks.train(spec, key, runner, images, depth, width)
        trained.append(models[["W_in", "W_out", "accuracy"]].isel(pressure=0, seed=0, drop=True))
        fresh = jax.random.fold_in(own, depth)
        both, activations = dictionaries.networks_and_activations(
            models, images, depth, width, fresh
        )
        pairs += both
        x += activations
    found = []
    for expansion in spec.expansion:
        topk, l1 = learn_all(spec, own, runner, x, width, expansion)
        found.append(measure(spec, images, pairs, x, topk, l1, expansion * width))
    last = topk[shown_k(spec.k)]  # of the largest expansion
    drawn = [portraits(last(i), x[i], images.train.images, pairs[i]) for i in (0, 1)]
    measured = join_sizes(found, "expansion", spec.expansion)
    measured = measured.merge(join_sizes(trained, "depth", spec.depth))
    return measured, join_sizes(drawn, "network", ["trained", "untrained"])


def learn_all(spec, key, runner, x, width, expansion):
    """Train TopK dictionaries on all activations, and L1 dictionaries on the trained networks'."""
    size, name = expansion * width, f"width{width}_expansion{expansion}"

    def topk(k):
        def build(key):
            return TopKDictionary(width, size, k, key=key)

        return dictionaries.learn(spec, key, runner, f"{name}_topk{k}", x, build)

    def relu(key):
        return ReluDictionary(width, size, key=key)

    by_l1 = dictionaries.learn(spec, key, runner, f"{name}_l1", x[::2], relu, spec.l1)
    return {k: topk(k) for k in spec.k}, by_l1


def measure(spec, images, pairs, x, topk, l1, size):
    """Describe the dictionaries of each depth, by coding and k, and L1 by coefficient."""
    labels, by_depth = images.train.labels, []
    for i in range(len(spec.depth)):
        own, W_out = x[2 * i], pairs[2 * i].W_out[...]
        clusters = dictionaries.k_means(own, size, spec.k, seed=0)
        by_k = []
        for k, cluster in zip(spec.k, clusters, strict=True):
            members = [topk[k](2 * i), dictionaries.neurons(own, k), cluster]
            described = [describe(model, own, labels, W_out) for model in members]
            control, fresh = topk[k](2 * i + 1), pairs[2 * i + 1].W_out[...]
            described.append(describe(control, x[2 * i + 1], labels, fresh))
            by_k.append(join_sizes(described, "coding", CODINGS))
        by_l1 = [describe(l1(i, j), own, labels, W_out) for j in range(len(spec.l1))]
        grid = join_sizes(by_l1, "l1", spec.l1)
        shares = {"l1_l0": grid.l0, "l1_pure": share_pure(grid)}
        by_depth.append(join_sizes(by_k, "k", spec.k).assign(shares))
    return join_sizes(by_depth, "depth", spec.depth)


def shown_k(k):
    """Return the middle one of the numbers of active features."""
    return int(k[len(k) // 2])


def shown(dataset):
    """Return the dictionaries that are drawn, by coding: the widest network of fewest layers."""
    at = {"width": dataset.width.values[-1], "depth": dataset.depth.values[0]}
    return largest(dataset).sel(at)


def largest(dataset):
    """Return the largest dictionaries at the middle k, for each shape of network and coding."""
    return dataset.sel(k=shown_k(dataset.k.values)).isel(expansion=-1)


@plotting.style()
def plot(dataset):
    figure = plotting.figure(11.4, 10.7)
    figure.get_layout_engine().set(rect=(0.005, 0.72, 0.99, 0.255))
    draw_scan(figure.subplots(1, 4, width_ratios=[1, 1, 1.3, 1]), dataset, largest(dataset))
    draw_tiles(figure, dataset, shown(dataset))
    figure.suptitle(
        f"Features of dictionaries of networks trained on {NAMES[dataset.images.item()]}", y=0.995
    )
    return figure


def claims(dataset):
    name, one, all_shapes = NAMES[dataset.images.item()], shown(dataset), largest(dataset)
    k, widest, depth = one.k.item(), one.width.item(), one.depth.item()
    of_drawn = f"{depth} x {widest} units, {one.expansion.item()} features a unit"
    at = f"k = {k}, {one.expansion.item()} features a unit; each shape of network"
    shares = share_pure(all_shapes).stack(shape=("width", "depth"))
    topk = shares.sel(coding="TopK").values
    by_k = share_pure(dataset.sel(width=widest, depth=depth, coding="TopK").isel(expansion=-1))
    templates = templates_per_digit(one.sel(coding="TopK"), dataset.label.values)
    agree = agreement(all_shapes, all_shapes.purity > PURE).stack(shape=("width", "depth"))
    l1 = [
        l1_at(k, all_shapes.sel(width=width, depth=depth))
        for width in dataset.width.values
        for depth in dataset.depth.values
    ]
    return [
        Claim.within(
            f"Accuracy on {name} of networks of {widest} units a layer (each depth)",
            "ours: of the source, the shapes are known",
            (0.97, 1),
            dataset.accuracy.sel(width=widest).values,
        ),
        Claim.within(
            f"Most live features respond to one digit (share with purity above {PURE}, {of_drawn}, "
            "for each k)",
            WHERE,
            (0.5, 1),
            by_k.values,
        ),
        Claim.within(
            f"The same in networks of all shapes (share with purity above {PURE}, {at})",
            WHERE,
            (0.5, 1),
            topk,
        ),
        Claim(
            f"There are several templates of each digit (number of features of purity above {PURE}"
            f", {of_drawn}, k = {k}; each digit)",
            WHERE,
            "above 1",
            templates,
            bool((templates > 1).all()),
        ),
        Claim.within(
            "Templates write to the logit of their own digit most (share of the features of "
            f"purity above {PURE}, chance is 0.1; {at})",
            WHERE,
            (0.8, 1),
            agree.sel(coding="TopK").values,
        ),
        *(
            above(f"Features are purer than {words}", topk - shares.sel(coding=coding).values, at)
            for coding, words in (
                ("neurons", "the units themselves"),
                ("k-means", "the directions of k-means clusters"),
                ("untrained", "those of an untrained network"),
            )
        ),
        above("TopK's features are purer than those learned with an L1 penalty", topk - l1, at),
    ]


def above(text, difference, at):
    """Claim that a share of pure features is larger, in every shape of network."""
    return Claim(
        f"{text} (difference of the shares with purity above {PURE} at equal L0; {at})",
        "ours: the source compares nothing",
        "above 0",
        difference,
        bool((difference > 0).all()),
    )


EXPERIMENT = Experiment(
    Spec,
    run,
    plot,
    claims,
    smoke=Spec(
        dataset="digits",
        depth=(1,),
        width=(16,),
        expansion=(1, 2),
        k=(2, 4),
        steps=300,
        batch_size=64,
        learning_rate=1e-2,
        dictionary_steps=100,
        dictionary_batch_size=128,
    ),
    paper=Spec(
        expansion=(1, 2, 4, 8, 16),
        k=(1, 2, 4, 8, 16),
        l1=(0.1, 0.2, 0.4, 0.8, 1.6),
        steps=9400,
        dictionary_steps=20_000,
    ),
    sweeps="k",
    deviations=(
        "The source prints no algorithms, dictionary sizes, sparsities or scores: TopK and L1 "
        "dictionaries on a grid of our own, resampled three times; thresholds and controls are "
        "ours.",
        "One network of each shape, and one dictionary at each setting: the nine shapes stand in "
        "for restarts.",
        "Purity is of the top tenth of a feature's activations, not of a fixed number of images, "
        "and features active on fewer than 100 training images count as dead.",
        "That there are no features of strokes to be composed is not measured.",
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
