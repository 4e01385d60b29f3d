"""Why and how: the words that events, errors and metrics share."""

from __future__ import annotations

from enum import StrEnum

from warmkey.choices import Choice

__all__ = [
    "BypassReason",
    "DynamoDbOutcome",
    "EvictionReason",
    "KmsOutcome",
    "MissReason",
    "Operation",
    "RefusalReason",
]


class Operation(Choice, StrEnum):
    """Says which kind of materials a request asked for."""

    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"


class MissReason(Choice, StrEnum):
    """Says why no cached entry could serve a request."""

    ABSENT = "absent"
    EXPIRED = "expired"
    MESSAGES_SPENT = "messages-spent"
    BYTES_SPENT = "bytes-spent"
    POLICY = "policy"
    CONTEXT = "context"


class BypassReason(Choice, StrEnum):
    """Says why a request never looked at the cache."""

    UNKNOWN_LENGTH = "unknown-length"
    IDENTITY_KDF = "identity-kdf"
    OVER_BYTE_LIMIT = "over-byte-limit"
    CACHING_OFF = "caching-off"


class EvictionReason(Choice, StrEnum):
    """Says why an entry left the cache."""

    CAPACITY = "capacity"
    EXPIRED = "expired"
    MESSAGES_SPENT = "messages-spent"
    BYTES_SPENT = "bytes-spent"
    REPLACED = "replaced"
    DELETED = "deleted"
    PURGED = "purged"
    SNAPSHOT = "snapshot"
    FORK = "fork"


class RefusalReason(Choice, StrEnum):
    """Why a message was refused.

    ``MALFORMED``: its bytes are not a message. ``AUTHENTICATION``: a tag, the commitment or the signature does not
    verify. ``POLICY``: the commitment policy, a limit or the encryption context does not allow it.
    """

    MALFORMED = "malformed"
    AUTHENTICATION = "authentication"
    POLICY = "policy"


class KmsOutcome(Choice, StrEnum):
    """Says how a KMS request ended."""

    OK = "ok"
    THROTTLED = "throttled"
    DENIED = "denied"
    DISABLED = "disabled"
    UNREACHABLE = "unreachable"
    OTHER = "other"


class DynamoDbOutcome(Choice, StrEnum):
    """How a DynamoDB request ended."""

    OK = "ok"
    THROTTLED = "throttled"
    DENIED = "denied"
    CONFLICT = "conflict"
    UNREACHABLE = "unreachable"
    OTHER = "other"
