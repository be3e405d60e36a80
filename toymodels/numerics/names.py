"""Dimension names of arrays: which axis plays which role, in any order."""

from collections.abc import Sequence
from typing import Any

# accepted dimension names by role
NAMES = {
    "hidden": ("hidden", "activation", "head", "unit"),
    "feature": (
        *("feature", "dictionary_feature", "attentional_feature", "datapoint", "label", "digit"),
        *("pixel", "hidden_below"),
    ),
    "code": ("dictionary_feature", "feature", "unit", "hidden"),
    "sample": ("sample", "datapoint", "image"),
    "unit": ("unit", "hidden", "dictionary_feature", "feature"),
    "image": ("image", "sample"),
    "label": ("label", "digit", "class"),
}


def names_of(array: Any, roles: Sequence[str]) -> list[str]:
    """Return the dimension names of these roles in an array with named dimensions.

    Raises:
        ValueError: if no dimension has one of the names that `NAMES` lists for a role.
    """
    found: list[str] = []
    for role in roles:
        free = [name for name in NAMES[role] if name in array.dims and name not in found]
        if not free:
            raise ValueError(
                f"none of the dimensions {tuple(array.dims)} is {role}: rename one, as in "
                f'W.rename(my_name="{role}"), or pass .values with the axes {list(roles)} last'
            )
        found.append(free[0])
    return found


def in_order(array: Any, *roles: str) -> Any:
    """Move the axes of these roles last, in this order; arrays without names are unchanged.

    Raises:
        ValueError: as `names_of`.
    """
    if not hasattr(array, "dims"):
        return array
    return array.transpose(..., *names_of(array, roles))


def check_same_features(W: Any, b: Any) -> None:
    """Raise ValueError unless weights [..., m, n] and biases [..., n] have the same n."""
    if W.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"W of shape {list(W.shape)} has {W.shape[-1]} features, its columns, and b has "
            f"{b.shape[-1]}: W is [..., m, n]; is it transposed?"
        )
