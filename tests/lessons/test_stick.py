"""The handout, and the folder for workshops without a network, but for its wheels."""

import re
import subprocess
import sys

import pytest
from worked import LESSONS, lessons

from toymodels.plotting import text_faults

sys.path.insert(0, str(LESSONS))
import handout
import stick


def test_the_handout_is_one_page_of_five_pictures(tmp_path):
    page = handout.handout()
    assert len(handout.BLOCKS) == len(page.axes) == 5
    page.savefig(tmp_path / "handout.pdf")
    assert b"/Count 1 " in (tmp_path / "handout.pdf").read_bytes()
    faults = [fault for fault in text_faults(page) if "points" not in fault]  # sizes are for slides
    assert faults == []


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    done = subprocess.run(
        [sys.executable, str(LESSONS / "stick.py"), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_stick_has_what_its_text_names(tmp_path):
    out = tmp_path / "stick"
    stick.write_files(out, "3.11", "linux")
    text = (out / "START_HERE.txt").read_text(encoding="utf-8")
    assert "Python 3.11 on linux" in text
    named = re.findall(r"^  ((?:toymodels|notebooks)/[\w/.]*|[\w]+\.pdf)", text, re.M)
    assert len(named) == 4 and "page/playground.html" in text
    for name in [*named, "page/playground.html", "toymodels/figures/README.md"]:
        assert (out / name).exists(), name
    assert len(list((out / "notebooks").glob("*.ipynb"))) == len(lessons())
    first = (out / "notebooks" / "01_superposition.ipynb").read_text(encoding="utf-8")
    assert stick.LOCAL_WHEELS in first
