"""The API reference: made without a warning, and with every public name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import toymodels

REPOSITORY = Path(toymodels.__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_reference_has_every_public_name(tmp_path):
    command = [sys.executable, "-m", "docs.reference", tmp_path]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "index.html").exists()
    pages = {page.stem: page.read_text() for page in tmp_path.rglob("*.html")}
    for package, page in ((toymodels, pages["toymodels"]), (toymodels.theory, pages["theory"])):
        missing = [name for name in package.__all__ if f'<section id="{name}">' not in page]
        assert set(missing) <= set(pages), missing  # rooms have a page of their own
    for name, page in pages.items():
        assert not re.findall(r'class="annotation">[^<]*(?:jaxtyping|typing|jaxlib)\.', page), name
    assert "https://transformer-circuits.pub/2022/toy_model/index.html" in pages["geometry"]
