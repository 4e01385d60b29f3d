"""Condition expressions: what DynamoDB takes, what they mean, and what it refuses though moto takes it."""

from __future__ import annotations

from typing import Any

import pytest

from warmkey.testing.condition_expressions import InvalidExpression, condition

ITEM = {"branch-key-id": {"S": "a"}, "enc": {"B": b"x"}, "size": {"N": "1"}}
NAMES = {"#id": "branch-key-id", "#enc": "enc", "#none": "nothing"}
VALUES = {":a": {"S": "a"}, ":b": {"S": "b"}, ":x": {"B": b"x"}, ":n": {"N": "1"}}


def holds(expression: str, item: dict[str, Any] = ITEM) -> bool:
    used_names = {name: NAMES[name] for name in NAMES if name in expression}
    used_values = {name: VALUES[name] for name in VALUES if name in expression}
    return condition(
        {
            "ConditionExpression": expression,
            "ExpressionAttributeNames": used_names,
            "ExpressionAttributeValues": used_values,
        }
    )(item)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("attribute_exists(#id)", True),
        ("attribute_exists(#none)", False),
        ("attribute_not_exists(#id)", False),
        ("attribute_not_exists(#none)", True),
        ("attribute_exists(enc)", True),
        ("#id = :a", True),
        ("#id = :b", False),
        ("#none = :a", False),
        ("#enc = :x", True),
        ("size = :n", True),
        ("begins_with(#id, :a)", True),
        ("begins_with(#id, :b)", False),
        ("begins_with(#none, :b)", False),
        ("attribute_exists(#id) AND #enc = :x", True),
        ("attribute_exists(#id) AND #id = :b", False),
        ("#id = :b OR #enc = :x", True),
        ("#id = :b or #id = :b", False),
        ("NOT #id = :b", True),
        ("not not #id = :b", False),
        ("(#id = :a OR #id = :b) AND NOT (#enc = :n)", True),
        ("#id = :a OR #id = :b AND #enc = :n", True),
    ],
)
def test_what_an_expression_means(expression: str, *, expected: bool) -> None:
    assert holds(expression) is expected


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("attribute_not_exists(branch-key-id)", 'Syntax error; token: "-", near: '),
        ("attribute_exists(branch-key-id) AND enc = :x", 'Syntax error; token: "-"'),
        ("", 'Syntax error; token: "<EOF>"'),
        ("#id =", 'token: "<EOF>"'),
        ("#id :a", 'token: ":a"'),
        ("#id = :a #id", 'token: "#id"'),
        ("(#id = :a", 'token: "<EOF>"'),
        (":a = :a", 'token: ":a"'),
        ("= :a", 'token: "="'),
        ("attribute_exists(#id", 'token: "<EOF>"'),
        ("begins_with(#id)", 'token: ")"'),
        ("size_of(#id)", "Invalid function name; function: size_of"),
        ("type = :a", "Attribute name is a reserved keyword; reserved keyword: type"),
        ("#undefined = :a", "attribute name: #undefined"),
        ("#id = :undefined", "attribute value: :undefined"),
        ("#id = enc", "attribute value: enc"),
    ],
)
def test_what_does_not_parse(expression: str, problem: str) -> None:
    with pytest.raises(InvalidExpression) as caught:
        holds(expression)

    assert problem in str(caught.value)


def test_no_expression_is_always_satisfied() -> None:
    assert condition({})({})


@pytest.mark.parametrize("given", ["ExpressionAttributeNames", "ExpressionAttributeValues"])
def test_what_is_given_has_to_be_used(given: str) -> None:
    with pytest.raises(InvalidExpression, match="can only be specified when using expressions"):
        condition({given: {"#id": "x"}})
    with pytest.raises(InvalidExpression, match="unused in expressions: keys"):
        condition({"ConditionExpression": "attribute_exists(enc)", given: {"#id": "x"}})


def test_the_error_names_the_parameter() -> None:
    with pytest.raises(InvalidExpression, match="Invalid FilterExpression: Syntax error"):
        condition({"FilterExpression": "a-b"}, "FilterExpression")
