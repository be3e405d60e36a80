"""Arrays with names: in any order as the plain ones, their names and coordinates kept."""

import inspect

import jax
import matplotlib
import numpy as np
import pytest
import xarray as xr

import toymodels as tm
from toymodels import (
    Datapoints,
    baselines,
    datapoint_errors,
    geometry,
    hidden_vectors,
    plotting,
    recovery,
    selectivity,
    squared_error,
    theory,
)

RANDOM = np.random.default_rng(0)


def array(dims, *sizes, **coords):
    return xr.DataArray(RANDOM.normal(size=sizes).astype(np.float32), coords, dims)


# as many hidden dimensions as features: a transposed W would do as well
W = array(
    ("sparsity", "hidden", "feature"), 3, 2, 2,
    sparsity=[0, 0.5, 0.9], feature=["a", "b"], seed=("sparsity", [4, 0, 7]),
)  # fmt: skip
DICTIONARY = array(("sparsity", "activation", "dictionary_feature"), 3, 2, 2, sparsity=W.sparsity)
CODES = np.maximum(array(("l1", "dictionary_feature", "sample"), 4, 6, 6, l1=[1, 2, 3, 4]), 0)
X, NEAR = (array(("l1", "activation", "sample"), 4, 6, 6, l1=[1, 2, 3, 4]) for _ in range(2))
H = np.maximum(array(("seed", "unit", "image"), 2, 6, 6, seed=[3, 4], unit=list("abcdef")), 0)
LABELS = xr.DataArray(np.arange(6) % 3, dims="image")
MEANS = np.abs(array(("seed", "hidden", "label"), 2, 3, 3, seed=[3, 4], label=[0, 1, 2]))

POINTS = Datapoints(
    np.array([[0, 1], [1, 0]], np.int32), np.array([[0.6, 0.8], [1, 0]], np.float32)
)

CALLS = {
    **{f"geometry.{name}": (getattr(geometry, name), W) for name in geometry.__all__},
    **{f"recovery.{name}": (getattr(recovery, name), CODES) for name in recovery.__all__},
    "recovery.max_cosines": (recovery.max_cosines, W, DICTIONARY),
    "recovery.mmcs": (recovery.mmcs, W, DICTIONARY, geometry.represented(W)),
    "recovery.explained_variance": (recovery.explained_variance, X, NEAR),
    "recovery.shrinkage": (recovery.shrinkage, X, NEAR),
    "selectivity.class_means": (lambda h, c: selectivity.class_means(h, c, 3), H, LABELS),
    "selectivity.purity": (lambda h, c: selectivity.purity(h, c, 3), H, LABELS),
    "selectivity.top_share": (selectivity.top_share, H),
    **{
        f"selectivity.{name}": (getattr(selectivity, name), MEANS)
        for name in ("class_directions", "class_selectivity", "effective_classes")
    },
}


def parts(found):
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("name", CALLS)
def test_axes_are_taken_by_their_names(name):
    function, *given = CALLS[name]
    expected = parts(function(*(array.values for array in given)))
    turned = [array.transpose(*array.dims[::-1]) for array in given]
    for found in (parts(function(*given)), parts(function(*turned))):
        for ours, theirs in zip(found, expected, strict=True):
            equal = np.array_equal if theirs.dtype == object else np.allclose
            assert equal(ours.values, theirs)
            first = given[0]
            assert ours.dims[0] == first.dims[0]
            for dim in set(ours.dims) & set(first.coords):
                np.testing.assert_array_equal(ours[dim], first[dim])


def test_no_measure_is_left_out():
    measured = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in (geometry, recovery, selectivity)
        for name in module.__all__
        if name != "Purity"
    }
    assert measured == CALLS.keys()


def test_a_result_has_the_names_and_coordinates_of_what_it_is_of():
    norms, gram = geometry.norms(W.rename("weights")), geometry.gram(W)
    assert norms.name == "norms"
    assert norms.dims == ("sparsity", "feature")
    assert norms.seed.values.tolist() == [4, 0, 7]
    assert gram.dims == ("sparsity", "feature", "feature_other")
    assert gram.sel(sparsity=0.9, feature="b", feature_other="a") == pytest.approx(
        float((W[2, :, 0] * W[2, :, 1]).sum()), rel=1e-6
    )
    assert geometry.angular_gaps(W).dims == ("sparsity", "gap")
    M = array(("ov_draw", "head", "attentional_feature"), 2, 3, 4)
    assert geometry.cosines(M).dims[1:] == ("attentional_feature", "attentional_feature_other")
    assert geometry.dimensionality(MEANS).dims == ("seed", "label")
    means = selectivity.class_means(H, LABELS.values, 3)
    assert means.dims == ("seed", "unit", "label")
    assert means.unit.values.tolist() == list("abcdef")


