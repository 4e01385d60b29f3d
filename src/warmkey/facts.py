"""What events say: a record for each kind of fact.

No fact carries a key, a plaintext, an encryption context or a cache entry identifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from warmkey.records import Record

if TYPE_CHECKING:
    from warmkey.reasons import (
        BypassReason,
        DynamoDbOutcome,
        EvictionReason,
        KmsOutcome,
        MissReason,
        Operation,
        RefusalReason,
    )

__all__ = [
    "BranchKeyCoalesced",
    "BranchKeyEviction",
    "BranchKeyFailed",
    "BranchKeyFailureRecalled",
    "BranchKeyHit",
    "BranchKeyMiss",
    "CacheBypass",
    "CacheCoalesced",
    "CacheEviction",
    "CacheHit",
    "CacheMiss",
    "DynamoDbRequest",
    "Event",
    "FailureRecalled",
    "KmsRequest",
    "MessageAbandoned",
    "MessageRefused",
    "RequestFailed",
    "SettingWarning",
    "UncacheableContext",
    "UnsealedRecordPassed",
]


class CacheHit(Record):
    """States that a cached data key served the request. Only for subscribers with ``wants_hits``."""

    operation: Operation


class CacheCoalesced(Record):
    """States that the request waited for the call of another thread and shares its data key."""

    operation: Operation


class CacheMiss(Record):
    """States that the underlying CMM had to be asked, and answered."""

    operation: Operation
    reason: MissReason


class CacheBypass(Record):
    """States that the request was not cacheable; the underlying CMM was asked, and answered."""

    operation: Operation
    reason: BypassReason


class RequestFailed(Record):
    """States that the request ended in an error. ``error`` is the name of the exception's class."""

    operation: Operation
    error: str


class MessageRefused(Record):
    """The message ended in a refusal, whatever the cache did for it."""

    operation: Operation
    reason: RefusalReason


class MessageAbandoned(Record):
    """The message was given up before its end: its stream was closed, or an interruption came."""

    operation: Operation


class FailureRecalled(Record):
    """States that the request failed with an answer of a moment ago (throttled or unreachable), without a new one."""

    operation: Operation
    error: str


class CacheEviction(Record):
    """States that an entry left the cache after serving ``messages`` messages of ``plaintext_bytes`` bytes together."""

    operation: Operation
    reason: EvictionReason
    age_seconds: float
    messages: int
    plaintext_bytes: int


class KmsRequest(Record):
    """States one request to AWS KMS, with all its retries.

    ``kms_operation`` is the API's name, ``key_arn`` what was asked for, ``attempts`` the tries that the client made.
    """

    kms_operation: str
    key_arn: str
    duration_seconds: float
    attempts: int
    outcome: KmsOutcome


class UnsealedRecordPassed(Record):
    """``unseal_record`` was given a record without a sealed value, and passed it on because of ``missing="pass"``."""


class DynamoDbRequest(Record):
    """One request to DynamoDB, with all its retries.

    ``dynamodb_operation`` is the API's name, ``attempts`` the tries that the client made. No table and no item is
    named: a branch key ID may be a value of an encryption context.
    """

    dynamodb_operation: str
    duration_seconds: float
    attempts: int
    outcome: DynamoDbOutcome


class BranchKeyHit(Record):
    """A cached branch key served the request. Only for subscribers with ``wants_hits``.

    Of branch keys, ``encrypt`` asks for the active version and ``decrypt`` for the version that a message names.
    """

    operation: Operation


class BranchKeyCoalesced(Record):
    """The request waited for the call of another thread and shares its branch key."""

    operation: Operation


class BranchKeyMiss(Record):
    """The key store had to be asked, and answered."""

    operation: Operation
    reason: MissReason


class BranchKeyFailed(Record):
    """The request for a branch key ended in an error. ``error`` is the name of the exception's class."""

    operation: Operation
    error: str


class BranchKeyFailureRecalled(Record):
    """The request for a branch key failed with an answer of a moment ago (throttled or unreachable), without a new one.

    ``error`` is the name of the exception's class.
    """

    operation: Operation
    error: str


class BranchKeyEviction(Record):
    """A branch key left the cache."""

    operation: Operation
    reason: EvictionReason
    age_seconds: float


class SettingWarning(Record):
    """Said once: ``setting`` has no effect, or works against its purpose. ``problem`` says why and what to do."""

    setting: str
    problem: str


class UncacheableContext(Record):
    """States, once, that ``requests`` requests in a row had no hit: ``context_key`` changes with every message."""

    context_key: str
    requests: int


Event: TypeAlias = (
    CacheHit
    | CacheCoalesced
    | CacheMiss
    | CacheBypass
    | RequestFailed
    | MessageRefused
    | MessageAbandoned
    | FailureRecalled
    | CacheEviction
    | KmsRequest
    | DynamoDbRequest
    | BranchKeyHit
    | BranchKeyCoalesced
    | BranchKeyMiss
    | BranchKeyFailed
    | BranchKeyFailureRecalled
    | BranchKeyEviction
    | SettingWarning
    | UncacheableContext
    | UnsealedRecordPassed
)
