"""What a figure's script adds to the library: settings, trainings, claims, and the experiment.

    from toymodels import figure as fig

A script defines `class Spec(fig.TrainingSpec)`, `run(lab)`, `plot(data)` and `claims(data)`, and
joins them as `EXPERIMENT = fig.Experiment(...)`.
"""

from toymodels.suite.claim import Claim
from toymodels.suite.experiment import Experiment
from toymodels.suite.lab import Lab
from toymodels.suite.source import OURS, Source
from toymodels.suite.spec import (
    ActiveSparsities,
    Count,
    Counts,
    Fraction,
    NonNegative,
    Positive,
    Positives,
    PositiveSweep,
    RisingSizes,
    Sizes,
    Sparsities,
    Spec,
    check_importance,
    check_sets,
    distinct,
    rising,
)
from toymodels.suite.training_spec import AnnealedSpec, TrainingSpec

__all__ = [
    "OURS",
    "ActiveSparsities",
    "AnnealedSpec",
    "Claim",
    "Count",
    "Counts",
    "Experiment",
    "Fraction",
    "Lab",
    "NonNegative",
    "Positive",
    "PositiveSweep",
    "Positives",
    "RisingSizes",
    "Sizes",
    "Source",
    "Sparsities",
    "Spec",
    "TrainingSpec",
    "check_importance",
    "check_sets",
    "distinct",
    "rising",
]
