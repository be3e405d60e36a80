"""Arrays whose axes have names: which axis is which, so that no order of them is wrong."""

from collections.abc import Sequence
from typing import Any

# what an axis may be called, by what it is to a function
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
    """Find what the axes of these roles are called in an array with names.

    Raises:
        ValueError: if one is called by none of the names that `NAMES` has for it.
    """
    found: list[str] = []
    for role in roles:
        free = [name for name in NAMES[role] if name in array.dims and name not in found]
        if not free:
            raise ValueError(
                f"none of the dimensions {tuple(array.dims)} is known as {role}: rename it, as in "
                f'W.rename(my_name="{role}"), or give the values, with the axes {list(roles)} last'
            )
        found.append(free[0])
    return found


def in_order(array: Any, *roles: str) -> Any:
    """Put the axes of these roles last, in this order, if they have names; else change nothing.

    Raises:
        ValueError: as `names_of` does.
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
