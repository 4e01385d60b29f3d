"""Policies as documents: their elements, who they are about, and that a denial wins."""

from __future__ import annotations

import json
from typing import Any

import pytest

from warmkey.testing import UnsupportedPolicy
from warmkey.testing.policies import Access, Effect, Policy, decide

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DECRYPT = Access(action="kms:Decrypt", resource=KEY)


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements]}


def statement(effect: str = "Allow", action: Any = "kms:Decrypt", resource: Any = KEY, **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("kms:Decrypt", KEY, Effect.ALLOW),
        ("KMS:decrypt", KEY, Effect.ALLOW),
        ("kms:*", "*", Effect.ALLOW),
        (["kms:Encrypt", "kms:De*"], ["arn:aws:kms:*:111122223333:key/*"], Effect.ALLOW),
        ("kms:Encrypt", KEY, None),
        ("kms:Decrypt", KEY.upper(), None),
        ("kms:Decrypt", KEY[:-1], None),
        ("dynamodb:GetItem", KEY, None),
    ],
)
def test_a_statement_is_about_its_actions_and_resources(action: Any, resource: Any, expected: Effect | None) -> None:
    assert Policy.of(document(statement(action=action, resource=resource))).decide(DECRYPT) is expected


def test_a_denial_wins_over_any_number_of_allowances() -> None:
    allowing = Policy.of(document(statement()))
    denying = Policy.of(document(statement("Deny", "kms:*", "*"), statement()))

    assert decide([allowing], DECRYPT) is Effect.ALLOW
    assert decide([allowing, denying, allowing], DECRYPT) is Effect.DENY
    assert decide([], DECRYPT) is None


def test_a_condition_that_does_not_hold_takes_a_statement_out() -> None:
    policy = Policy.of(document(statement(Condition={"Null": {"kms:EncryptionContext:tenant": "false"}})))

    assert policy.decide(DECRYPT) is None
    assert policy.decide(Access(action="kms:Decrypt", resource=KEY, keys={"kms:encryptioncontext:tenant": ("",)})) is (
        Effect.ALLOW
    )


def test_a_policy_may_be_json_and_a_single_statement() -> None:
    text = json.dumps({"Version": "2012-10-17", "Id": "x", "Statement": statement(Sid="One")})

    assert Policy.of(text).decide(DECRYPT) is Effect.ALLOW


def test_a_key_policy_is_about_its_principals() -> None:
    role = "arn:aws:iam::111122223333:role/a"
    policy = Policy.of(
        document(
            statement(Principal={"AWS": [role]}, Resource="*"),
            statement("Deny", Principal={"Service": "lambda.amazonaws.com"}),
        ),
        of_key=True,
    )

    assert policy.decide(DECRYPT, [role]) is Effect.ALLOW
    assert policy.decide(DECRYPT, ["arn:aws:iam::111122223333:role/b"]) is None
    assert Policy.of(document(statement(Principal="*")), of_key=True).decide(DECRYPT, ["*"]) is Effect.ALLOW


@pytest.mark.parametrize(
    ("broken", "of_key", "problem"),
    [
        ("{", False, "not JSON"),
        ({"Statement": [statement()], "Version": {1}}, False, "not JSON"),
        ([], False, "2012-10-17"),
        ({"Statement": [statement()]}, False, "2012-10-17"),
        (document("Allow"), False, "Statement must be"),
        ({"Version": "2012-10-17"}, False, "Statement must be"),
        (document(statement(NotAction="kms:*")), False, "element 'NotAction' of a statement is not known"),
        (document(statement(NotResource="*")), False, "NotResource"),
        (document(statement("Maybe")), False, "Effect must be"),
        (document({"Effect": "Allow", "Action": "kms:*"}), False, "Resource must be"),
        (document({"Effect": "Allow", "Resource": "*"}), False, "Action must be"),
        (document(statement(Principal="*")), False, "has a Principal"),
        (document(statement()), True, "has a Principal"),
        (document(statement(Principal="me")), True, "Principal must be"),
        (document(statement(Principal={"Aws": "*"})), True, "principal 'Aws' is not known"),
        (document(statement(Resource="arn:${aws:PrincipalAccount}")), False, "policy variable"),
        (document(statement(Condition={"Bool": {}})), False, "operator 'Bool'"),
    ],
)
def test_what_the_fake_cannot_evaluate_is_an_error(broken: Any, of_key: bool, problem: str) -> None:
    with pytest.raises(UnsupportedPolicy, match=problem):
        Policy.of(broken, of_key=of_key)


def test_its_repr_shows_no_value_of_a_condition() -> None:
    policy = Policy.of(document(statement(Condition={"StringEquals": {"kms:EncryptionContext:a": "secret"}})))

    assert "secret" not in repr(policy)
    assert "secret" not in repr(Access(action="a", resource="b", keys={"c": ("secret",)}))
