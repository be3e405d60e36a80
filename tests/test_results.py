"""Choosing among restarts, and members of different sizes in one Dataset."""

import numpy as np
import pytest
import xarray as xr

from toymodels import best_of, join_sizes, select_size

SPARSITIES, SEEDS, STEPS = [0.0, 0.9, 0.99], [4, 7], [10, 20]


def member(n, m, order=("sparsity", "seed")):
    """What a training of models of n features in m dimensions gives: no two numbers alike."""
    sizes = {"sparsity": 3, "seed": 2, "step": 2, "hidden": m, "feature": n}
    coordinates = {"sparsity": SPARSITIES, "seed": SEEDS, "step": STEPS}
    coordinates |= {"hidden": np.arange(m), "feature": np.arange(n)}
    dims = {
        "loss": order,
        "loss_history": (*order, "step"),
        "W": (*order, "hidden", "feature"),
        "b": (*order, "feature"),
    }
    data = {}
    for i, (name, of) in enumerate(dims.items()):
        shape = [sizes[dim] for dim in of]
        values = np.cos(100 * i + np.arange(np.prod(shape))).reshape(shape).astype(np.float32)
        data[name] = (of, values)
    return xr.Dataset(data, coordinates)


@pytest.mark.parametrize("order", [("sparsity", "seed"), ("seed", "sparsity")])
def test_best_of_is_the_seed_of_the_lowest_loss(order):
    dataset = member(5, 2, order)
    best = best_of(dataset)
    winners = set()
    for sparsity in SPARSITIES:
        here = dataset.sel(sparsity=sparsity)
        seed = min(SEEDS, key=lambda seed: float(here.loss.sel(seed=seed)))
        winners.add(seed)
        xr.testing.assert_identical(
            best.sel(sparsity=sparsity).reset_coords("seed", drop=True),
            here.sel(seed=seed).reset_coords("seed", drop=True),
        )
        assert best.seed.sel(sparsity=sparsity) == seed
    assert len(winners) == 2  # so that the choice is made for each sparsity anew
    assert best.W.dims == ("sparsity", "hidden", "feature")
    assert best.loss_history.dims == ("sparsity", "step")


def test_best_of_any_axis_by_any_measure():
    dataset = member(5, 2).assign(other=lambda d: -d.loss)
    best = best_of(dataset, over="sparsity", by="other")
    np.testing.assert_array_equal(best.loss, dataset.loss.max("sparsity"))


def test_best_of_the_only_axis():
    dataset = member(5, 2).isel(sparsity=1)
    best = best_of(dataset)
    assert best.loss == dataset.loss.min()
    assert best.W.dims == ("hidden", "feature")


def test_best_of_needs_an_axis():
    with pytest.raises(ValueError, match=r"'step' is no axis of 'loss'.*'sparsity', 'seed'"):
        best_of(member(5, 2), over="step")
    with pytest.raises(ValueError, match="'seed' is no axis of 'loss'"):
        best_of(best_of(member(5, 2)))


def test_joined_sizes_come_apart_again():
    members = [member(5, 2), member(20, 3), member(7, 7)]
    joined = join_sizes(members, "features", [5, 20, 7])
    assert dict(joined.W.sizes) == {
        "features": 3, "sparsity": 3, "seed": 2, "hidden": 7, "feature": 20
    }  # fmt: skip
    assert joined.W.sel(features=5, feature=5).isnull().all()
    assert joined.features.values.tolist() == [5, 20, 7]
    for label, original in zip([5, 20, 7], members, strict=True):
        found = select_size(joined, features=label)
        assert found.features == label
        xr.testing.assert_identical(found.drop_vars("features"), original)


def test_joined_kinds_come_apart_again():
    relu, linear = member(5, 2), -member(5, 2)
    joined = join_sizes([relu, linear], "model", ["relu", "linear"])
    found = select_size(joined, model="linear")
    xr.testing.assert_identical(found.drop_vars("model"), linear)


def test_select_size_can_select_other_axes_as_well():
    small = member(5, 2)
    joined = join_sizes([small, member(20, 3)], "features", [5, 20])
    found = select_size(joined, features=5, sparsity=0.9, seed=7)
    np.testing.assert_array_equal(found.W, small.W.sel(sparsity=0.9, seed=7))


def test_best_of_works_on_joined_sizes():
    joined = join_sizes([member(5, 2), member(20, 3)], "features", [5, 20])
    found = select_size(best_of(joined), features=20)
    xr.testing.assert_equal(found.drop_vars("features"), best_of(member(20, 3)))


def test_an_unknown_member_is_refused():
    joined = join_sizes([member(5, 2), member(20, 3)], "features", [5, 20])
    with pytest.raises(KeyError, match="features"):
        select_size(joined, features=6)


def network(width, depth):
    """What a training of deep networks gives, for the names that differ with their shape."""
    sizes = {"hidden": width, "hidden_below": width, "layer": depth, "pixel": 3}
    dims = {"W_in": ("hidden", "pixel"), "class_mean": ("layer", "hidden")}
    dims |= {f"W_hidden_{i}": ("hidden", "hidden_below") for i in range(depth - 1)}
    data = {
        name: (
            of,
            np.cos(width + np.arange(np.prod([sizes[dim] for dim in of]))).reshape(
                [sizes[dim] for dim in of]
            ),
        )
        for name, of in dims.items()
    }
    names = {dim for of in dims.values() for dim in of}
    return xr.Dataset(data, {dim: np.arange(sizes[dim]) for dim in names})


def test_networks_of_all_shapes_come_out_of_a_join_as_they_went_in():
    widths, depths = [2, 5], [1, 2, 3]
    joined = join_sizes(
        [join_sizes([network(w, d) for w in widths], "width", widths) for d in depths],
        "depth",
        depths,
    )
    for width in widths:
        for depth in depths:
            before, after = network(width, depth), select_size(joined, width=width, depth=depth)
            assert after.sizes["layer"] == depth
            for name in before:
                xr.testing.assert_equal(before[name], after[name].drop_vars(["width", "depth"]))
