"""Choosing among restarts, and members of different sizes in one tree."""

from functools import partial

import jax
import numpy as np
import optax
import pytest
import xarray as xr

from toymodels import (
    Axis,
    FiniteDataset,
    Reconstruction,
    ReluOutput,
    SparseFeatures,
    along,
    best_of,
    draw_datapoints,
    evaluate,
    gather,
    select,
    select_all,
    settings,
    split,
    to_model,
    train,
)
from toymodels.results import settings_of

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
    best = best_of(dataset, dim="sparsity", by="other")
    np.testing.assert_array_equal(best.loss, dataset.loss.max("sparsity"))


def test_best_of_several_axes_compares_all_together():
    dataset = member(5, 2)
    best = best_of(dataset, dim=("seed", "sparsity"))
    assert best.loss == dataset.loss.min()
    assert best.W.dims == ("hidden", "feature")
    with pytest.raises(ValueError, match="'batch' is not an axis of 'loss'"):
        best_of(dataset, dim=("seed", "batch"))


def test_best_of_the_only_axis():
    dataset = member(5, 2).isel(sparsity=1)
    best = best_of(dataset)
    assert best.loss == dataset.loss.min()
    assert best.W.dims == ("hidden", "feature")


def test_best_of_needs_an_axis():
    with pytest.raises(ValueError, match=r"'step' is not an axis of 'loss'.*'sparsity', 'seed'"):
        best_of(member(5, 2), dim="step")
    with pytest.raises(ValueError, match="'seed' is not an axis of 'loss'"):
        best_of(best_of(member(5, 2)))


def of_setting(**given):
    """A member of a result, with its settings as coordinates without dimensions."""
    n, m = given["n"], given["m"]
    return member(n, m).assign_coords(given)


