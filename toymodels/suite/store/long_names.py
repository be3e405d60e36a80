"""`long_name` and `units` of the variables of stored data, as is usual in netCDF.

The names used by models and training are listed here; a script describes its own variables by
`Experiment(describes=...)`.
"""

from collections.abc import Mapping
from types import MappingProxyType

import xarray as xr

LONG_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "W": "weights; a column is the direction of a feature",
        "W_dec": "decoder weights; a column is the direction of a dictionary feature",
        "W_in": "weights of the input layer",
        "W_out": "weights of the output layer",
        "W_Q": "query weights of the heads; a column is a token",
        "W_K": "key weights of the heads; a column is a token",
        "W_V": "value weights of the heads; a column is a token",
        "W_O": "output weights of the heads; a row is a logit",
        "W_D": "weights of the direct path from tokens to logits",
        "gate_Q": "gates of the heads, the factor of the destination",
        "gate_K": "gates of the heads, the factor of the source",
        "M": "mixing matrix of heads and attentional features",
        "b": "bias of the outputs",
        "h": "hidden vectors of the datapoints",
        "loss": "loss on the test distribution",
        "train_loss": "loss on the training set",
        "test_loss": "loss on fresh datapoints",
        "importance": "importance of a feature in the loss",
        "set": "set of a feature, whose members are correlated",
        "sparsity": "S, the probability that a feature is inactive",
        "seed": "restart",
        "n": "number of features",
        "m": "number of hidden dimensions",
        "depth": "number of hidden layers",
        "width": "units of each hidden layer",
        "images": "dataset of images",
        "ov_draw": "draw of the OV matrices",
        "heads": "number of heads",
        "sets": "number of sets",
        "budget": "multiple of the steps that the model was trained for",
        "l1": "L1 coefficient of a dictionary",
        "d_model": "width of the residual stream",
        "feature": "feature",
        "hidden": "hidden dimension",
        "datapoint": "datapoint",
        "dataset": "dataset drawn",
        "dataset_size": "T, the number of datapoints",
        "feature_dimensionality": "share of a hidden dimension that a feature has",
        "datapoint_error": "squared error of a datapoint",
        "datapoint_dimensionality": "share of a hidden dimension that a datapoint has",
        "head": "attention head",
        "attentional_feature": "attentional feature",
        "token": "token",
        "logit": "logit of a next token",
        "head_dim": "dimension of queries, keys and values",
        "output": "output of the residual stream",
        "dictionary_feature": "feature of a dictionary",
        "pixel": "pixel of an image",
        "label": "label of an image",
        "layer": "hidden layer",
        "accuracy": "share of test images that are classified rightly",
        "step": "optimiser step",
        "snapshot": "optimiser step of a snapshot",
        "probed": "optimiser step of a measurement",
    }
)


def describe(dataset: xr.Dataset, own: Mapping[str, str]) -> xr.Dataset:
    """Return a copy whose variables have `long_name`, where known, and `units`.

    All numbers are dimensionless, with unit "1". Existing attributes are kept.
    """
    known = {**LONG_NAMES, **own}
    described = dataset.copy()
    for name, variable in described.variables.items():
        if str(name) in known:
            variable.attrs.setdefault("long_name", known[str(name)])
        if variable.dtype.kind in "iuf":
            variable.attrs.setdefault("units", "1")
    return described
