"""One request to KMS: its failures sorted, its facts told, its client never used as a fork left it."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter

from tests.forks import become_another_process
from warmkey import ConfigurationError, KeyUnavailable
from warmkey.events import KmsOutcome, KmsRequest
from warmkey.keyrings.kms_requests import KmsRequests
from warmkey.testing import Recorder


class Client:
    """Answers, or raises, what it was told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.closed = 0
        self.parameters: list[dict[str, Any]] = []

    def decrypt(self, **parameters: Any) -> Any:
        self.parameters.append(parameters)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed += 1


def error_of(code: str, status: int = 400, **metadata: Any) -> ClientError:
    response = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status, **metadata}}
    return ClientError(response, "Decrypt")  # type: ignore[arg-type]


def outcome_of(error: Exception) -> tuple[KmsOutcome | None, str]:
    """How a request that raises *error* ends, for the caller and for the subscriber."""
    seen = Recorder()
    with pytest.raises(KeyUnavailable) as caught:
        KmsRequests(Client(error), keyring="K", emit=seen)("Decrypt", key="the key")
    (attempt,), (fact,) = caught.value.attempts, seen.of(KmsRequest)

    assert caught.value.__cause__ is attempt.cause is error
    assert fact.outcome is attempt.outcome
    assert (attempt.keyring, attempt.operation, attempt.key) == ("K", "Decrypt", "the key")
    return attempt.outcome, attempt.remedy


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("ThrottlingException", 400, KmsOutcome.THROTTLED),
        ("TooManyRequestsException", 400, KmsOutcome.THROTTLED),
        ("LimitExceededException", 400, KmsOutcome.THROTTLED),
        ("SomethingNew", 429, KmsOutcome.THROTTLED),
        ("AccessDeniedException", 400, KmsOutcome.DENIED),
        ("DisabledException", 409, KmsOutcome.DISABLED),
        ("KMSInvalidStateException", 409, KmsOutcome.DISABLED),
        ("KMSInternalException", 500, KmsOutcome.UNREACHABLE),
        ("DependencyTimeoutException", 503, KmsOutcome.UNREACHABLE),
        ("KeyUnavailableException", 500, KmsOutcome.UNREACHABLE),
        ("500", 500, KmsOutcome.UNREACHABLE),
        ("SomethingNew", 503, KmsOutcome.UNREACHABLE),
        ("SomethingNew", 400, KmsOutcome.OTHER),
        ("NotFoundException", 400, KmsOutcome.OTHER),
        ("InvalidCiphertextException", 400, KmsOutcome.OTHER),
    ],
)
def test_an_answers_code_decides_and_its_status_where_the_code_is_unknown(
    code: str, status: int, outcome: KmsOutcome
) -> None:
    assert outcome_of(error_of(code, status))[0] is outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TimeoutError(), KmsOutcome.UNREACHABLE),
        (ConnectionResetError(), KmsOutcome.UNREACHABLE),
        (ValueError("a bug"), KmsOutcome.OTHER),
    ],
)
def test_an_exception_without_an_answer_is_sorted_by_its_kind(error: Exception, outcome: KmsOutcome) -> None:
    assert outcome_of(error)[0] is outcome


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "DisabledException", "ExpiredToken"])
def test_every_usual_refusal_comes_with_a_remedy(code: str) -> None:
    assert outcome_of(error_of(code))[1]


@pytest.mark.parametrize("code", ["KMSInternalException", "KeyUnavailableException", "DependencyTimeoutException"])
def test_nobody_is_sent_to_look_at_the_network_for_a_problem_inside_kms(code: str) -> None:
    assert outcome_of(error_of(code)) == (KmsOutcome.UNREACHABLE, "KMS has a problem of its own; try again")


def test_a_client_error_without_the_usual_fields_is_still_explained() -> None:
    error = ClientError({}, "Decrypt")  # type: ignore[arg-type]

    assert outcome_of(error) == (KmsOutcome.OTHER, "")


def test_the_message_of_the_service_which_may_quote_anything_is_not_repeated() -> None:
    error = ClientError({"Error": {"Code": "X", "Message": "value of the context"}}, "Decrypt")
    with pytest.raises(KeyUnavailable) as caught:
        KmsRequests(Client(error), keyring="K")("Decrypt", key="k")

    assert "value of the context" not in str(caught.value)


def test_tries_are_counted_from_what_the_client_reports() -> None:
    seen = Recorder()
    KmsRequests(Client({"ResponseMetadata": {"RetryAttempts": 2}}), keyring="K", emit=seen)("Decrypt", key="k")
    KmsRequests(Client({}), keyring="K", emit=seen)("Decrypt", key="k")

    assert [fact.attempts for fact in seen.of(KmsRequest)] == [3, 1]


class TellingClient(Client):
    """A client that tells of each attempt, as botocore's do."""

    def __init__(self, *, attempts: int) -> None:
        super().__init__({})
        self.attempts = attempts
        self.meta = SimpleNamespace(events=HierarchicalEmitter())

    def decrypt(self, **parameters: Any) -> Any:
        for _ in range(self.attempts):
            self.meta.events.emit("before-send.kms.Decrypt", request=None)
        return super().decrypt(**parameters)


def test_tries_are_counted_as_the_client_makes_them_once_each_though_two_keyrings_share_it() -> None:
    client, seen = TellingClient(attempts=3), Recorder()
    for keyring in "KL":
        KmsRequests(client, keyring=keyring, emit=seen)("Decrypt", key="k")

    assert [fact.attempts for fact in seen.of(KmsRequest)] == [3, 3]