def test_sizes_come_apart_as_they_went_in(tmp_path):
    sizes = [of_setting(n=5, m=2, model="relu"), of_setting(n=20, m=3, model="relu"),
             of_setting(n=5, m=2, model="linear")]  # fmt: skip
    tree = gather(sizes)
    assert settings(tree, "n") == [5, 20]
    assert settings(tree, "model") == ["relu", "linear"]
    for one in sizes:
        found = select(tree, n=int(one.n), model=one.model.item())
        xr.testing.assert_identical(found, one)
    assert [int(one.n) for one in select_all(tree, model="relu")] == [5, 20]
    # the same after a visit to the disk
    tree.to_netcdf(tmp_path / "tree.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "tree.nc", engine="h5netcdf") as stored:
        for before, after in zip(select_all(tree), select_all(stored.load()), strict=True):
            xr.testing.assert_identical(before, after)
        assert settings(stored, "model") == ["relu", "linear"]


def test_a_member_is_meant_by_settings_that_only_it_has():
    tree = gather([of_setting(n=5, m=2, seeds=1), of_setting(n=6, m=2, seeds=1)])
    with pytest.raises(ValueError, match="settings of one Dataset: 2 have"):
        select(tree, m=2)
    with pytest.raises(ValueError, match="0 have"):
        select(tree, n=7)
    assert select_all(tree, unknown=3) == []


def test_members_need_settings_of_their_own():
    with pytest.raises(ValueError, match="needs settings"):
        gather([member(5, 2)])
    with pytest.raises(ValueError, match="have the same settings: n=5,m=2"):
        gather([of_setting(n=5, m=2), of_setting(n=5, m=2)])


def test_a_selected_point_is_no_setting_of_the_members_axes():
    one = of_setting(n=5, m=2)
    assert set(settings_of(one)) == {"n", "m"}
    assert settings_of(one.isel(sparsity=1))["sparsity"] == 0.9


def swept(decays, **settings):
    """Losses over an axis, or at a single weight decay."""
    loss = xr.DataArray(10 * np.array(decays), {"decay": decays}, ("decay",))
    return xr.Dataset({"loss": loss}).assign_coords(settings)


def test_points_of_an_axis_become_datasets_of_their_own():
    alone = swept([0.1], n=5, m=3).isel(decay=0)
    tree = split(gather([swept([0.0, 0.1], n=5, m=2), alone]), "decay")
    assert len(tree.leaves) == 3
    for decay in (0.0, 0.1):
        point = select(tree, n=5, m=2, decay=decay)
        assert settings_of(point) == {"n": 5, "m": 2, "decay": decay}
        assert point.loss.item() == 10 * decay
    xr.testing.assert_identical(select(tree, m=3), alone)


def test_a_line_through_the_settings_changes_one_of_them():
    points = [(4, 1, 0.1), (4, 3, 0.1), (2, 3, 0.1), (4, 2, 0.1), (4, 2, 0.5)]
    tree = gather(swept([decay], n=n, m=m).isel(decay=0) for n, m, decay in points)
    like = select(tree, n=4, m=3)
    by_m = along(tree, "m", like)
    assert list(by_m) == [1, 2, 3], "in ascending order"
    assert {(one.n.item(), one.decay.item()) for one in by_m.values()} == {(4, 0.1)}
    assert [one.m.item() for one in by_m.values()] == [1, 2, 3]
    assert list(along(tree, "n", like)) == [2, 4]
    assert list(along(tree, "decay", select(tree, m=2, decay=0.5))) == [0.1, 0.5]


def test_a_model_is_read_by_the_names_of_its_dimensions():
    like = ReluOutput(3, 3, key=jax.random.key(0))
    dataset = member(3, 3)
    turned = dataset.assign(W=dataset.W.transpose("feature", "sparsity", "hidden", "seed"))
    np.testing.assert_array_equal(
        to_model(turned, like).W[...], dataset.W.transpose("sparsity", "seed", ...)
    )
    with pytest.raises(
        ValueError, match=r"W has the dimensions .*'slot'.* and the model \('hidden', "
    ):
        to_model(dataset.rename(hidden="slot"), like)


def test_members_are_evaluated_one_by_one_on_one_test_set():
    key, axes = jax.random.key(0), [Axis("scale", [0.1, 1.0]), Axis.seeds(3)]

    def objective(sparsity):
        build = partial(ReluOutput, 5, 2)
        features = SparseFeatures(5, sparsity=sparsity)
        return Reconstruction(features, lambda key: build(key=key), 16, 64)

    def problem(scale):
        return objective(0.5), optax.sgd(0.01 * scale)

    models = train(problem, axes, 5, key=key)
    turned = models.transpose("seed", ...).isel(seed=[2, 0])
    found = evaluate(turned, objective(0.9), key=key)
    assert found.dims == ("seed", "scale")
    assert found.seed.values.tolist() == [2, 0]
    for seed in (2, 0):
        for scale in (0.1, 1.0):
            alone = to_model(models.sel(seed=seed, scale=scale), objective(0.9).init(key))
            expected = objective(0.9).test_loss(alone, key)
            assert found.sel(seed=seed, scale=scale) == pytest.approx(float(expected), rel=1e-5)
    # without any feature the loss has a closed form
    silent = evaluate(best_of(models), objective(1.0), key=key)
    bias = np.maximum(best_of(models).b, 0)
    np.testing.assert_allclose(silent, (bias**2).sum("feature"), rtol=1e-5)


def test_a_stored_loss_is_that_of_its_test_points_again():
    key, features = jax.random.key(0), SparseFeatures(5, sparsity=0.5)
    points, others = (draw_datapoints(features, T, key=key) for T in (7, 30))
    objective = FiniteDataset(lambda key: ReluOutput(5, 2, key=key), points, others)
    models = train(lambda: (objective, optax.adam(0.01)), [Axis.seeds(2)], 5, key=key)
    xr.testing.assert_allclose(evaluate(models, objective, key=key), models.loss, rtol=1e-6)
    with pytest.raises(ValueError, match=r"W has the shape \[2, 2, 5\]"):
        smaller = FiniteDataset(lambda key: ReluOutput(5, 3, key=key), points, others)
        evaluate(models, smaller, key=key)
