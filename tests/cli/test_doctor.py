"""``warmkey doctor`` on the command line: its options, its exit codes, and the clients that it makes itself."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import benchmarks.loopback_kms
from layer.project import ROOT
from tests.doctor.patient import SECRET, Patient
from tests.policy.printed import clean_environment
from warmkey.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def patient(capsys: pytest.CaptureFixture[str]) -> Patient:
    return Patient(capsys)


def test_the_exit_code_is_the_worst_finding(patient: Patient) -> None:
    assert patient.examine("--function-timeout", "60") == 0
    assert patient.examine("--function-timeout", "1") == 1
    patient.kms.disable_key(patient.key_arn)
    assert patient.examine() == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--sample", "/no/such/file"], "does not exist; check its name"),
        (["--function-timeout", "0"], "greater than 0"),
        (["--function-timeout", SECRET], "greater than 0"),
        (["--only", "both"], "invalid choice"),
        (["--context", SECRET], "has no ="),
        (["--context", f"a={SECRET}", "--context", f"a={SECRET}"], "twice"),
        (["--context", f"warmkey-kind={SECRET}"], "is reserved"),
    ],
)
def test_a_wrong_command_line_ends_with_two(patient: Patient, arguments: Sequence[str], problem: str) -> None:
    assert patient.examine(*arguments) == 2
    assert problem in patient.err
    assert patient.kms.calls == []


def test_an_option_overrides_the_variable(patient: Patient) -> None:
    other = patient.kms.create_key()
    patient.examine("--kms-key-arns", other)

    assert {each["on"] for each in patient.json["permissions"]} == {other}


def test_the_region_of_an_alias_is_that_of_the_option(patient: Patient) -> None:
    asked: list[str | None] = []

    def client(region: str | None) -> Any:
        asked.append(region)
        return patient.kms

    with clean_environment(AWS_REGION="us-east-1", WARMKEY_KMS_KEY_ARNS="alias/orders", WARMKEY_KMS_MODE="discovery"):
        main(["doctor", "--region", "eu-west-1"], kms_clients=client)
        main(["doctor"], kms_clients=client)

    assert asked == ["eu-west-1", "us-east-1"]


def test_it_runs_by_itself_over_the_network_and_is_given_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(benchmarks.loopback_kms._METHODS, "DescribeKey", "describe_key")
    with benchmarks.loopback_kms.loopback_kms() as kms:
        kms.kms.deny("DescribeKey")
        done = subprocess.run(
            [sys.executable, "-m", "warmkey", "doctor", "--json", "--context", "tenant=acme"],
            env={"PYTHONPATH": str(ROOT / "src"), **kms.environment()},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {each["answer"] for each in found["permissions"]} == {"allowed"}
    assert found["requests"] == {"kms": len(kms.kms.calls), "dynamodb": 0}
    assert found["endpoints"] == {kms.url: "answered"}
    assert kms.data_keys == set()
