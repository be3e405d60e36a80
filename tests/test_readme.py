"""The lines of Python in the README run, one after the other, in fewer steps."""

import re
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
FEWER = {"5000": "20", "6000": "40", "70": "3"}  # steps, steps, pictures


@pytest.mark.slow
def test_the_readme_runs_and_makes_its_film(tmp_path, monkeypatch):
    blocks = re.findall(
        r"^```python\n(.*?)^```", (REPOSITORY / "README.md").read_text(), re.M | re.S
    )
    code = "\n".join(blocks)
    for number, fewer in FEWER.items():
        assert re.search(rf"\b{number}\b", code)
        code = re.sub(rf"\b{number}\b", fewer, code)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    with Image.open("pentagon.gif") as film:
        assert film.n_frames == 4


def test_the_film_is_small():
    assert (REPOSITORY / "figures" / "pentagon.gif").stat().st_size < 1_000_000
