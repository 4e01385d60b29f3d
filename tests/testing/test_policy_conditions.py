"""Condition operators, as the IAM User Guide describes them; what is not known is an error and never passed over."""

from __future__ import annotations

from typing import Any

import pytest

from warmkey.testing import UnsupportedPolicy
from warmkey.testing.policy_conditions import conditions_of, pattern

TENANT = "kms:EncryptionContext:tenant"
KEYS = "kms:EncryptionContextKeys"
LEADING = "dynamodb:LeadingKeys"


def holds(block: dict[str, Any], **keys: tuple[str, ...]) -> bool:
    named = {"tenant": TENANT.lower(), "keys": KEYS.lower(), "leading": LEADING.lower()}
    request = {named[name]: values for name, values in keys.items()}
    return all(condition.holds(request) for condition in conditions_of(block))


@pytest.mark.parametrize(
    ("operator", "value", "found", "expected"),
    [
        ("StringEquals", "a", ("a",), True),
        ("StringEquals", ["b", "a"], ("a",), True),
        ("StringEquals", "A", ("a",), False),
        ("StringEquals", "a*", ("ab",), False),
        ("StringEquals", "a", (), False),
        ("StringLike", "a*", ("ab",), True),
        ("StringLike", "a?", ("ab",), True),
        ("StringLike", "a?", ("a",), False),
        ("StringLike", "a${*}", ("a*",), True),
        ("StringLike", "a${*}", ("ab",), False),
        ("StringLike", "*", ("",), True),
        ("StringLike", "*", (), False),
        ("StringLike", "a*b", ("a\nb",), True),
        ("Null", "true", (), True),
        ("Null", "true", ("a",), False),
        ("Null", "false", ("",), True),
        ("Null", True, (), True),
        ("Null", False, (), False),
    ],
)
def test_a_key_of_one_value(operator: str, value: Any, found: tuple[str, ...], expected: bool) -> None:
    assert holds({operator: {TENANT: value}}, tenant=found) is expected


@pytest.mark.parametrize(
    ("operator", "found", "expected"),
    [
        ("ForAllValues:StringEquals", ("a", "b"), True),
        ("ForAllValues:StringEquals", ("a", "c"), False),
        ("ForAllValues:StringEquals", (), True),  # which is why a Null check goes with it
        ("ForAnyValue:StringEquals", ("a", "c"), True),
        ("ForAnyValue:StringEquals", ("c",), False),
        ("ForAnyValue:StringEquals", (), False),
        ("ForAllValues:StringLike", ("a", "b"), True),
        ("ForAnyValue:StringLike", ("c",), False),
    ],
)
def test_a_key_of_several_values(operator: str, found: tuple[str, ...], expected: bool) -> None:
    assert holds({operator: {KEYS: ["a", "b"]}}, keys=found) is expected
    assert holds({operator: {LEADING: ["a", "b"]}}, leading=found) is expected


def test_all_conditions_of_a_block_must_hold() -> None:
    block = {"Null": {KEYS: "false", TENANT: "false"}, "StringEquals": {TENANT: "a"}}

    assert holds(block, tenant=("a",), keys=("tenant",))
    assert not holds(block, tenant=("a",))
    assert not holds(block, tenant=("b",), keys=("tenant",))


def test_the_name_of_a_condition_key_ignores_case() -> None:
    assert holds({"StringEquals": {"KMS:encryptioncontext:TENANT": "a"}}, tenant=("a",))


def test_a_key_that_a_request_has_twice_is_an_error() -> None:
    with pytest.raises(UnsupportedPolicy, match="more than once"):
        holds({"StringEquals": {TENANT: "a"}}, tenant=("a", "b"))


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"StringNotEquals": {TENANT: "a"}}, "operator 'StringNotEquals' is not known"),
        ({"StringEqualsIfExists": {TENANT: "a"}}, "StringEqualsIfExists"),
        ({"stringequals": {TENANT: "a"}}, "stringequals"),
        ({"ForSomeValues:StringEquals": {KEYS: "a"}}, "ForSomeValues"),
        ({"Bool": {"aws:SecureTransport": "true"}}, "Bool"),
        ({"StringEquals": {"aws:SourceVpc": "a"}}, "condition key 'aws:SourceVpc' is not known"),
        ({"StringEquals": {"kms:ViaService": "a"}}, "kms:ViaService"),
        ({"StringEquals": {"kms:EncryptionContext:": "a"}}, "is not known"),
        ({"StringEquals": {KEYS: "a"}}, "needs one of ForAllValues and ForAnyValue"),
        ({"ForAnyValue:StringEquals": {TENANT: "a"}}, "no set operator"),
        ({"Null": {TENANT: "maybe"}}, "true or false"),
        ({"Null": {TENANT: ["true", "false"]}}, "true or false"),
        ({"ForAllValues:Null": {KEYS: "true"}}, "without ForAllValues"),
        ({"StringEquals": {TENANT: "${aws:userid}"}}, "policy variable"),
        ({"StringEquals": {TENANT: []}}, "a text or a list of texts"),
        ({"StringEquals": {TENANT: [1]}}, "a text or a list of texts"),
        ({"StringEquals": {TENANT: ""}}, "none of them empty"),
        ({"StringEquals": [TENANT]}, "StringEquals must be an object"),
        ([], "Condition must be an object"),
    ],
)
def test_what_is_not_known_is_an_error(block: Any, problem: str) -> None:
    with pytest.raises(UnsupportedPolicy, match=problem.replace("(", r"\(")):
        list(conditions_of(block))


def test_a_pattern_takes_everything_but_wildcards_as_it_is() -> None:
    assert pattern("a.b+${?}[c]", wildcards=True).fullmatch("a.b+?[c]")
    assert not pattern("a.b", wildcards=True).fullmatch("axb")
    assert pattern("KMS:*", wildcards=True, ignore_case=True).fullmatch("kms:Decrypt")
    assert pattern("a*", wildcards=False).fullmatch("a*")
