"""Nothing that a request holds is in what is said about it, whoever answers, and however it quotes the request."""

from __future__ import annotations

import base64
import json
import traceback
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.stub import Stubber

from warmkey.exceptions import KeyUnavailable
from warmkey.keyrings.kms_requests import KmsRequests
from warmkey.keyrings.redaction import Redactor, credentials, sensitive_texts

BECAUSE = (
    "User: arn:aws:sts::111122223333:assumed-role/orders/orders is not authorized to perform: kms:Decrypt on resource: "
    "arn:aws:kms:us-east-1:111122223333:key/1 because no identity-based policy allows the kms:Decrypt action"
)
SECRETS = {
    "context value": "acme corporation",
    "short context value": "x1",
    "context value with control characters": "two\nlines\tof 'it'",
    "context value beyond ASCII": "schlüssel-Wert",
    "grant token": "AQpAM2RhZTk1MGMyNTk2ZmZmMzEyYWVhOWViN2I1MWM4Mzc0",
    "session token": "FwoGZXIvYXdzEXAMPLESESSIONTOKEN",
    "secret access key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "access key ID": "AKIAIOSFODNN7EXAMPLE",
}
CONTEXT = {name: value for name, value in SECRETS.items() if "context" in name}


def client() -> Any:
    return boto3.client(
        "kms",
        region_name="us-east-1",
        aws_access_key_id=SECRETS["access key ID"],
        aws_secret_access_key=SECRETS["secret access key"],
        aws_session_token=SECRETS["session token"],
    )


def failure(code: str, message: str) -> KeyUnavailable:
    kms = client()
    requests = KmsRequests(kms, keyring="K", grant_tokens=[SECRETS["grant token"]])
    stub = Stubber(kms)
    stub.add_client_error("decrypt", code, message)
    with stub, pytest.raises(KeyUnavailable) as caught:
        requests("Decrypt", key="k", KeyId="k", CiphertextBlob=b"blob", EncryptionContext=CONTEXT)
    return caught.value


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error.__cause__))


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "DisabledException", "NotFoundException", "ValidationException"]
)
@pytest.mark.parametrize("quoted", [str, json.dumps, repr], ids=["plain", "JSON", "repr"])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_error_quotes_what_was_sent(secret: str, quoted: Any, code: str) -> None:
    error = failure(code, f"said of {quoted(SECRETS[secret])}, because")
    text = shown(error)

    assert SECRETS[secret] not in text
    assert quoted(SECRETS[secret]).strip("\"'") not in text
    assert ("said of" in str(error)) == (code != "ValidationException")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDeniedException", BECAUSE),
        ("DisabledException", "arn:aws:kms:us-east-1:111122223333:key/1 is disabled."),
        ("KMSInvalidStateException", "arn:aws:kms:us-east-1:111122223333:key/1 is pending deletion."),
        ("NotFoundException", "Key 'arn:aws:kms:us-east-1:111122223333:key/1' does not exist"),
    ],
)
def test_what_kms_says_of_denials_disabled_and_missing_keys_is_kept(code: str, message: str) -> None:
    assert f"KMS answered {code}: {message}" in str(failure(code, message))


@pytest.mark.parametrize("code", ["ValidationException", "InvalidCiphertextException", "ThrottlingException", "New"])
def test_of_other_answers_the_code_is_kept_alone(code: str) -> None:
    (attempt,) = failure(code, "1 validation error detected: Value '{tenant=acme}'").attempts

    assert attempt.reason == f"KMS answered {code}"


def test_control_characters_do_not_pass() -> None:
    text = str(failure("AccessDeniedException", "one\n\x1b[31mtwo\x00\u202ethree\r\ufeff"))

    assert text.isprintable()
    assert "one  [31mtwo  three" in text


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    (attempt,) = failure("AccessDeniedException", f"{'beginning ' * 500}{'end ' * 100}because of the policy").attempts

    assert len(attempt.reason) < 700
    assert attempt.reason.startswith("KMS answered AccessDeniedException: beginning ")
    assert attempt.reason.endswith("end because of the policy")


def test_a_secret_at_the_cut_does_not_show_its_half() -> None:
    secret = "s3cr3t" * 20

    assert "s3cr" not in Redactor([secret]).message(f"{'x' * 290}{secret}{'y' * 500}")


def test_short_values_are_redacted_as_words_and_leave_other_words_alone() -> None:
    assert (
        Redactor(["a", "kms"]).message("a kms:Decrypt by a. because of kmsx")
        == "*** ***:Decrypt by ***. because of kmsx"
    )


def test_the_request_that_an_error_of_the_client_holds_is_dropped() -> None:
    error = ConnectionClosedError(
        endpoint_url="https://kms", request=SimpleNamespace(body=b"the data key"), error="acme!"
    )
    Redactor(["acme!"]).clean(error)

    assert error.request is None
    assert error.kwargs == {"endpoint_url": "https://kms", "error": "***"}


def test_the_cause_stays_the_exception_that_the_client_raised() -> None:
    cause = failure("AccessDeniedException", "of acme corporation").__cause__

    assert isinstance(cause, ClientError)
    assert cause.response["Error"] == {"Code": "AccessDeniedException", "Message": "of ***"}


def test_credentials_are_read_off_the_headers_that_were_sent() -> None:
    authorization = (
        "AWS4-HMAC-SHA256 Credential=KEYID/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=0f1e"
    )
    headers = {"Authorization": authorization.encode(), "X-Amz-Security-Token": "token"}
    found = {*sensitive_texts({"Plaintext": b"data key"}), *credentials(object(), headers)}

    assert {"KEYID", "0f1e", "token", authorization, base64.b64encode(b"data key").decode()} <= found


def test_a_client_of_any_kind_may_have_failed() -> None:
    class Client:
        def generate_data_key(self, **_: object) -> None:
            raise ValueError(CONTEXT["context value"], 5)

    with pytest.raises(KeyUnavailable) as caught:
        KmsRequests(Client(), keyring="K")("GenerateDataKey", key="k", EncryptionContext=CONTEXT)

    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.args == ("***", 5)


def test_an_access_key_id_is_known_by_its_form() -> None:
    assert Redactor([]).message("of ASIAIOSFODNN7EXAMPLE?") == "of ***?"
