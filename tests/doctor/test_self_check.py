"""``warmkey.self_check()`` in a function: codes and counts for everybody, ARNs for the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

import warmkey
from tests.architecture.test_import_budget import loaded_by
from tests.doctor.patient import SECRET
from warmkey.testing import FakeDynamoDb, assert_kms_calls, fake_kms, moto_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.testing import KmsSession


@pytest.fixture
def session() -> Iterator[KmsSession]:
    with fake_kms() as kms:
        yield kms


def test_it_returns_codes_and_counts(session: KmsSession) -> None:
    found = warmkey.self_check(function_timeout=60)

    assert found == {
        "status": 0,
        "codes": {},
        "failures": 0,
        "warnings": 0,
        "notes": 0,
        "requests": {"kms": 3, "dynamodb": 0},
    }
    assert {call.operation for call in session.client.calls} == {"GenerateDataKey", "Decrypt", "DescribeKey"}


def test_arns_go_to_the_log_only(session: KmsSession, capsys: pytest.CaptureFixture[str]) -> None:
    session.client.deny("Decrypt")
    found = warmkey.self_check({"tenant": SECRET})

    assert found["status"] == 2
    assert found["codes"] == {"function-timeout-unknown": 1, "denied": 1}
    assert "arn:" not in json.dumps(found)
    lines = [json.loads(line)["warmkey"] for line in capsys.readouterr().out.splitlines() if '"self-check' in line]
    assert [line["event"] for line in lines] == ["SelfCheckStarted", "SelfCheckFinding", "SelfCheckFinding"]
    assert session.key_arn in next(line["found"] for line in lines if line.get("code") == "denied")
    assert SECRET not in json.dumps(lines)


def test_with_detail_the_answer_has_them_too(session: KmsSession) -> None:
    session.client.deny("Decrypt")
    found = warmkey.self_check({"tenant": SECRET}, detail=True, function_timeout=60)

    assert session.key_arn in json.dumps(found["findings"])
    assert {each["answer"] for each in found["permissions"]} == {"allowed", "denied"}
    assert SECRET not in json.dumps(found)


def test_only_what_a_function_does_is_asked(session: KmsSession) -> None:
    session.client.deny("GenerateDataKey")

    assert warmkey.self_check(only="decrypt", function_timeout=60)["status"] == 0
    assert warmkey.self_check(only="encrypt", function_timeout=60)["codes"] == {"denied": 1}


def test_it_uses_what_was_configured(session: KmsSession) -> None:
    dynamodb = FakeDynamoDb()
    session.configure(branch_key_store_table="keys", branch_key_id="acme", dynamodb_client=dynamodb)

    assert warmkey.self_check(function_timeout=60)["codes"] == {"table-writes-not-checked": 1, "table-not-found": 1}
    assert dynamodb.counts() == {"DescribeTable": 1}


def test_wrong_settings_are_a_finding(session: KmsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMKEY_MAX_AGE", "60")
    found = warmkey.self_check()

    assert found["codes"] == {"setting-unknown": 1}
    assert session.client.calls == []


def test_data_keys_that_make_room_for_others_are_told(session: KmsSession) -> None:
    session.configure(cache_capacity=1)
    for tenant in ("a", "b", "c"):
        warmkey.encrypt(b"", {"tenant": tenant})

    assert "capacity-evictions" in warmkey.self_check()["codes"]


def test_a_cache_without_a_single_hit_is_told(session: KmsSession) -> None:
    del session
    for number in range(50):
        warmkey.encrypt(b"", {"request": str(number)})

    assert "nothing-is-reused" in warmkey.self_check()["codes"]
    warmkey.encrypt(b"", {"request": "49"})
    assert "nothing-is-reused" not in warmkey.self_check()["codes"]


def test_a_cached_data_key_survives_a_dry_run_that_is_denied(session: KmsSession) -> None:
    warmkey.encrypt(b"", {"tenant": "a"})
    session.client.deny("GenerateDataKey")
    warmkey.self_check({"tenant": "a"})
    session.clear()

    assert warmkey.encrypt(b"", {"tenant": "a"})
    session.assert_kms_calls(0)


@pytest.mark.parametrize("given", ["client", "configuration"])
def test_time_outs_are_those_of_the_client_that_the_helpers_use(given: str) -> None:
    config = Config(connect_timeout=5, read_timeout=7, retries={"total_max_attempts": 2, "mode": "standard"})
    with moto_kms() as session:
        if given == "client":
            session.configure(kms_client=boto3.client("kms", region_name="us-east-1", config=config))
        else:
            session.configure(botocore_config=config)
        found = warmkey.self_check(detail=True, function_timeout=25)

    (told,) = [each["found"] for each in found["findings"] if each["code"] == "timeouts-exceed-function"]
    assert "25 s" in told  # 2 × 12 s, and a wait of 1 s


def test_moto_is_not_aws() -> None:
    with moto_kms(), assert_kms_calls(1, "GenerateDataKey"):
        assert warmkey.self_check(function_timeout=60)["codes"] == {"dry-run-ignored": 1}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"encryption_context": {"a": 1}}, "must be str"),
        ({"encryption_context": {"aws-crypto-public-key": "a"}}, "is reserved"),
        ({"encryption_context": {"warmkey-kind": "record"}}, "is reserved"),
        ({"detail": "yes"}, "detail must be True or False"),
        ({"only": "both"}, "only must be"),
        ({"function_timeout": 0}, "greater than 0"),
        ({"function_timeout": "3"}, "greater than 0"),
        ({"function_timeout": True}, "greater than 0"),
        ({"function_timeout": float("nan")}, "greater than 0"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(
    session: KmsSession, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(warmkey.InvalidRequest, match=problem):
        warmkey.self_check(**arguments)
    assert session.client.calls == []


def test_importing_warmkey_loads_nothing_of_it() -> None:
    loaded = loaded_by("import warmkey", known="json")

    assert not {name for name in loaded if name.startswith(("warmkey.doctor", "warmkey.policy"))}
