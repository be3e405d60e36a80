"""The models, one nnx module a file: each reads like its equation in the paper."""

from toymodels.models.attention import MixingMatrix
from toymodels.models.dictionary import (
    GatedDictionary,
    JumpReluDictionary,
    ReluDictionary,
    TopKDictionary,
)
from toymodels.models.mlp import MLP
from toymodels.models.relu_output import ReluOutput, linear

__all__ = [
    "MLP",
    "GatedDictionary",
    "JumpReluDictionary",
    "MixingMatrix",
    "ReluDictionary",
    "ReluOutput",
    "TopKDictionary",
    "linear",
]
