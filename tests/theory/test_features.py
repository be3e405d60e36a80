"""Moments of one feature against samples."""

import numpy as np

from toymodels import theory


def test_feature_variance_is_that_of_samples():
    rng, p = np.random.default_rng(9), 0.3
    x = np.where(rng.random(400_000) < p, rng.random(400_000), 0)
    np.testing.assert_allclose(theory.feature_variance(p), x.var(), rtol=0.01)
