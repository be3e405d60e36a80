"""Jumps planted in a training are found, and smooth courses and noise have none."""

import numpy as np
import pytest
import xarray as xr

from toymodels.measures import jumps

RECORDS = np.arange(200)


def course(*at, width=1.0):
    """D [200, 4] and a loss with noise: feature i goes from 0 to 1/2 at record at[i]."""
    rng = np.random.default_rng(0)
    D, loss = np.full((200, 4), 0.1), 1 + 1e-3 * rng.normal(size=200)
    D += 0.01 * rng.normal(size=D.shape)
    for i, middle in enumerate(at):
        done = 1 / (1 + np.exp(-np.clip((RECORDS - middle) / width, -50, 50)))
        D[:, i] += 0.4 * done
        loss -= 0.1 * done
    return D, loss


def test_planted_jumps_are_found_with_their_features():
    found = jumps.find_jumps(*course(60, 150))
    assert [jump.features for jump in found] == [(0,), (1,)]
    for jump, middle in zip(found, (60, 150), strict=True):
        assert jump.begin < middle < jump.end
        assert jump.end - jump.begin < 12
    (both,) = jumps.find_jumps(*course(60, 62))
    assert both.features == (0, 1)


def test_a_smooth_course_and_noise_have_none():
    assert jumps.find_jumps(*course(100, width=30.0)) == []
    assert jumps.find_jumps(*course()) == []
    smooth = np.stack([RECORDS / 400] * 4, axis=1)
    assert jumps.find_jumps(smooth, 2 - RECORDS / 200) == []


def test_features_alone_or_the_loss_alone_are_no_jump():
    D, loss = course(100)
    flat, quiet = course()[::-1]
    assert jumps.find_jumps(D, flat) == []
    assert jumps.find_jumps(quiet, loss) == []
    assert jumps.find_jumps(D, -loss) == []  # the loss rises


def test_a_steady_fall_of_the_loss_is_the_measure_of_a_drop():
    D, loss = course(100)
    for slope, expected in ((0.002, 1), (0.02, 0)):
        assert len(jumps.find_jumps(D, loss - slope * RECORDS)) == expected


def test_thresholds_and_names():
    D, loss = course(100)
    assert jumps.find_jumps(D, loss, change=0.6) == []
    assert jumps.find_jumps(D, loss, drop=1000.0) == []
    named = xr.DataArray(D.T, dims=("feature", "probed"))
    assert jumps.find_jumps(named, loss) == jumps.find_jumps(D, loss) != []


def test_what_has_no_window_is_refused():
    with pytest.raises(ValueError, match="D has 5 records, and the loss has 4"):
        jumps.find_jumps(np.zeros((5, 2)), np.zeros(4))
    with pytest.raises(ValueError, match="window"):
        jumps.find_jumps(np.zeros((4, 2)), np.zeros(4), window=4)