def test_leading_axes_are_broadcast_by_their_names():
    dictionaries = array(("l1", "sparsity", "hidden", "dictionary_feature"), 4, 3, 2, 7)
    found = recovery.mmcs(W, dictionaries)
    assert dict(found.sizes) == {"sparsity": 3, "l1": 4}
    alone = recovery.mmcs(W.values[2], dictionaries.values[1, 2])
    assert found.sel(sparsity=0.9).isel(l1=1) == pytest.approx(float(alone), rel=1e-6)


def test_coordinates_that_disagree_are_refused():
    with pytest.raises(ValueError, match="sparsity"):
        recovery.mmcs(W, DICTIONARY.assign_coords(sparsity=[0, 0.5, 0.8]))


def test_names_that_are_not_known_are_named():
    with pytest.raises(ValueError, match=r"'slot', 'feature'\) is hidden: rename one"):
        geometry.norms(W.rename(hidden="slot"))
    with pytest.raises(ValueError, match=r"dictionary has no dimension names.*\[3, 2, 2\]"):
        recovery.mmcs(W, DICTIONARY.values)


MODELS = [tm.ReluOutput, tm.MLP, tm.MixingMatrix, tm.ReluDictionary]
MATRICES = [dims for model in MODELS for dims in model.dims.values() if len(dims) == 2]


@pytest.mark.parametrize("dims", MATRICES)
def test_the_names_that_our_models_use_are_known(dims):
    found = geometry.norms(xr.DataArray(np.ones((3, 4)), dims=dims))
    assert len(found.dims) == 1
    assert found.dims[0] in dims


def test_baselines_take_samples_in_any_order():
    ours, plain = (baselines.principal_components(x, 2) for x in (X[0].T, X[0].values))
    np.testing.assert_array_equal(ours.reconstruction, plain.reconstruction)


def test_other_functions_of_weights_take_names():
    square, b = W[2].reset_coords(drop=True), np.array([0.1, -0.2], np.float32)
    bias = xr.DataArray(b, dims="feature")
    calls = {
        theory.one_sparse_loss: (bias,),
        squared_error: (bias, POINTS),
        datapoint_errors: (bias, POINTS),
        hidden_vectors: (POINTS,),
    }
    for function, rest in calls.items():
        unnamed = [b if part is bias else part for part in rest]
        plain, turned = (function(values, *unnamed) for values in (square.values, square.values.T))
        assert not np.allclose(plain, turned)
        np.testing.assert_allclose(function(square.T, *rest).values, plain, rtol=1e-6)
    assert hidden_vectors(square.T, POINTS).dims == ("hidden", "datapoint")


def drawn(function, *arrays):
    """The vectors, or the values of the images, that a function draws."""
    ax = plotting.figure(3, 3).subplots()
    function(ax, *arrays)
    images = [np.asarray(image.get_array()) for image in ax.images]
    lines = [np.concatenate(c.get_segments()) for c in ax.collections if hasattr(c, "get_segments")]
    return [*images, *lines, *(line.get_xydata() for line in ax.lines)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax, W: plotting.gram_with_bias(ax, W, [0.1, 0.2]),
        lambda ax, W: plotting.feature_arrows(ax, W, plotting.FEATURE),
        plotting.polygon_arrows,
        lambda ax, W: plotting.point_cloud(ax, W, plotting.FEATURE),
        lambda ax, W: plotting.directions_over(ax, W, W),
    ],
)
def test_drawings_take_names(draw):
    with matplotlib.rc_context():
        ours, plain, turned = (drawn(draw, of) for of in (W[2].T, W[2].values, W[2].values.T))
    for found, expected in zip(ours, plain, strict=True):
        np.testing.assert_allclose(found, expected)
    assert not all(np.allclose(a, b) for a, b in zip(plain, turned, strict=True))


@pytest.mark.parametrize(
    "function",
    [
        lambda W, b: plotting.gram_with_bias(plotting.figure(3, 3).subplots(), W, b),
        inspect.unwrap(theory.one_sparse_loss),  # without the types of these tests
        lambda W, b: inspect.unwrap(squared_error)(W, b, POINTS),
    ],
)
def test_sizes_that_cannot_belong_together_are_refused(function):
    with pytest.raises(ValueError, match=r"W of shape \[5, 2\] has 2 features, .* b has 5"):
        function(np.ones((5, 2), np.float32), np.zeros(5, np.float32))


def test_names_do_not_stand_in_the_way_of_transformations():
    gradient = jax.jit(jax.grad(lambda W: geometry.norms(W).sum()))(W.values[0])
    assert np.isfinite(gradient).all()
