"""The examination as a whole: what it says beforehand, what it prints, and what happens when a check itself fails."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.doctor.patient import SECRET
from tests.doctor.test_what_goes_wrong import ACCOUNT, key_policy, message, sample
from tests.policy.printed import clean_environment
from warmkey.cli.main import main
from warmkey.doctor import catalogue, examination
from warmkey.doctor.findings import Level
from warmkey.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.doctor.patient import Patient


def test_it_says_beforehand_how_many_requests_are_billed_and_how_they_show(patient: Patient) -> None:
    patient.kms.latency = lambda _call: said.append(patient._capture.readouterr().err)
    said: list[str] = []
    patient.examine()

    assert f"up to {patient.json['planned_requests']['kms']} requests to KMS." in said[0]
    assert "bills dry runs as requests" in said[0]
    assert "DryRunOperationException" in said[0]


def test_no_more_requests_are_made_than_it_says(patient: Patient, tmp_path: Path) -> None:
    """Every denial is looked into; the key policy is asked for once, however many messages are denied."""
    given = [
        argument
        for number in range(3)
        for argument in sample(tmp_path / str(number), message(patient, {"number": str(number)}))
    ]
    patient.kms.set_key_policy(patient.key_arn, key_policy(f"arn:aws:iam::{ACCOUNT}:role/another", "kms:*"))

    for suite in ("0x0478", "0x0578"):
        assert patient.codes(*given, "--context", "tenant=acme", WARMKEY_ALGORITHM_SUITE=suite) >= {
            "denied-by-key-policy"
        }
        assert patient.json["requests"]["kms"] <= patient.json["planned_requests"]["kms"]


def test_as_text_it_shows_versions_permissions_and_findings(patient: Patient) -> None:
    patient.kms.disable_key(patient.key_arn)
    assert patient.examine("--context", f"tenant={SECRET}", as_json=False) == 2

    lines = patient.out.splitlines()
    assert any(line.split()[:2] == ["warmkey", "0.2.0.dev0"] or line.startswith("warmkey ") for line in lines)
    assert f"unknown               kms:GenerateDataKey on {patient.key_arn} (context: none)" in lines
    assert "FAILURE key-disabled" in lines
    assert "  see     docs/errors.md#key-disabled" in lines
    assert lines[-1].split() == ["verdict", "1", "will", "fail"]


def test_as_text_a_healthy_function_is_told_so(patient: Patient) -> None:
    assert patient.examine("--function-timeout", "60", as_json=False) == 0
    assert patient.out.splitlines()[-1].endswith("nothing bad was found")


def test_the_worst_finding_comes_first(patient: Patient) -> None:
    patient.kms.disable_key(patient.key_arn)
    patient.settings["cache"] = "off"
    patient.examine()

    assert [each["level"] for each in patient.findings] == ["failure", "warning", "note"]


def test_a_check_that_fails_in_itself_does_not_end_the_others(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr(examination, "examine_installation", fail)

    assert patient.codes() == {"check-failed"}
    assert patient.finding("check-failed")["found"] == "looking at the installation ended with KeyError"
    assert patient.answers()["kms:Decrypt", "none"] == "allowed"


def test_without_boto3_that_is_the_finding(patient: Patient) -> None:
    def clients(_region: str | None) -> Any:
        raise ConfigurationError("boto3 is too old: warmkey needs 1.35 or later")

    with clean_environment(WARMKEY_KMS_KEY_ARNS=patient.key_arn):
        assert main(["doctor"], kms_clients=clients) == 2
    assert "FAILURE boto3-unusable" in patient._capture.readouterr().out


def test_describing_a_key_tells_its_state_and_kind(patient: Patient) -> None:
    described: dict[str, Any] = {"KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT"}
    patient.kms.describe_key = lambda **_: {"KeyMetadata": described}  # type: ignore[method-assign]
    assert patient.codes() == set()
    for change, expected in (
        ({"KeyState": "Disabled"}, "key-disabled"),
        ({"KeyState": "PendingReplicaDeletion"}, "key-pending-deletion"),
        ({"KeyState": "PendingImport"}, "key-state"),
        ({"KeySpec": "RSA_2048"}, "key-of-another-kind"),
    ):
        patient.kms.describe_key = lambda **_: {"KeyMetadata": {**described, **change}}  # type: ignore[method-assign]  # noqa: B023
        assert patient.codes() == {expected}


def test_a_key_that_may_not_be_described_is_a_note(patient: Patient) -> None:
    patient.kms.deny("DescribeKey")
    patient.examine("--function-timeout", "60")

    assert patient.json["codes"] == {"key-state-not-checked": 1}
    assert patient.json["status"] == 0


def test_a_key_policy_that_can_be_read_and_is_none_is_passed_over(patient: Patient) -> None:
    patient.kms.fail("GenerateDataKey", error="denied", times=None)
    patient.kms.attach_policy(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]}
    )
    patient.kms.set_key_policy(
        patient.key_arn,
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}],
        },
    )
    patient.kms.heal()
    for answer in ({"Policy": "{"}, {"Policy": "[]"}, {"Policy": '{"Statement": [1]}'}, {}, {"Policy": "{}"}):
        patient.kms.get_key_policy = lambda **_: answer  # type: ignore[method-assign]  # noqa: B023
        assert patient.codes() == {"denied-by-key-policy"}


def test_a_client_that_can_only_generate_is_asked_for_that_alone(patient: Patient) -> None:
    patient.client = SimpleNamespace(generate_data_key=patient.kms.generate_data_key)
    assert patient.codes("--only", "encrypt") == set()
    patient.kms.set_key_policy(
        patient.key_arn,
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "1"}, "Action": "kms:*", "Resource": "*"}],
        },
    )

    assert patient.codes("--only", "encrypt") == {"denied-by-key-policy"}


def test_every_advice_has_a_level_and_says_what_to_do() -> None:
    for code, advice in catalogue.ADVICE.items():
        assert advice.level in Level.__members__
        assert advice.means.endswith(".")
        assert advice.change.endswith(".")
        assert code == code.lower().replace(" ", "-")
