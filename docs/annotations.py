"""Short annotations for the API reference: `Float[Array, "m n"]`, without module paths."""

import re
import types
from collections.abc import Callable
from inspect import formatannotation
from typing import Annotated, Any, Union, get_args, get_origin

import jax.typing
import jaxtyping
import numpy.typing

# named unions, the largest first
NAMED_UNIONS = {
    "ArrayLike": (jax.typing.ArrayLike, numpy.typing.ArrayLike),
    "PRNGKeyArray": (jaxtyping.PRNGKeyArray,),
}
TWO_KINDS = re.compile(r'(\w+)\[Array, ("[^"]*")\] \| \1\[ndarray, \2\]')


def words(annotation: Any, *_: Any, **__: Any) -> str:
    """Format an annotation; replaces `inspect.formatannotation`.

    Classes of this package keep their full names, which pdoc turns into links.
    """
    if isinstance(annotation, list):  # arguments of a Callable
        return f"[{', '.join(map(words, annotation))}]"
    if annotation in (None, type(None)):
        return "None"
    if isinstance(annotation, type) and issubclass(annotation, jaxtyping.AbstractArray):
        array = words(annotation.array_type).removeprefix("jax.")
        return f'{annotation.dtype.__name__}[{array}, "{annotation.dim_str}"]'
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return words(arguments[0])
    if origin in (Union, types.UnionType):
        return _union(list(arguments))
    if origin is not None and arguments:
        name = "Callable" if origin is Callable else words(origin)
        return f"{name}[{', '.join(map(words, arguments))}]"
    written = formatannotation(annotation)
    return written if written.startswith("toymodels.") else _last_name(written)


def _union(members: list[Any]) -> str:
    names = []
    for name, unions in NAMED_UNIONS.items():
        for union in map(get_args, unions):
            if set(union) <= set(members):
                members = [member for member in members if member not in union]
                names.append(name)
    joined = " | ".join([*names, *map(words, members)])
    return TWO_KINDS.sub(r"\1[Array | ndarray, \2]", joined)


def _last_name(written: str) -> str:
    return "..." if written == "Ellipsis" else written.rpartition(".")[2].removeprefix("~")
