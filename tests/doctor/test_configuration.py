"""Settings, and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.doctor.patient import SECRET
from tests.policy.printed import REGION, clean_environment
from warmkey.doctor.examination import examine
from warmkey.doctor.subject import Subject

if TYPE_CHECKING:
    from tests.doctor.patient import Patient
    from warmkey.lambda_runtime.settings import Settings


def test_everything_that_is_wrong_is_told_at_once(patient: Patient) -> None:
    variables = {"WARMKEY_MAX_AGE": "60", "WARMKEY_CACHE_CAPACITY": "many", "warmkey_cache": "on"}

    assert patient.codes("--max-age-seconds", "-1", **variables) == {"setting-unknown", "setting-invalid"}
    texts = [each["found"] for each in patient.findings]
    assert len(texts) == 4
    assert any("WARMKEY_MAX_AGE is not a setting" in text and "WARMKEY_MAX_AGE_SECONDS" in text for text in texts)
    assert patient.kms.calls == []


def test_settings_that_exclude_each_other(patient: Patient) -> None:
    patient.settings["branch_key_ttl_seconds"] = "60"

    assert patient.codes() == {"settings-contradict"}
    patient.settings = {}
    assert patient.codes() == {"settings-contradict"}
    assert "WARMKEY_KMS_KEY_ARNS is missing" in patient.finding("settings-contradict")["found"]


def test_a_value_that_may_be_a_secret_is_not_shown(patient: Patient) -> None:
    patient.settings["cache"] = SECRET

    assert patient.codes() == {"setting-invalid"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"cache": "off"}, {"cache-off"}),
        ({"cache_capacity": "0"}, {"cache-off"}),
        ({"max_messages_encrypted": "1"}, {"cache-reuses-nothing"}),
        ({"max_bytes_encrypted": "0"}, {"cache-reuses-nothing"}),
        ({"max_messages_encrypted": "2", "max_bytes_encrypted": "1"}, set()),
    ],
)
def test_a_cache_that_saves_nothing(patient: Patient, settings: dict[str, str], expected: set[str]) -> None:
    patient.settings |= settings

    assert patient.codes() == expected


def test_processes_of_an_environment(patient: Patient) -> None:
    for count in ("2", "16"):
        assert patient.codes(AWS_LAMBDA_MAX_CONCURRENCY=count) == {"several-processes"}
        assert count in patient.finding("several-processes")["found"]
    for text in ("1", "", "0", "many"):
        assert patient.codes(AWS_LAMBDA_MAX_CONCURRENCY=text) == set()


@pytest.mark.parametrize(
    ("keys", "more", "seconds"),
    [
        (1, {}, "9 s"),
        (3, {}, "27 s"),
        (1, {"branch_key_store_table": "keys", "branch_key_id": "acme"}, "18 s"),
    ],
    ids=str,
)
def test_each_further_key_takes_as_long_again_and_a_branch_key_two_requests(
    patient: Patient, keys: int, more: dict[str, str], seconds: str
) -> None:
    patient.settings |= {"kms_key_arns": ",".join(patient.kms.create_key() for _ in range(keys)), **more}
    patient.examine("--offline")

    assert f"up to {seconds}" in patient.finding("function-timeout-unknown")["found"]


def test_offline_no_request_is_made_or_announced(patient: Patient) -> None:
    assert patient.codes("--offline") == set()
    assert patient.kms.calls == []
    assert patient.json["permissions"] == []
    assert patient.err == ""


def test_each_request_is_tried_once_whatever_the_settings_say(patient: Patient) -> None:
    """What is retried is billed too, and a function may have no time for more."""
    attempts: list[int] = []

    def clients(settings: Settings) -> Any:
        attempts.append(settings.kms_max_attempts)
        return lambda _service, _region: patient.kms

    with clean_environment(AWS_REGION=REGION, WARMKEY_KMS_KEY_ARNS=patient.key_arn):
        examine(Subject(settings={"kms_max_attempts": 5}, clients=clients), announce=str)

    assert attempts == [1]
