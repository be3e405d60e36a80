"""toymodels: toy models of superposition, trained as ensembles over named axes.

Names are loaded when first used, so that importing the package starts nothing.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "attention": ["AttentionMixing", "OvDraw"],
    "axes": ["Axis"],
    "blocks": ["mean_over_blocks"],
    "claim": ["Claim"],
    "classification": ["Classification", "accuracy", "as_columns", "cross_entropy"],
    "datapoints": ["Datapoints", "draw_datapoints", "stack_datapoints"],
    "dictionary_learning": ["SparseDictionary", "unit_norm"],
    "distributions": ["FeatureDistribution", "SparseFeatures"],
    "ensemble": ["train"],
    "experiment": ["Experiment", "Runner"],
    "finite_dataset": ["FiniteDataset", "hidden_vectors", "squared_error"],
    "models": [
        "GatedDictionary",
        "JumpReluDictionary",
        "MLP",
        "MixingMatrix",
        "ReluDictionary",
        "ReluOutput",
        "TopKDictionary",
        "linear",
    ],
    "objectives": ["Objective", "Reconstruction", "Refreshing"],
    "results": ["best_of", "join_sizes", "select_size", "to_model"],
    "spec": [
        "Count",
        "Distinct",
        "Fraction",
        "NonNegative",
        "Positive",
        "Range",
        "Sparsities",
        "Spec",
        "TrainingSpec",
    ],
    "training": ["TrainingDiverged", "even_steps", "log_steps"],
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
_SUBMODULES = [
    "baselines",
    "datasets",
    "geometry",
    "plotting",
    "recovery",
    "selectivity",
    "theory",
]

__all__ = sorted([*_HOME, *_SUBMODULES])
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"toymodels.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'toymodels' has no attribute {name!r}")
    return getattr(import_module(f"toymodels.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
