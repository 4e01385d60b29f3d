"""Asking by dry run: with boto3's clients, old ones, moto, and stand-ins that ignore what they are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ParamValidationError
from botocore.stub import Stubber
from moto import mock_aws

from tests.doctor.patient import SECRET
from tests.policy.printed import REGION
from warmkey.doctor.dry_runs import Ask, Outcome, ask, can_ignore_ciphertext
from warmkey.testing import api_model, assert_kms_calls
from warmkey.testing.api_model import service_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.doctor.patient import Patient

KEY = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

# What KMS says where it does not tell whether a key of another account is there.
AMBIGUOUS = (
    "User: arn:aws:sts::{}:assumed-role/a/b is not authorized to perform: kms:GenerateDataKey on this resource because "
    "the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy "
    "explicitly denies access"
)


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTING0000000AA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    client = boto3.client("kms", region_name=REGION)
    with Stubber(client) as stubber:
        yield stubber


def failing(stubber: Stubber, code: str, message: str = "", *, status: int = 400) -> Any:
    stubber.add_client_error("generate_data_key", code, message, status)
    return stubber.client


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than ...", "clock-skew"),
        ("InvalidSignatureException", "Signature not yet current: 20260101T000000Z is still later than", "clock-skew"),
        ("InvalidSignatureException", "The request signature we calculated does not match", "credentials-not-accepted"),
        ("RequestTimeTooSkewed", "", "clock-skew"),
        ("SignatureDoesNotMatch", "", "credentials-not-accepted"),
        ("OptInRequired", "", "credentials-not-accepted"),
        ("MissingAuthenticationTokenException", "", "credentials-not-accepted"),
        ("KMSInvalidStateException", f"{KEY} is pending deletion.", "key-pending-deletion"),
        ("KMSInvalidStateException", f"{KEY} is pending import.", "key-state"),
        ("InvalidArnException", "Invalid region", "key-in-another-region"),
        ("InvalidKeyUsageException", "", "key-of-another-kind"),
        ("ValidationException", SECRET, "unexpected-answer"),
        ("SomethingNew", "", "unexpected-answer"),
        ("404", "Not Found", "not-aws"),
        ("AccessDeniedException", "... with an explicit deny in a service control policy", "denied-explicitly"),
        (
            "AccessDeniedException",
            "because no service control policy allows the kms:X action",
            "denied-by-organization",
        ),
        ("AccessDeniedException", "because no resource control policy allows", "denied-by-organization"),
        ("AccessDeniedException", "because no permissions boundary allows", "denied-by-boundary"),
        ("AccessDeniedException", "because no session policy allows", "denied-by-boundary"),
        ("AccessDeniedException", "because no VPC endpoint policy allows", "denied-by-vpc-endpoint"),
        (
            "AccessDeniedException",
            AMBIGUOUS.format("444455556666"),
            "key-in-another-account",
        ),
        (
            "AccessDeniedException",
            AMBIGUOUS.format("111122223333"),
            "key-missing-or-denied",
        ),
        ("AccessDeniedException", "because no resource-based policy allows", "denied-by-key-policy"),
    ],
)
def test_answers_of_aws_become_findings(
    patient: Patient, stubbed: Stubber, code: str, message: str, expected: str
) -> None:
    patient.client = failing(stubbed, code, message)
    patient.settings = {"kms_key_arns": KEY, "algorithm_suite": "0x0478"}

    assert expected in patient.codes("--only", "encrypt")
    assert patient.finding(expected)["found"]


def test_of_a_denial_kms_own_words_are_shown_whatever_botocore_puts_before_them(patient: Patient) -> None:
    said = "User: a is not authorized to perform: kms:GenerateDataKey because no identity-based policy allows it"
    error = service_error("kms", "AccessDeniedException", "GenerateDataKey", said, retries=0, exhausted=True)
    patient.kms.fail("GenerateDataKey", error=error, times=None)
    patient.codes("--only", "encrypt")

    assert "reached max retries" in str(error)
    assert patient.finding("denied-by-role")["found"] == f"KMS denies GenerateDataKey with {patient.key_arn}: {said}"


def test_a_value_of_the_context_that_aws_repeats_is_not_shown(patient: Patient, stubbed: Stubber) -> None:
    patient.client = failing(stubbed, "AccessDeniedException", f"no {SECRET} for you")
    patient.settings = {"kms_key_arns": KEY, "algorithm_suite": "0x0478"}
    stubbed.add_client_error("generate_data_key", "AccessDeniedException", f"no {SECRET} for you")

    assert "denied" in patient.codes("--only", "encrypt", "--context", f"tenant={SECRET}")


# ------------------------------------------------------------------------------------------ who ignores dry runs


def test_moto_is_noticed_at_once_and_asked_nothing_more(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        patient.client = boto3.client("kms", region_name=REGION)
        patient.settings = {
            "kms_key_arns": patient.client.create_key()["KeyMetadata"]["Arn"],
            "branch_key_store_table": "keys",
            "branch_key_id": "acme",
            "branch_key_encrypt": "off",
        }
        with assert_kms_calls(1, "GenerateDataKey") as counted:
            assert "dry-run-ignored" in patient.codes()

    assert counted.operations == ["GenerateDataKey"]
    assert set(patient.answers().values()) == {"unknown"}
    assert patient.dynamodb.calls == []


def test_moto_is_noticed_by_decrypt_too(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        patient.client = boto3.client("kms", region_name=REGION)
        patient.settings = {"kms_key_arns": patient.client.create_key()["KeyMetadata"]["Arn"]}
        with assert_kms_calls(1, "Decrypt"):
            assert patient.codes("--only", "decrypt") == {"dry-run-ignored"}


def test_what_such_an_answer_holds_is_dropped(patient: Patient) -> None:
    class Careless:
        """A stand-in without a model, which gives a key to whoever asks."""

        def __init__(self) -> None:
            self.asked: list[str] = []

        def generate_data_key(self, **_parameters: object) -> dict[str, Any]:
            self.asked.append("GenerateDataKey")
            return {"Plaintext": SECRET.encode(), "CiphertextBlob": b"x", "KeyId": KEY}

    patient.client = Careless()

    assert patient.codes() == {"dry-run-ignored"}
    assert patient.client.asked == ["GenerateDataKey"]


async def _answer(**_parameters: object) -> dict[str, Any]:
    return {}


def test_an_asynchronous_client_is_not_kms(patient: Patient) -> None:
    patient.client = SimpleNamespace(generate_data_key=_answer)

    assert patient.codes() == {"dry-run-ignored"}


# ----------------------------------------------------------------------------------------------- an old botocore


class _Members(dict[str, Any]):
    """The parameters of an operation, without some of them."""


def without(*names: str) -> Any:
    """A service model of botocore's whose operations lack the parameters *names*."""

    def operation_model(operation: str) -> Any:
        members = api_model.service_model("kms").operation_model(operation).input_shape.members
        kept = _Members({name: shape for name, shape in members.items() if name not in names})
        return SimpleNamespace(input_shape=SimpleNamespace(members=kept))

    return SimpleNamespace(operation_model=operation_model, service_name="kms")


