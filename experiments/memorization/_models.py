"""Looking at the shared runs: one model of a dataset size, and how its plane is drawn."""

import numpy as np

from toymodels import geometry, plotting, select_size


def of_size(dataset, T, budget=1):
    """Return all models trained on T datapoints."""
    return select_size(dataset, dataset_size=T, budget=budget)


def best(dataset, T, budget=1):
    """Return the one with the lowest training loss."""
    models = of_size(dataset, T, budget).stack(model=("data_seed", "seed"))
    return models.isel(model=int(models.train_loss.values.argmin())).transpose("hidden", ...)


def per_size(dataset, quantity):
    """Apply `quantity(models)` to the models of each dataset size."""
    return [quantity(of_size(dataset, T)) for T in dataset.dataset_size.values]


def polygon_error(h):
    """How far hidden vectors [*, 2, T] are from a regular polygon: gaps, and spread of radii.

    Returns the largest deviation from 360/T of the angles between neighbours, in degrees, and
    the standard deviation of the radii over their mean, each [*].
    """
    gaps, radii = geometry.angular_gaps(h), geometry.norms(h)
    deviation = np.abs(gaps - 360 / h.shape[-1]).max(axis=-1)
    return deviation, radii.std(axis=-1) / radii.mean(axis=-1)


def largest(W, count=5):
    """Return the longest columns of W, which are the features if there are any."""
    return W[:, np.argsort(-geometry.norms(W))[:count]]


def draw_planes(above, below, model, limits=(None, None)):
    """Draw hidden vectors in red above and the features' directions in blue below."""
    plotting.point_cloud(above, model.h.values, plotting.DATAPOINT, limits[0])
    plotting.point_cloud(below, model.W.values, plotting.FEATURE, limits[1])
