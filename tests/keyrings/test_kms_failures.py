"""What a failed request is taken for: by KMS's code, by the exception's class, by how the connection ended."""

from __future__ import annotations

import ssl
from http.client import BadStatusLine, RemoteDisconnected
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    NoCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSLError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from urllib3.exceptions import ClosedPoolError, ProtocolError
from urllib3.exceptions import SSLError as UrllibSSLError

from warmkey.events import KmsOutcome
from warmkey.keyrings.kms_failures import backoff_seconds, explain, is_transient, max_attempts, was_closed_unanswered


def answer(code: str, **metadata: Any) -> ClientError:
    response = {"Error": {"Code": code, "Message": "said"}, "ResponseMetadata": metadata}
    return ClientError(response, "Decrypt")  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", ["SCP", "VPC endpoint policy", "key policy", "role", "permissions boundary"])
def test_the_remedy_of_a_denial_names_every_policy_that_may_be_the_reason(policy: str) -> None:
    assert policy in explain(answer("AccessDeniedException")).remedy


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (ProfileNotFound(profile="nope"), "unset AWS_PROFILE"),
        (SSOTokenLoadError(error_msg="expired"), "aws sso login"),
        (UnauthorizedSSOTokenError(), "aws sso login"),
        (TokenRetrievalError(provider="sso", error_msg="expired"), "aws sso login"),
        (NoCredentialsError(), "credentials"),
    ],
)
def test_what_keeps_the_client_from_signing_has_a_remedy(error: Exception, remedy: str) -> None:
    assert remedy in explain(error).remedy


@pytest.mark.parametrize("request_id", ["8f3d-1", "00000000-0000-4000-8000-000000000000"])
def test_the_request_id_is_kept_for_every_answer(request_id: str) -> None:
    for code in ("AccessDeniedException", "ThrottlingException", "ValidationException"):
        assert explain(answer(code, RequestId=request_id)).request_id == request_id


@pytest.mark.parametrize("request_id", ["", "two words", "line\nbreak", "x" * 65, 5, None])
def test_what_can_not_be_a_request_id_is_not_repeated(request_id: object) -> None:
    assert explain(answer("ThrottlingException", RequestId=request_id)).request_id == ""


@pytest.mark.parametrize(
    ("error", "closed"),
    [
        (
            ConnectionClosedError(endpoint_url="u", error=ProtocolError("Connection aborted.", RemoteDisconnected())),
            True,
        ),
        (ConnectionClosedError(endpoint_url="u", error=ProtocolError("Connection aborted.", BrokenPipeError())), True),
        (
            ConnectionClosedError(endpoint_url="u", error=ProtocolError("Connection aborted.", BadStatusLine("x"))),
            False,
        ),
        (ConnectionClosedError(endpoint_url="u", error=ProtocolError("Connection broken", ConnectionError())), False),
        (ConnectionClosedError(endpoint_url="u", error=ProtocolError("Connection aborted.")), False),
        (ConnectionClosedError(endpoint_url="u"), False),
        (HTTPClientError(error=ClosedPoolError(None, "Pool is closed.")), True),  # type: ignore[arg-type]
        (SSLError(endpoint_url="u", error=UrllibSSLError(ssl.SSLEOFError())), True),
        (SSLError(endpoint_url="u", error=UrllibSSLError(ssl.SSLZeroReturnError())), True),
        (SSLError(endpoint_url="u", error=UrllibSSLError(ssl.SSLCertVerificationError())), False),
        (ReadTimeoutError(endpoint_url="u", error=TimeoutError()), False),
        (ValueError(), False),
        (None, False),
    ],
)
def test_a_connection_that_was_closed_before_any_answer_is_recognized(error: Exception | None, *, closed: bool) -> None:
    assert was_closed_unanswered(error) is closed


@pytest.mark.parametrize(
    ("error", "response", "transient"),
    [
        (None, {"Error": {"Code": "ThrottlingException"}}, True),
        (None, {"Error": {"Code": "New"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, True),
        (None, {"Error": {"Code": "AccessDeniedException"}}, False),
        (ReadTimeoutError(endpoint_url="u"), None, True),
        (ValueError(), None, False),
    ],
)
def test_another_attempt_is_worth_it_where_kms_throttles_or_was_not_reached(
    error: Exception | None, response: Any, *, transient: bool
) -> None:
    assert is_transient(error, response and (object(), response)) is transient


@pytest.mark.parametrize(
    ("retries", "attempts"),
    [
        ({"mode": "standard", "total_max_attempts": 2}, 2),
        ({"mode": "standard"}, 3),
        ({"mode": "legacy"}, 5),
        ({}, 0),
        (None, 0),
    ],
)
def test_the_clients_attempts_are_read_off_its_configuration(retries: Any, attempts: int) -> None:
    assert max_attempts(SimpleNamespace(meta=SimpleNamespace(config=SimpleNamespace(retries=retries)))) == attempts
    assert max_attempts(object()) == 0


def test_waiting_between_attempts_is_random_and_bounded() -> None:
    assert all(0 <= backoff_seconds(2) <= 2 for _ in range(50))
    assert all(0 <= backoff_seconds(50) <= 20 for _ in range(50))
    assert len({backoff_seconds(3) for _ in range(5)}) > 1


def test_an_answer_of_kms_outcome_other_keeps_only_its_code() -> None:
    failure = explain(answer("ValidationException"))

    assert (failure.name, failure.outcome, failure.message) == ("ValidationException", KmsOutcome.OTHER, "")
