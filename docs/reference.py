"""The API reference, from the docstrings: `python -m docs.reference FOLDER`, or `make reference`.

A warning is an error: a name that does not resolve, an annotation that cannot be read.
"""

import sys
import warnings
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import pdoc

import toymodels
from docs.annotations import words
from toymodels import theory
from toymodels.suite.papers import link_papers

# the public names, and the pages of two rooms on what one may write oneself
PAGES = ("toymodels", "toymodels.measures", "toymodels.models", "toymodels.data.distributions")
# of these rooms the public names are on the room's own page
WITHOUT = ("!toymodels.models.", "!toymodels.plotting.")


def write_reference(folder: Path) -> None:
    """Write the pages, `index.html` the first of them, into a folder that is made if need be."""
    for package in (toymodels, theory):
        load_names(package)
    filters = pdoc.render.env.filters
    to_html = filters["to_html"]
    pdoc.render.configure(docformat="google", footer_text=f"toymodels {toymodels.__version__}")
    with (
        warnings.catch_warnings(action="error"),
        patch("inspect.formatannotation", words),
        patch("pdoc.doc.formatannotation", words),
        patch.dict(filters, to_html=lambda text: to_html(link_papers(text))),
    ):
        pdoc.pdoc(*PAGES, *WITHOUT, output_directory=folder)


def load_names(package: ModuleType) -> None:
    """Put the names that a package loads when they are first used where pdoc looks for them."""
    vars(package).update({name: getattr(package, name) for name in package.__all__})


if __name__ == "__main__":
    write_reference(Path(sys.argv[1]))
