"""What goes wrong in practice, each provoked here: it gives a finding of its own, and a healthy function gives none."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.client_apis.sources import message_of
from tests.doctor.patient import SECRET, Patient
from tests.policy.printed import REGION, Shell, clean_environment
from tests.vectors.forge import sized
from warmkey.cli.main import main
from warmkey.policy.statements import document
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ACCOUNT = "111122223333"
TENANT = ("--context", f"tenant={SECRET}")


def allow(*actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return document([{"Effect": "Allow", "Action": [*actions], "Resource": resource, **more}])


def key_policy(principal: str, *actions: str) -> dict[str, Any]:
    return allow(*actions, Principal={"AWS": principal})


def without_the_account_statement(patient: Patient) -> None:
    patient.kms.set_key_policy(patient.key_arn, key_policy(f"arn:aws:iam::{ACCOUNT}:role/another", "kms:*"))


def lacking(action: str) -> Callable[[Patient], None]:
    """An IAM policy that lacks one of the three actions; the key with it is the second of two."""

    def provoke(patient: Patient) -> None:
        patient.settings["kms_key_arns"] = f"{patient.key_arn},{patient.kms.create_key()}"
        three = {"kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"}
        patient.kms.attach_policy(allow(*(three - {action})))

    return provoke


def under_a_condition(patient: Patient) -> None:
    patient.kms.attach_policy(
        allow("kms:*", Condition={"StringEquals": {"kms:EncryptionContext:tenant": "another tenant"}})
    )


def forbidding_contexts(patient: Patient) -> None:
    patient.kms.attach_policy(
        allow("kms:*", Condition={"Null": {"kms:EncryptionContext:tenant": "true"}}),
    )


def recreated(patient: Patient) -> None:
    both = key_policy(patient.kms.role_arn, "kms:GenerateDataKey", "kms:Decrypt")
    both["Statement"] += key_policy(f"arn:aws:iam::{ACCOUNT}:root", "kms:GetKeyPolicy")["Statement"]
    patient.kms.set_key_policy(patient.key_arn, both)
    assert patient.codes() == set()
    patient.kms.recreate_role()


def of_another_account(patient: Patient) -> None:
    patient.settings["kms_key_arns"] = patient.kms.create_key(account="444455556666")
    patient.kms.attach_policy(allow("kms:*"))


def of_another_region(patient: Patient) -> None:
    patient.settings["kms_key_arns"] = patient.kms.create_key(region="us-east-1")


def that_is_not_there(patient: Patient) -> None:
    patient.settings["kms_key_arns"] = patient.key_arn[:-12] + "000000000000"


def with_fault(error: str, operation: str | None = None) -> Callable[[Patient], None]:
    def provoke(patient: Patient) -> None:
        patient.kms.fail(operation, error=error, times=None)

    return provoke


ROWS: list[tuple[str, Callable[[Patient], None], tuple[str, ...], set[str]]] = [
    ("nothing", lambda _: None, (), set()),
    ("nothing, with a context", lambda _: None, TENANT, set()),
    ("no account statement in the key policy", without_the_account_statement, (), {"denied-by-key-policy"}),
    ("IAM lacks GenerateDataKey", lacking("kms:GenerateDataKey"), (), {"denied-by-role"}),
    ("IAM lacks Encrypt", lacking("kms:Encrypt"), (), {"denied-by-role"}),
    ("IAM lacks Decrypt", lacking("kms:Decrypt"), (), {"denied-by-role"}),
    ("a condition, and no context is given", under_a_condition, (), {"denied-by-role"}),
    ("a condition that the context does not meet", under_a_condition, TENANT, {"denied-by-role"}),
    (
        "a condition that the context meets",
        under_a_condition,
        ("--context", "tenant=another tenant"),
        {"context-required"},
    ),
    ("a condition against the context", forbidding_contexts, TENANT, {"context-not-allowed"}),
    ("a role that was recreated", recreated, (), {"role-was-recreated"}),
    ("a key of another account", of_another_account, (), {"key-in-another-account"}),
    ("a key of another Region", of_another_region, (), {"key-in-another-region"}),
    ("a key that is not there", that_is_not_there, (), {"key-not-found"}),
    ("a disabled key", lambda patient: patient.kms.disable_key(patient.key_arn), (), {"key-disabled"}),
    (
        "a key to be deleted",
        lambda patient: patient.kms.schedule_deletion(patient.key_arn),
        (),
        {"key-pending-deletion"},
    ),
    ("no network path", with_fault("connect-timeout"), (), {"no-network-path"}),
    ("no route at all", with_fault("unreachable"), (), {"no-network-path"}),
    ("no answer", with_fault("timeout"), (), {"no-answer-in-time"}),
    ("a connection that breaks off", with_fault("reset"), (), {"connection-refused"}),
    ("throttled", with_fault("throttled"), (), {"throttled"}),
    ("KMS fails", with_fault("internal"), (), {"service-failing"}),
    ("no credentials", with_fault("no-credentials"), (), {"no-credentials"}),
    ("expired credentials", with_fault("expired-credentials"), (), {"credentials-not-accepted"}),
    ("credentials of nobody", with_fault("unrecognized-credentials"), (), {"credentials-not-accepted"}),
    ("denied without a reason", with_fault("denied"), (), {"denied"}),
]


@pytest.mark.parametrize(("provoke", "arguments", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_gives_its_own_finding(
    patient: Patient, provoke: Callable[[Patient], None], arguments: tuple[str, ...], expected: set[str]
) -> None:
    provoke(patient)

    assert patient.codes(*arguments) == expected
    for found in patient.findings:
        assert all(found[name] for name in ("found", "means", "change"))
        assert found["link"] == f"docs/errors.md#{found['code']}"


def test_nothing_is_generated_or_decrypted(patient: Patient) -> None:
    patient.examine(*TENANT)

    assert {call.operation for call in patient.kms.calls} == {"GenerateDataKey", "Decrypt", "DescribeKey"}
    assert patient.json["requests"] == {"kms": len(patient.kms.calls), "dynamodb": 0}
    assert len(patient.kms.calls) <= patient.json["planned_requests"]["kms"]


def test_a_denied_action_is_named_with_its_key(patient: Patient) -> None:
    lacking("kms:Encrypt")(patient)
    patient.examine()

    answers = patient.answers()
    assert answers["kms:GenerateDataKey", "none"] == answers["kms:Decrypt", "none"] == "allowed"
    assert answers["kms:Encrypt", "none"] == "denied"
    second = patient.settings["kms_key_arns"].split(",")[1]
    assert second in patient.finding("denied-by-role")["found"]
    assert "kms:Encrypt" in patient.finding("denied-by-role")["found"]


# ------------------------------------------------------------------------------------------------------- messages


def message(patient: Patient, context: dict[str, str], *, key: str | None = None) -> bytes:
    keyring = warmkey.AwsKmsKeyring(key or patient.key_arn, kms_client=patient.kms)
    return warmkey.Client().encrypt(b"a note", keyring=keyring, encryption_context=context).ciphertext


def sample(path: Path, *messages: bytes | str) -> tuple[str, str]:
    texts = [text if isinstance(text, str) else base64.b64encode(text).decode() for text in messages]
    path.write_text("\n".join(texts) + "\n")
    return "--sample", str(path)


def test_another_context_on_decrypt(patient: Patient, tmp_path: Path) -> None:
    given = sample(tmp_path / "messages", message(patient, {"tenant": "acme"}))

    assert patient.codes(*given, *TENANT) == {"context-differs"}
    assert "another value for 'tenant'" in patient.finding("context-differs")["found"]
    assert patient.codes(*given, "--context", "shop=1") == {"context-differs"}
    assert "lacks 'shop'" in patient.finding("context-differs")["found"]
    assert patient.codes(*given, "--context", "tenant=acme") == set()


def test_truncated_base64(patient: Patient, tmp_path: Path) -> None:
    whole = base64.b64encode(message(patient, {})).decode()

    for broken in (whole[:-3], whole[:100] + whole[101:], whole.rstrip("=")[:-5], whole.replace("A", " ", 1)):
        codes = patient.codes(*sample(tmp_path / "messages", broken))
        assert codes <= {"base64-truncated", "message-damaged"}
        assert codes


def test_a_message_that_was_cut_off(patient: Patient, tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_bytes(message(patient, {})[:-10])

    assert patient.codes("--sample", str(file)) == {"message-damaged"}
    assert patient.codes(*sample(tmp_path / "text", base64.b64encode(file.read_bytes()).decode())) == {
        "message-damaged"
    }


def test_a_context_that_changes_with_every_message(patient: Patient, tmp_path: Path) -> None:
    changing = [message(patient, {"tenant": "acme", "request": f"{SECRET} {number}"}) for number in range(3)]

    assert patient.codes(*sample(tmp_path / "messages", *changing)) == {"context-changes"}
    assert "'request'" in patient.finding("context-changes")["found"]
    assert patient.codes(*sample(tmp_path / "messages", *changing[:2])) == set()
    without = message(patient, {"tenant": "acme"})
    assert patient.codes(*sample(tmp_path / "messages", *changing, without)) == set()
    assert patient.codes(*sample(tmp_path / "messages", without, *changing)) == set()


def test_records_and_tokens_are_messages_too(patient: Patient, tmp_path: Path) -> None:
    with warmkey.testing.fake_kms() as session:
        record = warmkey.seal_record({"id": "1", "card": "2"}, ["card"], text=True)
        token = warmkey.seal_token(b"data")
        patient.kms, patient.settings = session.client, {"kms_key_arns": session.key_arn}
        given = sample(tmp_path / "messages", json.dumps(record), token)
        patient._capture.readouterr()  # log lines

        assert patient.codes(*given, AWS_REGION="us-east-1") == {"kind-of-message"}
        assert len(patient.findings) == 2
        assert patient.answers()["kms:Decrypt", "a message's"] == "allowed"


def test_a_message_under_another_key(patient: Patient, tmp_path: Path) -> None:
    other = patient.kms.create_key()

    assert patient.codes(*sample(tmp_path / "messages", message(patient, {}, key=other))) == {
        "sample-under-another-key"
    }
    patient.settings["decrypt_key_arns"] = other
    assert patient.codes(*sample(tmp_path / "messages", message(patient, {}, key=other))) == set()


def test_of_another_s_message_neither_branch_key_nor_control_characters_are_shown(
    patient: Patient, tmp_path: Path
) -> None:
    """The ID of a branch key may be a tenant's name; a key provider's name is whatever the message says."""
    under_branch_key = message_under("aws-kms-hierarchy", SECRET)
    under_a_stranger = message_under("\x1b[2Jstranger", "x")

    assert patient.codes(*sample(tmp_path / "one", under_branch_key)) == {"sample-under-another-key"}
    assert patient.finding("sample-under-another-key")["found"].endswith("it is encrypted under aws-kms-hierarchy")
    patient.examine(*sample(tmp_path / "two", under_a_stranger), as_json=False)
    assert "\x1b" not in patient.out
    assert r"\x1b[2Jstranger" in patient.out


def message_under(provider: str, info: str) -> bytes:
    """A message whose encrypted data key is of another key provider."""
    return message_of(b"", keys=[b"".join(map(sized, (provider.encode(), info.encode(), bytes(32))))])


@pytest.mark.parametrize("line", ["[" * 100_000, '{"card": ' + "9" * 6000 + "}", '{"card": ' + "[" * 100_000])
def test_a_line_that_looks_like_json_may_be_anything(patient: Patient, tmp_path: Path, line: str) -> None:
    assert patient.codes(*sample(tmp_path / "messages", line)) == {"base64-truncated"}


def test_a_message_whose_context_was_changed(patient: Patient, tmp_path: Path) -> None:
    changed = message(patient, {"tenant": "acme"}).replace(b"acme", b"evil")

    assert patient.codes(*sample(tmp_path / "messages", changed)) == {"sample-not-decryptable"}


def test_the_same_finding_is_told_once_and_wrong_settings_leave_the_form_of_messages(
    patient: Patient, tmp_path: Path
) -> None:
    whole = message(patient, {"tenant": "acme"})
    given = (*sample(tmp_path / "messages", whole), *sample(tmp_path / "messages", whole), *TENANT)

    assert patient.codes(*given) == {"context-differs"}
    assert patient.json["codes"] == {"context-differs": 1}
    assert patient.codes(*given, WARMKEY_CACHES="on") == {"setting-unknown"}


def test_an_empty_file_has_no_message(patient: Patient, tmp_path: Path) -> None:
    assert patient.codes(*sample(tmp_path / "messages", "")) == {"message-damaged"}
    assert patient.codes(*sample(tmp_path / "messages", '{"card": "1"}')) == {"message-damaged"}
    assert patient.codes(*sample(tmp_path / "messages", '{"card": ')) == {"base64-truncated"}


# ---------------------------------------------------------------------------------------------- time, caches, layers


def test_time_outs_longer_than_the_function_s(patient: Patient) -> None:
    assert patient.examine("--function-timeout", "3") == 1
    assert set(patient.json["codes"]) == {"timeouts-exceed-function"}
    assert "9 s" in patient.finding("timeouts-exceed-function")["found"]
    assert patient.examine("--function-timeout", "9.5") == 0
    assert patient.examine("--function-timeout", "3", "--kms-max-attempts", "1") == 0
    assert patient.examine() == 0
    assert set(patient.json["codes"]) == {"function-timeout-unknown"}


def test_signed_messages_that_a_condition_on_all_keys_denies(patient: Patient) -> None:
    condition = {
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant"]},
        "Null": {"kms:EncryptionContextKeys": "false"},
    }
    patient.kms.attach_policy(allow("kms:GenerateDataKey", "kms:Decrypt", Condition=condition))

    assert patient.codes(*TENANT) == {"signed-context-denied"}
    patient.settings["algorithm_suite"] = "0x0478"
    assert patient.codes(*TENANT) == {"context-required"}


def test_the_policies_that_are_printed_make_it_healthy(patient: Patient) -> None:
    patient.settings["required_context_keys"] = "tenant"
    shell = Shell(patient._capture)
    patient.kms.attach_policy(shell.json("--for-doctor", **patient.settings))

    assert patient.codes() == {"context-required"}
    assert patient.answers()["kms:GenerateDataKey", "given"] == "allowed"
    assert patient.json["status"] == 0


def test_a_function_that_only_decrypts_is_asked_for_that_alone(patient: Patient) -> None:
    patient.kms.attach_policy(allow("kms:Decrypt"))

    assert patient.codes() == {"denied-by-role"}
    assert patient.codes("--only", "decrypt") == set()
    patient.kms.detach_policies()
    patient.kms.attach_policy(allow("kms:GenerateDataKey"))
    assert patient.codes("--only", "encrypt") == set()


def test_boto3_that_makes_no_client_is_asked_for_one_once(patient: Patient) -> None:
    asked: list[str | None] = []

    def refuse(region: str | None) -> Any:
        asked.append(region)
        raise warmkey.ConfigurationError("boto3 can't make a KMS client")

    keys = f"{patient.key_arn},{patient.kms.create_key()}"
    with clean_environment(AWS_REGION=REGION, WARMKEY_KMS_KEY_ARNS=keys):
        code = main(["doctor", "--json"], kms_clients=refuse)

    assert (code, asked) == (2, [REGION])
    assert json.loads(patient._capture.readouterr().out)["codes"]["boto3-unusable"] == 1


def test_regions_of_two_keys_are_asked_apart(patient: Patient) -> None:
    there = FakeKms("us-east-1", world=patient.kms.world)
    far = there.create_key()
    patient.settings["kms_key_arns"] = f"{patient.key_arn},{far}"
    there.fail(error="connect-timeout", times=None)

    clients = {REGION: patient.kms, "us-east-1": there}
    with clean_environment(AWS_REGION=REGION, WARMKEY_KMS_KEY_ARNS=patient.settings["kms_key_arns"]):
        code = main(["doctor", "--json"], kms_clients=lambda region: clients[str(region)])
    found = json.loads(patient._capture.readouterr().out)

    assert code == 2
    assert found["endpoints"] == {
        f"https://kms.{REGION}.amazonaws.com": "answered",
        "https://kms.us-east-1.amazonaws.com": "not reached",
    }
    assert there.count() == 1
    assert [each["answer"] for each in found["permissions"]] == ["allowed", "unknown", "allowed", "unknown"]


def test_of_many_messages_kms_is_asked_about_three_data_keys(patient: Patient, tmp_path: Path) -> None:
    given = sample(tmp_path / "messages", *(message(patient, {"tenant": "acme"}) for _ in range(5)))

    patient.codes(*given, "--context", "tenant=acme")

    asked = [each for each in patient.json["permissions"] if each["context"] == "a message's"]
    assert [each["action"] for each in asked] == ["kms:Decrypt"] * 3