def test_what_the_function_itself_asks_of_its_client_is_not_counted() -> None:
    """Neither before and after, nor in another thread meanwhile."""

    class BusyClient(TellingClient):
        def decrypt(self, **parameters: Any) -> Any:
            if threading.current_thread() is threading.main_thread():
                other = threading.Thread(target=self.decrypt)
                other.start()
                other.join()
            return super().decrypt(**parameters)

    client, seen = BusyClient(attempts=1), Recorder()
    client.decrypt()
    KmsRequests(client, keyring="K", emit=seen)("Decrypt", key="k")
    client.decrypt()

    assert [fact.attempts for fact in seen.of(KmsRequest)] == [1]


def test_grant_tokens_go_with_every_request_and_are_copied() -> None:
    tokens = ["one"]
    client = Client({})
    requests = KmsRequests(client, keyring="K", grant_tokens=tokens)
    tokens.append("two")
    requests("Decrypt", key="k", KeyId="k")

    assert client.parameters == [{"KeyId": "k", "GrantTokens": ["one"]}]


def test_what_is_no_subscriber_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="emit must be callable, not list"):
        KmsRequests(Client({}), keyring="K", emit=[])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tokens", "problem"),
    [
        ("token", "grant_tokens must be a list or tuple, not str of length 5"),
        ([b"token"], "one of grant_tokens must be a str that is not empty, not bytes of length 5"),
        ([""], "one of grant_tokens must be a str that is not empty, not str of length 0"),
    ],
)
def test_what_is_no_sequence_of_grant_tokens_is_refused(tokens: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        KmsRequests(Client({}), keyring="K", grant_tokens=tokens)


def test_without_grant_tokens_none_are_sent() -> None:
    client = Client({})
    KmsRequests(client, keyring="K")("Decrypt", key="k")

    assert client.parameters == [{}]


@pytest.mark.parametrize("arguments", [{"kms_client": None}, {"kms_client": Client({}), "grant_tokens": "abc"}])
def test_arguments_that_can_not_be_used_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        KmsRequests(keyring="K", **arguments)


def test_a_process_that_was_forked_closes_the_connections_it_inherited_once(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client({})
    requests = KmsRequests(client, keyring="K")
    requests("Decrypt", key="k")
    assert client.closed == 0
    become_another_process(monkeypatch)
    requests("Decrypt", key="k")
    requests("Decrypt", key="k")

    assert client.closed == 1


def test_connections_that_could_not_be_closed_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reluctant(Client):
        def close(self) -> None:
            super().close()
            if self.closed == 1:
                raise TimeoutError

    client = Reluctant({})
    requests = KmsRequests(client, keyring="K")
    become_another_process(monkeypatch)
    with pytest.raises(TimeoutError):
        requests("Decrypt", key="k")
    requests("Decrypt", key="k")
    requests("Decrypt", key="k")

    assert client.closed == 2


def test_a_subscriber_that_fails_breaks_no_request() -> None:
    def broken(_: object) -> None:
        raise RuntimeError

    assert KmsRequests(Client({"a": 1}), keyring="K", emit=broken)("Decrypt", key="k") == {"a": 1}


@pytest.mark.parametrize(
    "answer", [None, [], "text", {"Plaintext": 32}, {"Plaintext": None}, {"CiphertextBlob": "text"}]
)
def test_an_answer_that_boto3_would_never_give_is_an_error_of_ours(answer: object) -> None:
    """Thirty-two, made bytes, would be a data key of zeros."""

    class Client:
        def generate_data_key(self, **_parameters: object) -> object:
            return answer

    requests = KmsRequests(Client(), keyring="AwsKmsKeyring")

    with pytest.raises(KeyUnavailable, match="the KMS client answered with"):
        requests("GenerateDataKey", key="key")


def session_of(kind: str) -> Any:
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
    return {
        "client of S3": lambda: session.client("s3"),
        "resource": lambda: session.resource("s3"),
        "session": lambda: session,
        "botocore session": botocore.session.get_session,
        "function": lambda: session.client,
        "name": lambda: "kms",
        "mapping": lambda: {"service": "kms"},
    }[kind]()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("client of S3", "not one of s3"),
        ("resource", "not s3.ServiceResource"),
        ("session", "not Session"),
        ("botocore session", "not Session"),
        ("function", "not method"),
        ("name", "not str"),
        ("mapping", "not dict"),
    ],
)
def test_what_is_not_a_kms_client_is_refused_at_construction(given: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"must be a client of KMS, boto3.client\('kms'\), {named}"):
        KmsRequests(session_of(given), keyring="K")


def test_a_stand_in_that_lacks_the_method_is_named_when_it_is_needed() -> None:
    with pytest.raises(ConfigurationError, match=r"kms_client must be a client of KMS, .* not Client"):
        KmsRequests(Client({}), keyring="K")("Encrypt", key="k")


def test_a_mock_is_a_client_like_any_other() -> None:
    client = MagicMock()
    client.decrypt.return_value = {"KeyId": "k"}

    assert KmsRequests(client, keyring="K")("Decrypt", key="k") == {"KeyId": "k"}


class AsynchronousClient:
    async def decrypt(self, **_: object) -> dict[str, Any]:
        return {}


class Awaitable:
    def __await__(self) -> Any:
        raise NotImplementedError


def test_an_asynchronous_client_gets_its_own_sentence() -> None:
    for client in (AsynchronousClient(), SimpleNamespace(decrypt=lambda **_: Awaitable())):
        with pytest.raises(KeyUnavailable, match=r"the KMS client is asynchronous; warmkey needs a synchronous one"):
            KmsRequests(client, keyring="K")("Decrypt", key="k")
