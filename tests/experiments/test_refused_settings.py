"""Settings that could not end in a figure are refused before anything is trained."""

import pytest
from catalogue import changed, load

REFUSED = [
    ("mixing_matrix", {"other_heads": (1,)}, "other_heads must be"),
    (
        "mixing_matrix",
        {"other_features": (6, 6), "other_heads": (3, 3)},
        "the same case twice",
    ),
    ("ov_density", {"features": 6}, "d_model must be at least 6"),
    ("toy_recovery", {"test_samples": 1}, "test_samples must be at least 2"),
    ("toy_recovery", {"m": (3,)}, "the first must have m = 2"),
    ("templates", {"expansion": (90,)}, "at most 1,438"),
    ("templates", {"width": (1,)}, "k must be at most 1"),
    ("hidden_neurons", {"pressure": (0.1,)}, "pressure must start at 0"),
    ("intro_2d", {"n": 10**9}, "n must be less than"),
    ("intro_2d", {"importance_decay": 1e30}, "importance_decay must be at most"),
    ("linear_vs_relu", {"n": (20, 10**9)}, "n must be less than"),
    ("linear_vs_relu", {"m": (30,)}, "m must be at most n"),
    ("dimensions_per_feature", {"m": (50, 8)}, "m must be at most n"),
    ("dimensions_per_feature", {"n": (2, 80)}, "greater than or equal to 3"),
    ("dimensions_per_feature", {"n": (40, 40), "m": (4, 4)}, "the same size twice"),
    ("feature_dimensionality", {"densities": 0}, "densities must be"),
    ("feature_dimensionality", {"highest": 0.5}, "highest must be greater than 1"),
    ("feature_dimensionality", {"m": (4,)}, "as many entries"),
    ("nonuniform_sparsity", {"highest": 30.0}, "highest times probability must be at most 1"),
    ("nonuniform_sparsity", {"lowest": 20.0}, "lowest must be at most highest"),
    ("adam_epsilon", {"adam_epsilon": (0.0,)}, "adam_epsilon must be greater than 0"),
    ("adam_epsilon", {"weight_decay": ()}, "at least 1 item"),
    ("norms_vs_dataset_size", {"adam_epsilon": -1e-8}, "adam_epsilon must be greater than 0"),
    ("norms_vs_dataset_size", {"longer_dataset_size": (5,)}, "must lie above few"),
    ("phase_diagram_n3_m2", {"cells": 1}, "cells must be greater than or equal to 2"),
    ("nonuniform_sparsity", {"densities": 0}, "densities must be"),
    ("correlated_features", {"sets": (2, 3, 3)}, "n must be a multiple of sets"),
    ("correlated_features", {"sets": (2, 2, 6)}, "in sets of at least two"),
    ("correlated_features", {"sets": (2, 2)}, "as many entries"),
    ("correlated_features", {"n": (4, 4, 4), "sets": (2, 2, 2)}, "the same case twice"),
    ("correlated_features", {"n": (4, 4, 14), "sets": (2, 2, 7)}, "sets must be at most 6"),
    ("correlated_features", {"sparsity": (0.95, 1.0)}, "sparsity must be below 1"),
    ("local_bases", {"sets": 3}, "n must be a multiple of sets"),
    ("local_bases", {"sets": 8}, "in sets of at least two"),
    ("local_bases", {"sets": 1}, "sets must be at least 2"),
    ("local_bases", {"m": 9}, "m must be at most n"),
    ("local_bases", {"sparsity": (1.0,)}, "sparsity must be below 1"),
    ("polytopes", {"points": (1, 2)}, "points must lie in"),
    ("polytopes", {"points": ()}, "at least 1 item"),
    ("correlated_collapse", {"set_size": 4}, "set_size must divide n"),
    ("correlated_collapse", {"set_size": 1}, "greater than or equal to 2"),
    ("correlated_collapse", {"set_size": 6}, "with two sets or more"),
    ("correlated_collapse", {"sparsity": (0.0, 0.5)}, "greater than 0"),
    ("correlated_collapse", {"sparsity": (0.5, 1.0)}, "less than 1"),
    ("learning_dynamics", {"every": 101, "window": 101}, "at most the 100 steps of the run"),
    ("learning_dynamics", {"window": 110}, "at most the 100 steps of the run"),
    ("learning_dynamics", {"window": 25}, "window must be a multiple of every"),
    ("learning_dynamics", {"m": 21}, "m must be at most n"),
    ("learning_dynamics", {"sparsity": 1.0}, "less than 1"),
    ("geometric_learning", {"n": 7}, "n must be a multiple of sets"),
    ("geometric_learning", {"n": 2}, "sets of at least two"),
    ("geometric_learning", {"sets": 1}, "greater than or equal to 2"),
    ("geometric_learning", {"every": 101}, "at most the 100 steps of the run"),
    ("geometric_learning", {"sparsity": 1.0}, "less than 1"),
    ("privileged_basis", {"m": 7}, "m must be at most n"),
    ("privileged_basis", {"m": 0}, "greater than or equal to 1"),
    ("privileged_basis", {"sparsity": (1.0,)}, "sparsity must be below 1"),
    ("privileged_basis", {"importance_decay": 1e30}, "importance_decay must be at most"),
    ("privileged_basis", {"importance_decay": 1e-9}, "importances underflow"),
    ("toy_recovery", {"samples": 10**12}, "samples must be less than"),
]


@pytest.mark.parametrize(("stem", "changes", "sentence"), REFUSED)
def test_what_could_not_be_drawn_is_refused(stem, changes, sentence):
    smoke = load(stem).preset("smoke")
    with pytest.raises(ValueError, match=sentence):
        changed(smoke, **changes)
