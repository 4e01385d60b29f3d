"""``warmkey policy`` on the command line: settings by option and by variable, parts, notes and mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.policy.printed import REGION, Shell

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER = KEY.replace("1234abcd", "5678abcd")
BRANCH_KEYS = {"kms_key_arns": KEY, "branch_key_store_table": "keys", "branch_key_context_key": "tenant"}


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_an_option_overrides_the_variable(shell: Shell) -> None:
    by_variable = shell.json(kms_key_arns=KEY)

    assert shell.json("--kms-key-arns", KEY, kms_key_arns=OTHER) == by_variable
    assert shell.json(kms_key_arns=OTHER) != by_variable


def test_a_wrong_setting_is_told_as_everywhere(shell: Shell) -> None:
    assert shell(kms_key_arn=KEY) == 1
    assert "did you mean WARMKEY_KMS_KEY_ARNS?" in shell.err
    assert shell() == 1
    assert "WARMKEY_KMS_KEY_ARNS is missing" in shell.err


def test_a_part_is_printed_alone(shell: Shell) -> None:
    roles = shell.json(**BRANCH_KEYS)

    assert set(roles) == {"function", "branch-key-administrator"}
    assert shell.json("--part", "function", **BRANCH_KEYS) == roles["function"]
    assert shell("--part", "encrypt", **BRANCH_KEYS) == 1
    assert "they have function, branch-key-administrator" in shell.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--account", "1"], "12 digits"),
        (["--region", "Ireland"], "must be a Region"),
        (["--replica-regions", "us-east-1,x"], "must be a Region"),
        (["--kinds", "records"], "they are plain, record, token, checkpoint"),
        (["--context-keys", "a,,b"], "one of them is empty"),
        (["--branch-keys", "a,a"], "one of them occurs twice"),
    ],
)
def test_a_wrong_option_says_what_is_allowed(shell: Shell, arguments: Sequence[str], problem: str) -> None:
    assert shell(*arguments, kms_key_arns=KEY) == 2
    assert problem in shell.err


@pytest.mark.parametrize(
    ("arguments", "settings", "note"),
    [
        ([], {}, "the encryption context that KMS sees also has aws-crypto-public-key"),
        (["--context-keys", "a"], {}, "aws-crypto-public-key is among the allowed keys because"),
        (["--context-keys", "a"], {"algorithm_suite": "0x0478"}, "for decrypting only"),
        ([], {}, "WARMKEY_REQUIRED_CONTEXT_KEYS is not set"),
        ([], {"required_context_keys": "tenant"}, "want these keys in the encryption context: tenant"),
        ([], {}, "have warmkey-kind in their encryption context"),
        ([], {"kms_mode": "discovery"}, "WARMKEY_DISCOVERY_ACCOUNTS is not set"),
        ([], {"kms_key_arns": "alias/a", "decrypt_key_arns": KEY}, "kms:RequestAlias"),
        ([], BRANCH_KEYS, "in the account of the KMS key"),
        ([], BRANCH_KEYS, "every branch key of the table"),
        ([], BRANCH_KEYS, "A function does not need it"),
        (["--context-keys", ",".join(f"key-{n:04}" for n in range(600))], {}, "IAM takes 6144"),
    ],
)
def test_notes_go_to_standard_error_where_the_format_has_no_comments(
    shell: Shell, arguments: list[str], settings: dict[str, str], note: str
) -> None:
    shell.json("--region", REGION, *arguments, **{"kms_key_arns": KEY, **settings})

    assert note in shell.err


@pytest.mark.parametrize(
    ("arguments", "settings", "note"),
    [
        ([], {"algorithm_suite": "0x0478"}, "aws-crypto-public-key"),
        (["--kinds", "plain"], {}, "have warmkey-kind"),
        (["--account", "111122223333"], BRANCH_KEYS, "in the account of the KMS key"),
        (["--branch-keys", "acme"], BRANCH_KEYS, "every branch key of the table"),
        (["--part", "function"], BRANCH_KEYS, "A function does not need it"),
        ([], {"kms_mode": "discovery", "discovery_accounts": "111122223333"}, "DISCOVERY_ACCOUNTS is not set"),
        ([], {}, "kms:RequestAlias"),
    ],
)
def test_a_note_that_does_not_concern_the_policy_is_left_out(
    shell: Shell, arguments: list[str], settings: dict[str, str], note: str
) -> None:
    shell.json("--region", REGION, *arguments, **{"kms_key_arns": KEY, **settings})

    assert note not in shell.err
