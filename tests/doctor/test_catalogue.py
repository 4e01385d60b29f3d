"""docs/errors.md has a heading for each finding, and says there what the finding says."""

from __future__ import annotations

import re

import pytest

from layer.project import ROOT
from warmkey.doctor.catalogue import ADVICE
from warmkey.doctor.findings import finding

SECTIONS = dict(
    re.findall(
        r"^### ([a-z0-9-]+)\n\n(.+?)\n(?=\n#|\Z)",
        (ROOT / "docs" / "errors.md").read_text().partition("## What `warmkey doctor` finds")[2],
        re.MULTILINE | re.DOTALL,
    )
)


@pytest.mark.parametrize("code", ADVICE)
def test_each_finding_leads_to_its_heading(code: str) -> None:
    advice = ADVICE[code]

    assert finding(code, "something").link == f"docs/errors.md#{code}"
    assert " ".join(SECTIONS[code].split()) == f"{advice.means} {advice.change}"


def test_no_heading_is_of_a_finding_that_there_is_not() -> None:
    assert set(SECTIONS) == set(ADVICE)
