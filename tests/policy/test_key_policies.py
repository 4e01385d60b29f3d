"""Statements for key policies, tried on the fake: with the account as the principal, and with the role itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hcl2
import yaml

from tests.policy.printed import REGION, may
from tests.policy.test_formats import meant
from warmkey.policy.statements import document
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from tests.policy.printed import Shell


def test_a_statement_for_the_role_allows_what_no_iam_policy_does(shell: Shell) -> None:
    kms = FakeKms(REGION)
    key = kms.create_key()
    statements = shell.json("--key-policy", "--principal", kms.role_arn, kms_key_arns=key, required_context_keys="t")
    kms.attach_policy(document([allow("logs:PutLogEvents")]))
    kms.set_key_policy(key, statements)

    assert may(kms, "GenerateDataKey", key, {"t": "a"})
    assert may(kms, "Decrypt", key, {"t": "a"})
    assert not may(kms, "Decrypt", key, {})
    assert not may(kms, "Encrypt", key, {"t": "a"})


def allow(action: str) -> dict[str, str]:
    return {"Effect": "Allow", "Action": action, "Resource": "*"}


def test_a_statement_for_the_account_lets_iam_policies_decide(shell: Shell) -> None:
    kms = FakeKms(REGION)
    key = kms.create_key()
    kms.set_key_policy(key, shell.json("--key-policy", kms_key_arns=key))
    kms.attach_policy(document([allow("kms:Decrypt"), allow("kms:Encrypt")]))

    assert may(kms, "Decrypt", key, {})
    assert not may(kms, "GenerateDataKey", key, {})
    assert not may(kms, "Encrypt", key, {})


def test_each_key_gets_its_statements(shell: Shell) -> None:
    kms = FakeKms(REGION)
    first, second, old = (kms.create_key() for _ in range(3))
    policies: dict[str, Any] = shell.json(
        "--key-policy", "--split", "--principal", "arn:aws:iam::111122223333:role/a",
        "--principal", "arn:aws:iam::111122223333:role/b", kms_key_arns=f"{first},{second}", decrypt_key_arns=old,
    )  # fmt: skip

    actions = {key: [each["Action"] for each in policy["Statement"]] for key, policy in policies.items()}
    assert actions == {
        first: ["kms:GenerateDataKey", "kms:Decrypt"],
        second: ["kms:Encrypt", "kms:Decrypt"],
        old: ["kms:Decrypt"],
    }
    sids = [each["Sid"] for each in policies[first]["Statement"]]
    assert sids == ["GenerateDataKeysEncrypt", "DecryptDataKeysDecrypt"]
    assert policies[old]["Statement"][0]["Principal"] == {
        "AWS": ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b"]
    }


def test_keys_that_a_wildcard_names_are_nobodys_to_change(shell: Shell) -> None:
    assert shell("--key-policy", "--region", REGION, kms_mode="discovery") == 1
    assert "give --principal or --account" in shell.err
    assert shell("--key-policy", "--region", REGION, "--account", "111122223333", kms_mode="discovery") == 1
    assert "these name none" in shell.err


def test_of_a_key_that_only_an_alias_names_it_says_that_its_key_policy_is_not_there(shell: Shell) -> None:
    key = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    shell.json("--key-policy", "--region", REGION, kms_key_arns="alias/orders", decrypt_key_arns=key)
    with_an_alias = shell.err
    shell.json("--key-policy", kms_key_arns=key)

    assert "their key policies, which must allow the same as the IAM policy, are not among these" in with_an_alias
    assert "are not among these" not in shell.err


def test_in_yaml_and_in_terraform_they_are_the_same(shell: Shell) -> None:
    key, other = (
        f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890{end}" for end in ("ab", "cd")
    )
    settings = {"kms_key_arns": f"{key},{other}"}
    policies = shell.json("--key-policy", **settings)

    assert shell("--key-policy", "--format", "sam", **settings) == 0
    assert [each["KeyPolicy"] for each in yaml.safe_load_all(shell.out)] == [*policies.values()]
    assert shell("--key-policy", "--format", "terraform", **settings) == 0
    parsed = hcl2.loads(shell.out)["locals"][0]
    for number, policy in enumerate(policies.values(), 1):
        assert meant(parsed[f"warmkey_key_policy_statements_{number}"]) == policy["Statement"]
