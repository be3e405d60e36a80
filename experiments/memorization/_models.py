"""Looking at the shared runs: one model of a dataset size, and how its plane is drawn."""

import numpy as np

from toymodels import geometry, plotting, select_size

DEVIATIONS = (
    "quick has n = 1,000, S = .99 and 10,000 steps; the source n = 10,000, S = .999, 50,000.",
    "All models of one T start from the same weights; they differ in their datapoints.",
)


def sizes(dataset, budget=1):
    """Return the dataset sizes that were trained with this budget of steps."""
    there = dataset.train_loss.sel(budget=budget).notnull().any(["data_seed", "seed"])
    return dataset.dataset_size.values[there.values]


def same_size(dataset, T, budget=1):
    """Return all models trained on T datapoints."""
    return select_size(dataset, dataset_size=T, budget=budget)


def best(dataset, T, budget=1):
    """Return the one with the lowest training loss."""
    models = same_size(dataset, T, budget).stack(model=("data_seed", "seed"))
    return models.isel(model=int(models.train_loss.values.argmin()))


def mean_test_loss(dataset):
    """Return the test loss for each dataset size, averaged over data seeds and restarts."""
    means = dataset.test_loss.sel(budget=1).mean(["data_seed", "seed"])
    return means.sel(dataset_size=sizes(dataset)).values


def polygon_error(h):
    """How far hidden vectors [*, 2, T] are from a regular polygon: angles, and radii.

    Returns the largest deviation from 360/T of the angles between neighbours, in degrees, and
    the standard deviation of the radii over their mean, each [*].
    """
    gaps, radii = geometry.angular_gaps(h), geometry.norms(h)
    deviation = np.abs(gaps - 360 / h.shape[-1]).max(axis=-1)
    return deviation, radii.std(axis=-1) / radii.mean(axis=-1)


def largest(W, count=5):
    """Return the longest columns of W [m, n]: the features that are learned, if any are."""
    return W[:, np.argsort(-geometry.norms(W))[:count]]


def draw_planes(above, below, model, limits=(None, None)):
    """Draw hidden vectors in red above and the features' directions in blue below."""
    plotting.point_cloud(above, model.h.values, plotting.DATAPOINT, limits[0])
    plotting.point_cloud(below, model.W.values, plotting.FEATURE, limits[1])
