"""Build the API reference: `python -m docs.reference FOLDER`, or `make reference`.

Warnings are errors, as for unresolved names and unreadable annotations.
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

# the public names, the measures, and how to write a model or a distribution
PAGES = ("toymodels", "toymodels.measures", "toymodels.models", "toymodels.data.distributions")
# without pages: their public names are on the page of the package
WITHOUT = ("!toymodels.models.", "!toymodels.plotting.")


def write_reference(folder: Path) -> None:
    """Write the pages, with `index.html`, to a folder, which is created if needed."""
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
    """Load a package's lazy names, so that pdoc finds them."""
    vars(package).update({name: getattr(package, name) for name in package.__all__})


if __name__ == "__main__":
    write_reference(Path(sys.argv[1]))
