"""The committed records: what they say of claims, settings and deviations."""

import json

import pytest
from catalogue import REPOSITORY, SCRIPTS

RECORDS = {path.stem: path for path in (REPOSITORY / "figures").glob("*/*.json")}


def test_every_figure_has_a_record():
    assert set(RECORDS) == set(SCRIPTS)


@pytest.mark.parametrize("stem", SCRIPTS)
def test_every_claim_applies(stem):
    """A selection that finds nothing would hide a mistake as "not applicable"."""
    claims = json.loads(RECORDS[stem].read_text())["claims"]
    assert claims
    assert [claim["text"] for claim in claims if claim["holds"] is None] == []
