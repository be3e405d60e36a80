"""The committed page is what its sources give, and small."""

import re
import subprocess

import pytest
from opened import LESSONS, PAGE, lacks, need

SOURCES = LESSONS / "playground"


@pytest.fixture
def in_sources():
    """Run one of node's programs on the sources."""
    node = need("node")
    if not (SOURCES / "node_modules").is_dir():
        lacks("node's packages are not installed: make playground")

    def run(*command):
        return subprocess.run([node, *command], cwd=SOURCES, capture_output=True, text=True)

    return run


def test_the_page_is_up_to_date(in_sources, tmp_path):
    built = in_sources("build.mjs", tmp_path / "playground.html")
    assert built.returncode == 0, built.stderr
    same = (tmp_path / "playground.html").read_bytes() == PAGE.read_bytes()
    assert same, "the sources have changed: make playground"


def test_the_types_agree(in_sources):
    checked = in_sources("node_modules/typescript/bin/tsc", "--noEmit")
    assert checked.returncode == 0, checked.stdout


def test_the_page_is_one_small_file():
    text = PAGE.read_text(encoding="utf-8")
    assert PAGE.stat().st_size < 1_000_000
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", text)
    assert "@import" not in text
