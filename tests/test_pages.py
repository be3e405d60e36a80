"""What the pages say: their Python runs, in fewer steps, and their links lead somewhere."""

import json
import re
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest
from PIL import Image

import toymodels

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "lessons/README.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *sorted((REPOSITORY / "figures").rglob("README.md")),
]
FEWER = {
    "README.md": {"5000": "20"},
    "docs/library.md": {"5000": "20", "1000": "10", "6000": "40", "70": "3", "2000": "20"},
}
NOT_IN_A_TABLE = {"OvDraw"}  # a draw of matrices, part of AttentionMixing
each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY))
)


def python_in(page):
    return "\n".join(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S))


def test_pages_with_python_are_known():
    with_python = {str(page.relative_to(REPOSITORY)) for page in PAGES if python_in(page)}
    assert with_python == set(FEWER)


def names_in_tables(page):
    rows = re.findall(r"^\|.*\|$", (REPOSITORY / "docs" / page).read_text(), re.M)
    return {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}


def test_concepts_lead_to_functions_and_figures():
    stems = {path.stem for path in (REPOSITORY / "experiments").glob("*/[!_]*.py")}
    names = names_in_tables("concepts.md")
    assert stems <= names, "every figure shows a concept"
    for name in names - stems:
        assert attrgetter(name)(toymodels), name


def test_the_library_page_lists_all_distributions_models_and_objectives():
    stub = (REPOSITORY / "toymodels" / "__init__.pyi").read_text()
    rooms = {"data", "models", "objectives"}
    public = {n for r, n in re.findall(r"^from \.(\w+)\..* as (\w+)$", stub, re.M) if r in rooms}
    classes = {name for name in public if name[0].isupper()} - NOT_IN_A_TABLE
    assert classes <= names_in_tables("library.md")
    for name in names_in_tables("library.md") - {"init_scale", "init", "loss", "test_loss"}:
        assert hasattr(toymodels, name), name


def test_the_readme_counts_the_claims_that_hold():
    records = [json.loads(path.read_text()) for path in (REPOSITORY / "figures").glob("*/*.json")]
    holds = [claim["holds"] for record in records for claim in record["claims"]]
    said = f"{sum(filter(None, holds))} of {len(holds)} claims hold"
    assert said in " ".join((REPOSITORY / "README.md").read_text().split())


@pytest.mark.slow
@pytest.mark.parametrize("name", FEWER)
def test_the_python_runs(name, tmp_path, monkeypatch):
    code = python_in(REPOSITORY / name)
    for number, fewer in FEWER[name].items():
        code, found = re.subn(rf"\b{number}\b", fewer, code)
        assert found
    # a process of its own, as `setup` comes before the first use of JAX
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "programs"))
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    if "animate" in code:
        with Image.open(tmp_path / "pentagon.gif") as film:
            assert film.n_frames == 4


@each_page
def test_links_lead_somewhere(page):
    text = page.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    for link in links:
        if not link.startswith("https://"):
            path, _, place = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not place or place in places(target.read_text()), link


def places(text):
    """The places of a page that a link can lead to: headings of one word, and what has an id."""
    headings = re.findall(r"^#+ (\w+)$", text, re.M)
    return {heading.lower() for heading in headings} | set(re.findall(r'<a id="([^"]+)">', text))


def test_the_film_is_small():
    assert (REPOSITORY / "figures" / "pentagon.gif").stat().st_size < 1_000_000


def test_the_citation_is_of_this_version():
    cited = (REPOSITORY / "CITATION.cff").read_text()
    assert f"\nversion: {toymodels.__version__}\n" in cited
