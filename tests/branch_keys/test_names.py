"""Names: what may be one, and what the error says of others."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from warmkey import ConfigurationError, InvalidRequest
from warmkey.branch_keys.names import (
    check_branch_key_id,
    check_name,
    check_table_name,
    check_version,
    is_version,
    new_uuid,
)


# spec: framework/structures.md#branch-key-version c489
def test_a_new_uuid_is_of_version_4_and_never_the_same() -> None:
    made = [new_uuid() for _ in range(50)]

    assert {each.version for each in made} == {4}
    assert {each.variant for each in made} == {uuid.RFC_4122}
    assert len(set(made)) == 50


@pytest.mark.parametrize("name", ["a", "Mandant Ü", "a b", "\x01"])
def test_a_name_may_be_any_text(name: str) -> None:
    assert check_name("it", name) is check_branch_key_id(name) is name


@pytest.mark.parametrize("name", ["", "\0", "a\0b", "\udfff", None, 7, b"bytes"])
def test_what_is_not_a_name_is_refused_by_its_argument(name: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^it must be a str"):
        check_name("it", name)
    with pytest.raises(InvalidRequest, match=r"^branch_key_id must be a str"):
        check_branch_key_id(name)


@pytest.mark.parametrize("name", ["abc", "A-z_0.9", "x" * 255])
def test_a_table_name(name: str) -> None:
    assert check_table_name(name) == name


@pytest.mark.parametrize("name", ["ab", "x" * 256, "a b c", "täble", "", None, 7])
def test_what_dynamodb_would_not_take_for_a_table_name(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="table_name must be the name of a DynamoDB table"):
        check_table_name(name)


def test_a_version_is_a_uuid_in_lower_case() -> None:
    version = str(uuid.uuid4())

    assert check_version(version) == version
    for text in (version.upper(), version.replace("-", ""), f"{{{version}}}", f"urn:uuid:{version}", version + " ", ""):
        assert not is_version(text)
        with pytest.raises(InvalidRequest, match="branch_key_version must be the text of a UUID in lower case"):
            check_version(text)
