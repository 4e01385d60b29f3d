"""Bad days on order."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from warmkey.testing import FAULTS, FakeKms

REFUSALS = {
    "throttled": ("ThrottlingException", 400),
    "denied": ("AccessDeniedException", 400),
    "disabled": ("DisabledException", 400),
    "pending-deletion": ("KMSInvalidStateException", 400),
    "not-found": ("NotFoundException", 400),
    "incorrect-key": ("IncorrectKeyException", 400),
    "invalid-ciphertext": ("InvalidCiphertextException", 400),
    "invalid-grant-token": ("InvalidGrantTokenException", 400),
    "key-unavailable": ("KeyUnavailableException", 500),
    "dependency-timeout": ("DependencyTimeoutException", 503),
    "internal": ("KMSInternalException", 500),
    "expired-credentials": ("ExpiredTokenException", 400),
    "unrecognized-credentials": ("UnrecognizedClientException", 400),
}
FAILURES = {
    "timeout": ReadTimeoutError,
    "connect-timeout": ConnectTimeoutError,
    "unreachable": EndpointConnectionError,
    "reset": ConnectionClosedError,
    "no-credentials": NoCredentialsError,
}
TAMPERINGS = {"another-key", "not-an-arn", "short-plaintext", "long-plaintext", "another-plaintext", "retried"}


@pytest.fixture
def kms() -> FakeKms:
    fake = FakeKms("eu-west-1")
    fake.create_alias("alias/key", fake.create_key())
    return fake


def generate(kms: FakeKms) -> dict[str, Any]:
    return kms.generate_data_key(KeyId="alias/key", NumberOfBytes=32)


def encrypt(kms: FakeKms) -> dict[str, Any]:
    return kms.encrypt(KeyId="alias/key", Plaintext=b"x")


def test_every_fault_has_a_test_here() -> None:
    assert set(FAULTS) == {*REFUSALS, *FAILURES, *TAMPERINGS}


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_is_the_exception_that_boto3_raises(kms: FakeKms, error: str) -> None:
    kms.fail(error=error)

    with pytest.raises(ClientError) as caught:
        generate(kms)

    response = caught.value.response
    assert REFUSALS[error] == (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"])
    assert type(caught.value) is kms.exceptions.from_code(response["Error"]["Code"])


@pytest.mark.parametrize("error", FAILURES)
def test_a_connection_failure_is_the_exception_that_botocore_raises(kms: FakeKms, error: str) -> None:
    kms.fail(error=error)

    with pytest.raises(FAILURES[error]):
        generate(kms)


def test_a_connection_failure_names_the_endpoint(kms: FakeKms) -> None:
    kms.fail(error="unreachable")

    with pytest.raises(EndpointConnectionError, match=r"https://kms\.eu-west-1\.amazonaws\.com"):
        generate(kms)


def test_an_exception_of_the_tests_own_is_raised_as_it_is(kms: FakeKms) -> None:
    mine = RuntimeError("mine")
    kms.fail(error=mine)

    with pytest.raises(RuntimeError) as caught:
        generate(kms)

    assert caught.value is mine


def test_a_fault_that_does_not_exist_is_a_mistake_in_the_test(kms: FakeKms) -> None:
    with pytest.raises(ValueError, match="none of no-credentials, throttled"):
        kms.fail(error="throttle")


def test_a_tampered_answer_has_another_key_arn(kms: FakeKms) -> None:
    arn = generate(kms)["KeyId"]
    kms.fail(error="another-key")
    kms.fail(error="not-an-arn")

    another = generate(kms)["KeyId"]

    assert arn != another
    assert arn.rpartition("/")[0] == another.rpartition("/")[0]
    assert generate(kms)["KeyId"] == "this is not an ARN"
    assert arn == generate(kms)["KeyId"]


@pytest.mark.parametrize(("error", "length"), [("short-plaintext", 31), ("long-plaintext", 33)])
def test_a_tampered_answer_has_a_plaintext_of_another_length(kms: FakeKms, error: str, length: int) -> None:
    kms.fail(error=error)

    assert length == len(generate(kms)["Plaintext"])


def test_a_tampered_answer_has_another_plaintext_of_the_same_length(kms: FakeKms) -> None:
    blob = encrypt(kms)["CiphertextBlob"]
    kms.fail("Decrypt", error="another-plaintext")

    assert bytes([ord("x") ^ 0xFF]) == kms.decrypt(CiphertextBlob=blob)["Plaintext"]


def test_a_tampering_that_the_answer_has_no_field_for_changes_nothing(kms: FakeKms) -> None:
    kms.fail(error="short-plaintext")

    assert encrypt(kms).keys() == {"CiphertextBlob", "KeyId", "EncryptionAlgorithm", "ResponseMetadata"}


def test_an_answer_may_come_after_retries(kms: FakeKms) -> None:
    kms.fail(error="retried", retries=2)

    assert generate(kms)["ResponseMetadata"]["RetryAttempts"] == 2


def test_an_error_may_come_after_retries(kms: FakeKms) -> None:
    kms.fail(error="throttled", retries=3)

    with pytest.raises(ClientError, match=r"reached max retries: 3") as caught:
        generate(kms)

    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 3


def test_a_fault_strikes_once_by_default(kms: FakeKms) -> None:
    fault = kms.fail(error="throttled")

    with pytest.raises(ClientError):
        generate(kms)
    generate(kms)

    assert fault.struck == 1


def test_faults_strike_in_the_order_in_which_they_were_made(kms: FakeKms) -> None:
    kms.fail(error="throttled", times=2)
    kms.fail(error="timeout")

    for expected in (ClientError, ClientError, ReadTimeoutError):
        with pytest.raises(expected):
            generate(kms)
    generate(kms)


def test_a_fault_strikes_its_operation_only(kms: FakeKms) -> None:
    kms.fail("Encrypt", error="denied", times=None)

    generate(kms)
    with pytest.raises(ClientError):
        encrypt(kms)


def test_a_fault_strikes_when_its_condition_says_so(kms: FakeKms) -> None:
    kms.fail(error="denied", times=None, when=lambda call: "tenant" in call.encryption_context_keys)

    generate(kms)
    with pytest.raises(ClientError):
        kms.generate_data_key(KeyId="alias/key", NumberOfBytes=32, EncryptionContext={"tenant": "a"})


def test_an_outage_lasts_as_long_as_its_block(kms: FakeKms) -> None:
    with kms.fail(error="unreachable", times=None) as outage:
        for _ in range(3):
            with pytest.raises(EndpointConnectionError):
                generate(kms)

    generate(kms)
    assert outage.struck == 3
    assert repr(outage) == "<Fault 'unreachable' on any operation, struck 3, left 0>"


def test_heal_ends_all_faults(kms: FakeKms) -> None:
    kms.fail(error="throttled", times=None)
    kms.fail(error="timeout", times=None)

    kms.heal()

    generate(kms)


def test_a_request_that_went_wrong_counts(kms: FakeKms) -> None:
    kms.fail(error="timeout")

    with pytest.raises(ReadTimeoutError):
        generate(kms)

    assert kms.count("GenerateDataKey") == 1


@pytest.mark.parametrize(
    "order",
    [
        lambda kms, key: kms.deny(key),
        lambda kms, key: kms.deny("generate_data_key", key),
        lambda kms, key: kms.allow("decrypt", key),
        lambda kms, key: kms.create_grant(key, "kms:Decrypt"),
        lambda kms, key: kms.fail("kms:Decrypt", error="denied", when=lambda call: call.key_id == key),
        lambda kms, key: kms.hold(key),
    ],
    ids=["key", "method", "allow", "grant", "fail", "hold"],
)
def test_an_operation_that_kms_does_not_have_is_refused(order: Any) -> None:
    """It would never happen, and a user's test of a bad day would pass on a good one."""
    kms = FakeKms()
    key = kms.create_key()

    with pytest.raises(ValueError, match="is none of GenerateDataKey, Encrypt, Decrypt"):
        order(kms, key)
