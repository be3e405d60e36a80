"""Baselines: what they are known to find, and that they are whose they claim to be."""

import numpy as np
import pytest

from toymodels.measures import baselines, recovery

RANDOM = np.random.default_rng(0)
TRUTH = baselines.random_directions(6, 8, seed=3)
SPARSE = RANDOM.random((8, 1500)) * (RANDOM.random((8, 1500)) < 0.1)
X = TRUTH @ SPARSE


def test_all_principal_components_reconstruct_everything():
    coding = baselines.principal_components(X, 6)
    assert recovery.explained_variance(X, coding.reconstruction) == pytest.approx(1)
    assert coding.dictionary.shape == (6, 12)
    assert (coding.codes >= 0).all()
    # each sample has one sign of each component
    assert recovery.l0(coding.codes) == pytest.approx(6)


def test_principal_components_explain_the_largest_eigenvalues():
    eigenvalues = np.linalg.eigvalsh(np.cov(X))
    for count in (1, 3):
        coding = baselines.principal_components(X, count)
        explained = recovery.explained_variance(X, coding.reconstruction)
        assert explained == pytest.approx(eigenvalues[-count:].sum() / eigenvalues.sum())


def test_scikit_learn_finds_sparse_features():
    coding = baselines.scikit_learn_dictionary(X, 8, 0.1, seed=0)
    components = baselines.principal_components(X, 6).dictionary
    assert recovery.mmcs(TRUTH, coding.dictionary) > 0.95
    assert recovery.mmcs(TRUTH, components) < 0.85
    assert (coding.codes >= 0).all()
    np.testing.assert_allclose(coding.dictionary @ coding.codes, coding.reconstruction)
    assert np.linalg.norm(coding.dictionary, axis=0).max() < 1 + 1e-6
    assert recovery.explained_variance(X, coding.reconstruction) > 0.6


def test_a_larger_alpha_is_sparser():
    sparsities = [
        recovery.l0(baselines.scikit_learn_dictionary(X[:, :500], 8, alpha, seed=0).codes)
        for alpha in (0.01, 0.2)
    ]
    assert sparsities[1] < sparsities[0]


def test_random_directions_are_uniform_units():
    columns = baselines.random_directions(3, 5000, seed=0)
    np.testing.assert_allclose(np.linalg.norm(columns, axis=0), 1)
    np.testing.assert_allclose(columns @ columns.T / 5000, np.eye(3) / 3, atol=0.02)
    assert (columns != baselines.random_directions(3, 5000, seed=1)).all()


def test_clusters_lie_where_they_were_drawn_seen_from_the_mean():
    away = 5 * np.eye(3)
    x = np.repeat(away, 200, axis=1) + 2.0 + 0.1 * np.random.default_rng(0).normal(size=(3, 600))
    directions, mean = baselines.k_means_directions(x, 3, seed=0)
    np.testing.assert_allclose(mean, x.mean(axis=1))
    np.testing.assert_allclose(np.linalg.norm(directions, axis=0), 1)
    expected = away - away.mean(axis=1, keepdims=True)
    assert recovery.mmcs(expected, directions) > 0.99
    again = baselines.k_means_directions(x, 3, seed=0).directions
    np.testing.assert_array_equal(directions, again)
    with pytest.raises(ValueError, match="clusters must be a whole number"):
        baselines.k_means_directions(x, 0, seed=0)


@pytest.mark.parametrize("size", [0, -1])
def test_sizes_are_counts(size):
    with pytest.raises(ValueError, match="features must be a whole number"):
        baselines.scikit_learn_dictionary(X, size, 0.1, seed=0)
    with pytest.raises(ValueError, match="components must be a whole number"):
        baselines.principal_components(X, size)