def test_nothing_is_sent_with_a_botocore_that_does_not_know_dry_runs(patient: Patient) -> None:
    patient.kms.meta._service_model = without("DryRun")

    assert patient.codes() == {"dry-run-unsupported"}
    assert patient.kms.calls == []
    assert set(patient.answers().values()) == {"unknown"}


def test_decrypt_is_unknown_with_a_botocore_that_does_not_know_the_modifier(patient: Patient) -> None:
    patient.kms.meta._service_model = without("DryRunModifiers")

    assert patient.codes() == {"decrypt-not-checked"}
    assert patient.kms.count("Decrypt") == 0
    assert patient.answers() == {("kms:GenerateDataKey", "none"): "allowed", ("kms:Decrypt", "none"): "unknown"}


@pytest.mark.parametrize("error", [ParamValidationError(report="Unknown parameter: DryRun"), TypeError("DryRun")])
def test_a_client_that_refuses_the_parameter_is_asked_nothing_more(patient: Patient, error: Exception) -> None:
    patient.kms.fail(error=error, times=None)

    assert patient.codes() == {"dry-run-unsupported"}
    assert patient.kms.count() == 1


def test_a_stand_in_without_a_model_is_trusted_to_know_the_modifier() -> None:
    assert can_ignore_ciphertext(object())
    assert can_ignore_ciphertext(SimpleNamespace(meta=SimpleNamespace(service_model=None)))


def test_nothing_of_a_request_is_in_a_repr(patient: Patient) -> None:
    what = Ask(operation="Decrypt", key=KEY, about="given", context={"tenant": SECRET}, ciphertext=SECRET.encode())

    assert SECRET not in repr(what)
    answer = ask(patient.kms, what)
    assert answer.outcome is Outcome.FAILED
    assert SECRET not in repr(answer)
