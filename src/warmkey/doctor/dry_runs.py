"""Ask KMS by dry run whether an operation would work, and sort what it answers.

``DryRunOperationException`` means that it would. Anything else is the error that a real request would meet. An answer
without an error comes from something that ignores ``DryRun``: it may hold a key, so it is dropped at once, and nothing
more is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from warmkey.choices import Choice
from warmkey.events import KmsOutcome
from warmkey.keyrings.kms_failures import Failure, explain
from warmkey.keyrings.log_redaction import without_debug_lines
from warmkey.keyrings.redaction import Redactor, credentials, sensitive_texts
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Answer", "Ask", "Outcome", "ask", "can_ignore_ciphertext"]

_ALLOWED = "DryRunOperationException"
_METHODS = MappingProxyType(
    {"GenerateDataKey": "generate_data_key", "Encrypt": "encrypt", "Decrypt": "decrypt", "DescribeKey": "describe_key"}
)
_IGNORE_CIPHERTEXT = "IGNORE_CIPHERTEXT"
_DATA_KEY_LENGTH = 32


_NO_FAILURE = Failure("", "", KmsOutcome.OK, "", "", "")


class Outcome(Choice, Enum):
    """Says how a dry run ended."""

    ALLOWED = "allowed"
    DENIED = "denied"
    FAILED = "failed"
    IGNORED = "ignored"
    UNSUPPORTED = "unsupported"


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Holds what is to be asked.

    :ivar about: what the context is: ``none``, ``given``, ``a message's`` or ``a branch key's``
    :ivar ciphertext: of a message or branch key, to decrypt; ``None`` to ask for the permission alone
    """

    operation: str
    key: str
    about: str
    context: Mapping[str, str] = field(repr=False)
    ciphertext: bytes | None = field(default=None, repr=False)

    def parameters(self) -> dict[str, Any]:
        """Return what the client's method takes."""
        found: dict[str, Any] = {"KeyId": self.key, "DryRun": True}
        if self.context:
            found["EncryptionContext"] = dict(self.context)
        if self.operation == "GenerateDataKey":
            found["NumberOfBytes"] = _DATA_KEY_LENGTH
        elif self.operation == "Encrypt":
            found["Plaintext"] = bytes(_DATA_KEY_LENGTH)  # of a made-up data key, which a dry run does not encrypt
        elif self.ciphertext is not None:
            found["CiphertextBlob"] = self.ciphertext
        else:
            found["DryRunModifiers"] = [_IGNORE_CIPHERTEXT]
        return found


class Answer(NamedTuple):
    """Holds how it ended.

    :ivar failure: what the service or the client said, redacted; empty where nothing failed
    :ivar error: what the client raised
    :ivar message: the text of that error, redacted
    """

    outcome: Outcome
    failure: Failure = _NO_FAILURE
    error: Exception | None = None
    message: str = ""


def can_ignore_ciphertext(client: object) -> bool:
    """Return whether botocore, which made *client*, knows how to try Decrypt without a ciphertext."""
    members = _members(client, "Decrypt")
    return members is None or "DryRunModifiers" in members


def ask(client: Any, what: Ask) -> Answer:  # noqa: ANN401 - boto3 has no types
    """Ask KMS once.

    Nothing is sent with a botocore that does not know ``DryRun``: it would be a real request.
    """
    members = _members(client, what.operation)
    if members is not None and "DryRun" not in members:
        return Answer(Outcome.UNSUPPORTED)
    parameters = what.parameters()
    try:
        _send(client, what.operation, parameters)
    except Exception as error:  # noqa: BLE001 - whatever a client raises is an answer here
        return _sorted(error, client, what, parameters)
    return Answer(Outcome.IGNORED)


def _send(client: Any, operation: str, parameters: Mapping[str, Any]) -> None:  # noqa: ANN401 - as above
    """Send the request and let go of the answer, of which nobody may keep anything."""
    method = getattr(client, _METHODS[operation])
    answer: object = without_debug_lines().run(partial(method, **parameters))
    if hasattr(answer, "close") and hasattr(answer, "__await__"):
        answer.close()  # of a coroutine: it would warn that nobody awaited it


def _sorted(error: Exception, client: object, what: Ask, parameters: Mapping[str, Any]) -> Answer:
    failure = explain(error)
    redactor = Redactor([*sensitive_texts(parameters), *credentials(client, {})])
    redactor.clean(error)
    failure = failure._replace(message=redactor.message(failure.message))
    message = redactor.message(str(error))
    if failure.code == _ALLOWED:
        return Answer(Outcome.ALLOWED)
    if failure.name in ("ParamValidationError", "TypeError"):
        return Answer(Outcome.UNSUPPORTED, failure, error, message)
    # KMS looks at no ciphertext when it is told to ignore it.
    if failure.code == "InvalidCiphertextException" and what.ciphertext is None:
        return Answer(Outcome.IGNORED, failure, error, message)
    denied = failure.outcome is KmsOutcome.DENIED
    return Answer(Outcome.DENIED if denied else Outcome.FAILED, failure, error, message)


def _members(client: object, operation: str) -> Mapping[str, Any] | None:
    """Return the parameters that *client* knows for *operation*; ``None`` where it does not say."""
    model: Any = getattr(getattr(client, "meta", None), "service_model", None)
    try:
        members: Mapping[str, Any] = model.operation_model(operation).input_shape.members
    except Exception:  # noqa: BLE001 - a stand-in of the user's may have anything there
        return None
    return members
