"""What of an S3 object is given to the new one, and what makes it one that is skipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from warmkey.cli.re_encryption.properties import CannotCarryOver, grants_something, parameters_for, same

NOW = datetime(2026, 11, 28, tzinfo=UTC)
PRIVATE: dict[str, Any] = {"Owner": {"ID": "me"}, "Grants": [{"Grantee": {"ID": "me"}, "Permission": "FULL_CONTROL"}]}


def granting(grantee: dict[str, str], permission: str) -> dict[str, Any]:
    """The owner's ACL, and one more grant."""
    return {**PRIVATE, "Grants": [*PRIVATE["Grants"], {"Grantee": grantee, "Permission": permission}]}


def parameters(found: dict[str, Any], tags: Any = (), acl: Any = PRIVATE) -> dict[str, Any]:
    return parameters_for(found, tags=tags, acl=acl, now=NOW)


def test_nothing_is_made_of_nothing() -> None:
    of_this_copy = {"ETag": "e", "ContentLength": 1, "VersionId": "v", "LastModified": NOW, "AcceptRanges": "bytes"}

    assert parameters(of_this_copy) == {}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"Metadata": {"a": "b"}, "ContentType": "x/y"}, {"Metadata": {"a": "b"}, "ContentType": "x/y"}),
        ({"Metadata": {}}, {}),
        ({"ContentEncoding": "aws-chunked"}, {}),
        ({"ContentEncoding": "aws-chunked,gzip"}, {"ContentEncoding": "gzip"}),
        ({"Expires": NOW, "ExpiresString": "x"}, {"Expires": NOW}),
        ({"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "AES256"}),
        (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k", "BucketKeyEnabled": False},
        ),
        (
            {"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": "k"},
            {"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": "k"},
        ),
        ({"ChecksumSHA256": "x", "ChecksumType": "COMPOSITE"}, {"ChecksumAlgorithm": "SHA256"}),
        ({"ChecksumCRC64NVME": "x"}, {}),
        ({"ObjectLockLegalHoldStatus": "OFF"}, {}),
        (
            {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": NOW + timedelta(seconds=1)},
            {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": NOW + timedelta(seconds=1)},
        ),
        ({"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": NOW}, {}),
    ],
    ids=str,
)
def test_what_carries_over(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert parameters(found) == expected


def test_tags_are_quoted() -> None:
    tags = [{"Key": "a b", "Value": "c&d=é"}, {"Key": "none", "Value": ""}]

    assert parameters({}, tags) == {"Tagging": "a+b=c%26d%3D%C3%A9&none="}


@pytest.mark.parametrize(
    ("acl", "expected"),
    [
        (PRIVATE, {}),
        ({"Owner": {"ID": "me"}, "Grants": []}, {}),
        (
            granting({"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}, "READ"),
            {
                "GrantFullControl": 'id="me"',
                "GrantRead": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"',
            },
        ),
        (granting({"ID": "you"}, "FULL_CONTROL"), {"GrantFullControl": 'id="me",id="you"'}),
        (granting({"ID": "me"}, "READ_ACP"), {"GrantFullControl": 'id="me"', "GrantReadACP": 'id="me"'}),
        (granting({"ID": "you"}, "WRITE_ACP"), {"GrantFullControl": 'id="me"', "GrantWriteACP": 'id="you"'}),
    ],
    ids=str,
)
def test_grants_carry_over(acl: Any, expected: dict[str, str]) -> None:
    found = parameters({}, acl=acl)

    assert found == expected
    assert grants_something(found) == bool(expected)


@pytest.mark.parametrize(
    ("found", "acl", "problem"),
    [
        ({"ObjectAnnotations": 1, "Aura": 2}, PRIVATE, "it has Aura, ObjectAnnotations, which this version"),
        ({"MissingMeta": 1}, PRIVATE, "metadata that S3 can't return"),
        ({"Metadata": {"name": "é"}}, PRIVATE, "metadata that is not ASCII"),
        ({"ExpiresString": "tomorrow"}, PRIVATE, "its Expires is not a date"),
        ({"ServerSideEncryption": "aws:fsx"}, PRIVATE, "its encryption at rest is aws:fsx"),
        (
            {},
            granting({"ID": "you"}, "WRITE"),
            "grants WRITE to a grantee, which can't be given to a new object; remove",
        ),
        ({}, granting({"Type": "Group", "URI": "all"}, "WRITE"), "grants WRITE to a Group, which can't be given"),
        ({}, granting({"Type": "AmazonCustomerByEmail", "EmailAddress": "x"}, "READ"), "to a AmazonCustomerByEmail"),
        ({}, granting({"ID": "you"}, "DREAM"), "grants DREAM"),
    ],
)
def test_what_makes_an_object_one_that_is_skipped(found: dict[str, Any], acl: Any, problem: str) -> None:
    with pytest.raises(CannotCarryOver, match=problem):
        parameters(found, acl=acl)


def test_an_object_with_other_bytes_version_or_time_is_another_one() -> None:
    found = {"ETag": "e", "VersionId": "v", "LastModified": NOW, "ContentLength": 1}

    assert same(found, dict(found))
    for name in found:
        assert not same(found, {**found, name: "other"})
