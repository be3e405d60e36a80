"""Every function of arrays takes NumPy's, JAX's and nested lists alike, with the same result."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import toymodels
from toymodels import (
    Datapoints,
    baselines,
    circuits,
    geometry,
    membership,
    motifs,
    neurons,
    recovery,
    selectivity,
    theory,
)
from toymodels.data.images import Labelled

RANDOM = np.random.default_rng(0)
W = RANDOM.normal(size=(2, 5)).astype(np.float32)
B = RANDOM.normal(size=5).astype(np.float32) / 3
X = RANDOM.normal(size=(4, 30)).astype(np.float32)
NEAR = (X + RANDOM.normal(size=X.shape) / 5).astype(np.float32)
CODES = np.maximum(X, 0)
P = np.array([0.05, 0.3, 0.7], np.float32)
R = np.array([0.5, 1.0, 2.0], np.float32)
LABELS = np.arange(30, dtype=np.int32) % 3
IMAGES = RANDOM.integers(0, 256, (30, 4), dtype=np.uint8)
POINTS = Datapoints(
    np.array([[0, 3], [4, 1]], np.int32), np.array([[0.6, 0.8], [1, 0]], np.float32)
)
MOTIF = (
    np.array([[2.0, -0.5], [1.0, 0.0]], np.float32),
    np.array([[0.5, 0.0], [2.0, -4.0]], np.float32),
)
(FOUND,) = motifs.find_asymmetric_motifs(*MOTIF)
MODEL = toymodels.MLP(4, 3, 1, 3, key=jax.random.key(0))

KINDS = {
    "float32": lambda array: array,
    "float64": lambda array: array.astype(float) if array.dtype.kind == "f" else array,
    "JAX": jnp.asarray,
    "lists": lambda array: array.tolist(),
}

CALLS = {
    **{f"geometry.{name}": (getattr(geometry, name), W) for name in geometry.__all__},
    "membership.same_set": (membership.same_set, LABELS),
    "membership.other_set": (membership.other_set, LABELS),
    "membership.set_cosines": (membership.set_cosines, W, LABELS[:5]),
    "membership.set_arrangement": (membership.set_arrangement, W, LABELS[:5]),
    "membership.side_by_side": (membership.side_by_side, W, LABELS[:5]),
    "circuits.rescaled": (circuits.rescaled, W, W.T),
    "circuits.gains": (circuits.gains, W, W.T, B),
    "circuits.outputs": (circuits.outputs, W, W.T, B, X.T[:5]),
    "motifs.interference": (partial(motifs.interference, motif=FOUND), *MOTIF, B[:2]),
    "motifs.without_inhibition": (partial(motifs.without_inhibition, motif=FOUND), MOTIF[1]),
    "motifs.find_asymmetric_motifs": (motifs.find_asymmetric_motifs, *MOTIF),
    **{f"neurons.{name}": (getattr(neurons, name), W) for name in neurons.__all__},
    "recovery.max_cosines": (recovery.max_cosines, X[:, :5], X[:, 5:12]),
    "recovery.mmcs": (recovery.mmcs, X[:, :5], X[:, 5:12]),
    **{
        f"recovery.{name}": (getattr(recovery, name), CODES)
        for name in ("l0", "feature_density", "dead_fraction")
    },
    "recovery.explained_variance": (recovery.explained_variance, X, NEAR),
    "recovery.shrinkage": (recovery.shrinkage, X, NEAR),
    "with_unit_mean_square": (toymodels.with_unit_mean_square, X),
    "selectivity.class_means": (partial(selectivity.class_means, classes=3), CODES, LABELS),
    "selectivity.class_directions": (selectivity.class_directions, CODES),
    "selectivity.top_share": (selectivity.top_share, CODES),
    "selectivity.purity": (partial(selectivity.purity, classes=3), CODES, LABELS),
    "selectivity.effective_classes": (selectivity.effective_classes, CODES),
    "selectivity.class_selectivity": (selectivity.class_selectivity, CODES),
    "baselines.principal_components": (partial(baselines.principal_components, components=2), X),
    "baselines.scikit_learn_dictionary": (
        partial(baselines.scikit_learn_dictionary, features=3, alpha=0.1, seed=0, passes=1),
        X,
    ),
    "baselines.k_means_directions": (
        partial(baselines.k_means_directions, clusters=3, seed=0),
        X,
    ),
    "theory.absolute_value_bound": (partial(theory.absolute_value_bound, m=3), B**2, P[:1]),
    "theory.feature_variance": (theory.feature_variance, P),
    "theory.compressed_sensing_bound": (theory.compressed_sensing_bound, P),
    "theory.linear_loss": (theory.linear_loss, W, B, P[1], B**2),
    "theory.active_set_loss": (theory.active_set_loss, W, B, B**2, B**2),
    "theory.correlated_covariance": (theory.correlated_covariance, LABELS[:6] // 2, P),
    "theory.pca_loss": (partial(theory.pca_loss, m=2), X @ X.T),
    "theory.ansatz_losses_n3_m2": (theory.ansatz_losses_n3_m2, P, R),
    "theory.ansatz_phase_n3_m2": (theory.ansatz_phase_n3_m2, P, R),
    "theory.tegum_product": (theory.tegum_product, W, X[:, :3]),
    "theory.thomson_energy": (theory.thomson_energy, W),
    "theory.ansatz_losses": (theory.ansatz_losses, P, R),
    "theory.ansatz_phase": (theory.ansatz_phase, P, R),
    "theory.superposition_boundaries": (theory.superposition_boundaries, P),
    "theory.linear_optimum_loss": (partial(theory.linear_optimum_loss, m=2), B**2, P[:1]),
    "theory.memoriser_norms": (theory.memoriser_norms, LABELS + 2),
    "theory.one_sparse_loss": (theory.one_sparse_loss, W, B),
    "theory.expected_loss_n2_m1": (theory.expected_loss_n2_m1, W[:, :2], W[:, 2:4], P[:2], R[:2]),
    "theory.optimum_n2_m1": (theory.optimum_n2_m1, P, R),
    "hidden_vectors": (
        lambda W, *points: toymodels.hidden_vectors(W, Datapoints(*points)),
        W,
        *POINTS,
    ),
    "squared_error": (
        lambda W, b, *points: toymodels.squared_error(W, b, Datapoints(*points)),
        W,
        B,
        *POINTS,
    ),
    "datapoint_errors": (
        lambda W, b, *points: toymodels.datapoint_errors(W, b, Datapoints(*points)),
        W,
        B,
        *POINTS,
    ),
    "as_columns": (toymodels.as_columns, IMAGES),
    "accuracy": (
        lambda *labelled: toymodels.accuracy(MODEL, Labelled(*labelled)),
        IMAGES,
        LABELS.astype(np.uint8),
    ),
}

# of numbers, not of arrays
OF_NUMBERS = {
    "baselines.random_directions",
    "theory.dedicated_heads",
    "theory.one_head_for_pairs",
    "theory.polygon_dimensionality",
    "theory.regular_polygon",
    "theory.regular_simplex",
    "theory.simplex_dimensionality",
    "theory.thomson_points",
    "theory.two_heads_for_pairs",
    "theory.two_heads_for_trigrams",
}
MODULES = {
    "geometry": geometry,
    "neurons": neurons,
    "circuits": circuits,
    "membership": membership,
    "motifs": motifs,
    "recovery": recovery,
    "selectivity": selectivity,
    "baselines": baselines,
    "theory": theory,
}


def functions(module):
    """The public functions of a module, by name; a compiled one is no function to `inspect`."""
    for name in getattr(module, "__all__", None) or vars(module):
        function = getattr(module, name)
        own = getattr(function, "__module__", "").startswith(module.__name__)
        if own and callable(function) and not inspect.isclass(function) and name[0] != "_":
            yield name


def test_no_function_is_left_out():
    found = {f"{module}.{name}" for module in MODULES for name in functions(MODULES[module])}
    assert len(found) > 25
    known = {name for name in CALLS if "." in name}
    assert found == known | OF_NUMBERS
    loose = {
        "hidden_vectors",
        "squared_error",
        "datapoint_errors",
        "as_columns",
        "accuracy",
        "with_unit_mean_square",
    }
    assert loose == CALLS.keys() - known <= set(toymodels.__all__)


PAIRS = [(n, k) for n in CALLS for k in KINDS]


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_kinds_of_arrays_agree(name, kind):
    function, *given = CALLS[name]
    expected = jax.tree.leaves(function(*given))
    found = jax.tree.leaves(function(*map(KINDS[kind], given)))
    for ours, theirs in zip(found, expected, strict=True):
        if np.asarray(theirs).dtype == object:  # names
            np.testing.assert_array_equal(ours, theirs)
        else:
            np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=1e-4)


def test_lists_that_are_no_array_are_named():
    for function in (geometry.norms, recovery.l0):
        with pytest.raises(ValueError, match=r"(?i)inhomogeneous|sequence|convert"):
            function([[1.0, 2.0], [3.0]])
