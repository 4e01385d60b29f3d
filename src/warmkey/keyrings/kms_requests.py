"""Make requests to AWS KMS: tell subscribers, check answers, and explain failures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from warmkey.events import KmsOutcome, KmsRequest, ignore
from warmkey.exceptions import ConfigurationError, KeyAttempt, KeyUnavailable
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.keyrings.refusals import note_refusal, note_used_keys
from warmkey.keyrings.service_requests import ServiceRequests
from warmkey.validation import texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from warmkey.events import Emit
    from warmkey.keyrings.service_requests import ServiceRequest

__all__ = ["KmsClient", "KmsRequests"]

# A client as ``boto3.client("kms")`` makes it; its methods are generated at run time, so it has no better type.
KmsClient = Any

_CLIENT = "boto3.client('kms')"
_BYTES = ("Plaintext", "CiphertextBlob", "SharedSecret", "PublicKey")
_METHODS = {
    "GenerateDataKey": "generate_data_key",
    "GenerateDataKeyWithoutPlaintext": "generate_data_key_without_plaintext",
    "ReEncrypt": "re_encrypt",
    "Encrypt": "encrypt",
    "Decrypt": "decrypt",
    "DeriveSharedSecret": "derive_shared_secret",
    "GetPublicKey": "get_public_key",
}

# KMS itself does not answer so.
_REMEDY_OF_NO_KMS = "check what answers for KMS: the client's endpoint, a proxy, a mock"


def _check_client(client: object, keyring: str) -> None:
    # spec: framework/aws-kms/aws-kms-discovery-keyring.md#initialization 8e50
    # spec: framework/aws-kms/aws-kms-keyring.md#initialization ab2e 8e50
    # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#initialization 1692
    # spec: framework/aws-kms/aws-kms-mrk-keyring.md#initialization 8e50
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#initialization ab2e
    if client is None:
        raise ConfigurationError(f"{keyring} needs kms_client, for example {_CLIENT}")
    service = getattr(getattr(getattr(client, "meta", None), "service_model", None), "service_name", "kms")
    if isinstance(service, str) and service != "kms":
        raise ConfigurationError(f"kms_client must be a client of KMS, {_CLIENT}, not one of {service}")
    # A stand-in of the user's may grow its methods later; a name, a function or a session never will.
    package = type(client).__module__.partition(".")[0]
    if package in ("builtins", "boto3", "botocore") and not any(map(partial(hasattr, client), _METHODS.values())):
        raise _not_a_client(client)


def _not_a_client(given: object) -> ConfigurationError:
    return ConfigurationError(f"kms_client must be a client of KMS, {_CLIENT}, not {type(given).__name__}")


class KmsRequests(ServiceRequests):
    """Makes requests with one client and one set of grant tokens.

    :param kms_client: as ``boto3.client("kms")`` makes it
    :param grant_tokens: sent with every request
    :param emit: told of every request (:class:`warmkey.events.KmsRequest`)
    :raises ConfigurationError: there is no client, a grant token is not a str, or *emit* can't be called
    """

    def __init__(
        self, kms_client: KmsClient, *, keyring: str, grant_tokens: Iterable[str] = (), emit: Emit = ignore
    ) -> None:
        _check_client(kms_client, keyring)
        super().__init__(kms_client, "kms", emit=emit)
        self._keyring = keyring
        self._grant_tokens = list(texts("grant_tokens", grant_tokens))

    def __call__(self, operation: str, *, key: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3
        """Make a request and return the response.

        :param operation: the API's name, for example ``Decrypt``
        :param key: the key that KMS is asked for, for events and errors

        :raises KeyUnavailable: the request failed; the one attempt names operation, key, cause and remedy
        """
        if self._grant_tokens:
            # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 6d70
            # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 7a89
            # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 7a89
            # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 7329
            # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 7540 1762
            # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt c994
            # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 7a89
            # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#initialization ac5b
            # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 7a89
            # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 7a89
            # spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation 98de
            # spec: framework/branch-key-store.md#wrapped-branch-key-creation 623e 3945
            # spec: framework/branch-key-store.md#authenticating-a-keystore-item ad3a
            # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 98de
            parameters["GrantTokens"] = self._grant_tokens
        if not hasattr(self._client, _METHODS[operation]):
            raise _not_a_client(self._client)
        request = self._request()
        try:
            # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 3b21
            # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 9163 5813
            # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 3b21
            # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 3b21
            # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 9163 5813
            # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt 3b21
            # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 3b21
            # spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation db9a
            # spec: framework/branch-key-store.md#wrapped-branch-key-creation db9a
            response = self._send(request, operation, _METHODS[operation], parameters, key=key)
        except Exception as error:
            failure = self._failure(error, parameters, request)
            self._tell(operation, key, request, failure.outcome)
            attempt = self.attempt(
                operation,
                key,
                failure.reason("KMS"),
                outcome=failure.outcome,
                error_code=failure.code,
                request_id=failure.request_id,
                remedy=failure.remedy,
                cause=error,
            )
            note_refusal(attempt)
            # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 14a4 ce3c
            # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 14a4 ce3c
            raise KeyUnavailable(f"AWS KMS {operation} failed", [attempt]) from error
        self._tell(operation, key, request, KmsOutcome.OK)
        checked = self._checked(operation, key, response)
        answered = checked.get("KeyId")
        note_used_keys(key, *([answered] if isinstance(answered, str) else []), region=self.region)
        return checked

    def _checked(self, operation: str, key: str, response: object) -> dict[str, Any]:
        """Return *response* if boto3 could have given it: a stand-in for its client may give anything."""
        if hasattr(response, "__await__"):
            close = getattr(response, "close", None)
            if close is not None:
                close()  # of a coroutine: it would warn that nobody awaited it
            problem = "the KMS client is asynchronous; warmkey needs a synchronous one, boto3.client('kms')"
            raise self.unusable(operation, key, problem)
        if not isinstance(response, dict):
            kind = type(response).__name__
            raise self.unusable(operation, key, f"the KMS client answered with {kind}, not with a dict")
        for name in _BYTES:
            if name in response and not isinstance(response[name], (bytes, bytearray, memoryview)):
                kind = type(response[name]).__name__
                raise self.unusable(operation, key, f"the KMS client answered with a {name} of {kind}, not of bytes")
        return response

    def answered_key(self, operation: str, key: str, response: dict[str, Any]) -> str:
        """Return the ARN of the key that answered; if *key*, which was asked for, is a key ARN, that one must answer.

        :raises KeyUnavailable: another key answered, or the response does not say which
        """
        answered = response.get("KeyId")
        arn = parse_kms_arn(answered) if isinstance(answered, str) else None
        # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 1f59 f9c3
        # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt dcfa f9c3
        if arn is None or not arn.is_key:
            raise self.unusable(operation, key, "KMS answered without a key ARN")
        asked = parse_kms_arn(key)
        # Stricter than the specification: with a key ARN configured, only that key may have answered.
        if asked is not None and asked.is_key and str(arn) != key:
            raise self.unusable(operation, key, "KMS answered for another key")
        return str(arn)

    def unusable(self, operation: str, key: str, reason: str, *, remedy: str = _REMEDY_OF_NO_KMS) -> KeyUnavailable:
        """Make the error for a response that arrived and can't be used."""
        attempt = self.attempt(operation, key, reason, remedy=remedy)
        return KeyUnavailable(f"AWS KMS {operation} gave no usable key", [attempt])

    def attempt(self, operation: str, key: str, reason: str, **details: Any) -> KeyAttempt:  # noqa: ANN401
        """Make a failed attempt of this keyring."""
        return KeyAttempt(
            keyring=self._keyring, operation=operation, key=key, region=self.region, reason=reason, **details
        )

    def _tell(self, operation: str, key: str, request: ServiceRequest, outcome: KmsOutcome) -> None:
        self._emit(
            KmsRequest(
                kms_operation=operation,
                key_arn=key,
                duration_seconds=request.duration_seconds,
                attempts=request.attempts,
                outcome=outcome,
            )
        )
