"""Versions that packages ask for."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from warmkey.doctor.requirements import allows, read_requirement

VERSIONS = ["1", "1.0", "1.2", "1.2.0", "1.2.3", "1.3", "2", "2.0.1", "10.0", "50.0.2"]
CLAUSES = ["<2", "<=1.2", ">1.2", ">=1.2.3", "==1.2", "==1.2.*", "!=1.2", "!=1.2.*", "~=1.2", "~=1.2.0", ">=1,<2", ""]


@pytest.mark.parametrize("wanted", CLAUSES)
def test_it_says_what_packaging_says(wanted: str) -> None:
    expected = {version: SpecifierSet(wanted).contains(version) for version in VERSIONS}

    assert expected == {version: allows(wanted, version) for version in VERSIONS}


@pytest.mark.parametrize(("wanted", "version"), [("===x", "1"), ("<2", "unknown"), ("@ file:///x", "1")])
def test_what_it_does_not_understand_counts_as_allowed(wanted: str, version: str) -> None:
    assert allows(wanted, version)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cryptography<49", ("cryptography", "<49", False)),
        ("cryptography (<49,>=41)", ("cryptography", "<49,>=41", False)),
        ("boto3[crt]>=1.35; python_version < '3.12'", ("boto3", ">=1.35", True)),
        ("attrs", ("attrs", "", False)),
        ("", ("", "", False)),
    ],
)
def test_a_requirement_has_a_name_versions_and_perhaps_a_condition(text: str, expected: tuple[str, str, bool]) -> None:
    assert read_requirement(text) == expected
