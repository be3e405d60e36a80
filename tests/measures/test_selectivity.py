"""Selectivity of units, where it is known without measuring."""

import jax.numpy as jnp
import numpy as np
import pytest

from toymodels.measures.selectivity import (
    class_directions,
    class_means,
    class_selectivity,
    effective_classes,
    purity,
    top_share,
)


def test_class_means_are_means():
    labels = np.array([0, 2, 1, 2, 0], np.uint8)
    h = np.array([[1.0, 2, 3, 4, 5], [0, 0, 0, 8, 1]], np.float32)
    expected = [[3, 3, 3], [0.5, 0, 4]]
    np.testing.assert_allclose(class_means(h, labels, 3), expected)
    both = class_means(jnp.stack([h, 2 * h]), jnp.asarray(labels), 3)
    np.testing.assert_allclose(both, [expected, np.multiply(2, expected)])


def test_a_class_without_images_has_no_mean():
    means = class_means(np.ones((1, 2), np.float32), np.array([0, 2]), 3)
    np.testing.assert_array_equal(means, [[1, np.nan, 1]])


@pytest.mark.parametrize("k", [1, 2, 7, 10])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0])
def test_a_unit_of_k_classes_has_k(k, scale):
    means = scale * (np.arange(10) < k)
    assert effective_classes(means[None])[0] == pytest.approx(k)


def test_effective_classes_lie_between_one_and_all():
    means = np.random.default_rng(0).exponential(size=(3, 50, 10)) ** 3
    found = effective_classes(means)
    assert found.shape == (3, 50)
    assert ((found > 1) & (found < 10)).all()
    # more evenly is more classes
    assert (effective_classes(means + means.mean(axis=-1, keepdims=True)) > found).all()


def test_selectivity_is_morcos_s_index():
    means = np.array([[0, 3.0, 0], [2, 2, 2], [4, 1, 1], [9, 6, 0]])
    np.testing.assert_allclose(class_selectivity(means), [1, 0, 3 / 5, 6 / 12])


def test_a_silent_unit_has_neither():
    silent = np.zeros((2, 10))
    silent[1, 4] = 1.0
    for measure in (effective_classes, class_selectivity):
        np.testing.assert_array_equal(measure(silent), [np.nan, 1.0])


@pytest.mark.parametrize("label", [3, -1])
def test_a_label_of_no_class_is_named(label):
    with pytest.raises(ValueError, match=f"labels must lie in 0 to 2, .* 3 classes; got {label}"):
        class_means(np.ones((1, 2), np.float32), np.array([0, label]), 3)


@pytest.mark.parametrize("xp", [np, jnp])
def test_directions_of_classes_sum_to_zero(xp):
    means = xp.asarray([[3.0, 0.0, 0.0], [1.0, 1.0, 4.0]])
    expected = [[2, -1, -1], [-1, -1, 2]]
    np.testing.assert_allclose(class_directions(means), expected)


def test_the_top_share_is_of_the_images_on_which_a_unit_is_active():
    h = np.zeros((3, 40))
    h[0, :20] = np.arange(1, 21)  # a tenth of 20 active images
    h[1, :4] = [1, 7, 7, 2]  # one image at least, and what ties with it
    marked = top_share(h)
    assert marked[0].nonzero()[0].tolist() == [18, 19]
    assert marked[1].nonzero()[0].tolist() == [1, 2]
    assert not marked[2].any()
    np.testing.assert_array_equal(top_share(jnp.asarray(np.stack([h, h]))), [marked, marked])
    np.testing.assert_array_equal(top_share(h, 1.0), h > 0)
    with pytest.raises(ValueError, match="share must"):
        top_share(h, 1.5)


def test_purity_is_the_share_of_the_commonest_class_at_the_top():
    labels = np.array([0, 1, 1, 2, 2, 2])
    h = np.array([[9, 8, 7, 0.1, 0.1, 0.1], [0, 0, 0, 1, 2, 3], [0, 5, 0, 0, 0, 0], np.zeros(6)])
    found = purity(h, labels, 3, share=0.5)
    np.testing.assert_allclose(found.share, [2 / 3, 1, 1, np.nan])
    assert found.label[:3].tolist() == [1, 2, 1]
    np.testing.assert_allclose(purity(h, labels, 3, share=1.0).share[0], 1 / 2)
    np.testing.assert_allclose(purity(h, labels, 3, share=0.5, fewest=2).share[2], np.nan)
    with pytest.raises(ValueError, match="labels must lie in 0 to 1"):
        purity(h, labels, 2)
