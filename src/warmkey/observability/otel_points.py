"""Which OpenTelemetry instruments there are, and what each fact adds to them.

The counts are those of :mod:`warmkey.observability.metrics`; a reason is an attribute here where it is a part of the
name there. Names and attributes are OpenTelemetry's where its semantic conventions (1.44) have some, and begin with
``warmkey`` where they have none. They are promises, too.

Nothing of OpenTelemetry is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from warmkey.events import (
    BranchKeyCoalesced,
    BranchKeyEviction,
    BranchKeyFailed,
    BranchKeyFailureRecalled,
    BranchKeyHit,
    BranchKeyMiss,
    CacheBypass,
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    CacheMiss,
    DynamoDbRequest,
    FailureRecalled,
    KmsOutcome,
    KmsRequest,
    MessageAbandoned,
    MessageRefused,
    RequestFailed,
    UnsealedRecordPassed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from warmkey.events import Event

__all__ = ["COUNTERS", "ERROR_TYPE", "HISTOGRAMS", "OPERATION", "OUTCOME", "OUTCOMES", "REASON", "Histogram", "points"]

ERROR_TYPE = "error.type"
OPERATION = "warmkey.operation"
OUTCOME = "warmkey.outcome"
REASON = "warmkey.reason"

Attributes: TypeAlias = "tuple[tuple[str, str], ...]"
# Which instrument, with which attributes; and by how much, or which value.
Point: TypeAlias = "tuple[str, Attributes, float]"


class Histogram(NamedTuple):
    """What a histogram is made of.

    :ivar unit: by UCUM
    :ivar boundaries: of the buckets, unless a view of the user's has others
    """

    unit: str
    description: str
    boundaries: tuple[float, ...]


# Unit and description, by name.
COUNTERS: Mapping[str, tuple[str, str]] = {
    "warmkey.messages": ("{message}", "Messages that ended, by how they ended"),
    "warmkey.failures.recalled": ("{request}", "Requests that failed with an answer of KMS up to a second old"),
    "warmkey.records.unsealed": ("{record}", "Records without a sealed value that unseal_record passed on"),
    "warmkey.data_key.evictions": ("{data_key}", "Data keys that left the cache"),
    "warmkey.kms.requests": ("{request}", "Requests to AWS KMS, one for all their retries"),
    "warmkey.kms.retries": ("{attempt}", "Attempts beyond the first"),
    "warmkey.branch_key.requests": ("{request}", "Requests for a branch key, by how they ended"),
    "warmkey.branch_key.evictions": ("{branch_key}", "Branch keys that left the cache"),
    "warmkey.dynamodb.requests": ("{request}", "Requests to DynamoDB, one for all their retries"),
    "warmkey.dynamodb.retries": ("{attempt}", "Attempts beyond the first"),
}
_AGES = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
HISTOGRAMS: Mapping[str, Histogram] = {
    # The boundaries of these two are those of the semantic conventions.
    "rpc.client.call.duration": Histogram(
        "s",
        "Duration of requests to AWS KMS with their retries",
        (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
    ),
    "db.client.operation.duration": Histogram(
        "s",
        "Duration of requests to DynamoDB with their retries",
        (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10),
    ),
    "warmkey.data_key.age": Histogram("s", "Age of a data key at its eviction", _AGES),
    "warmkey.data_key.messages": Histogram(
        "{message}", "Messages of a data key at its eviction", (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000)
    ),
    "warmkey.data_key.size": Histogram(
        "By",
        "Bytes of plaintext of a data key at its eviction",
        (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000),
    ),
    "warmkey.branch_key.age": Histogram("s", "Age of a branch key at its eviction", _AGES),
}

OUTCOMES: Mapping[type[Event], str] = {
    CacheHit: "hit",
    CacheCoalesced: "coalesced",
    CacheMiss: "miss",
    CacheBypass: "bypass",
    MessageRefused: "refused",
    MessageAbandoned: "abandoned",
    RequestFailed: "failed",
    BranchKeyHit: "hit",
    BranchKeyCoalesced: "coalesced",
    BranchKeyMiss: "miss",
    BranchKeyFailed: "failed",
    BranchKeyFailureRecalled: "recalled",
}


def points(event: Event) -> Iterator[Point]:
    """Yield what *event* adds to which instrument."""
    match event:
        case (
            CacheHit()
            | CacheCoalesced()
            | CacheMiss()
            | CacheBypass()
            | MessageRefused()
            | MessageAbandoned()
            | RequestFailed()
        ):
            yield "warmkey.messages", _attributes(event), 1
        case BranchKeyHit() | BranchKeyCoalesced() | BranchKeyMiss() | BranchKeyFailed() | BranchKeyFailureRecalled():
            yield "warmkey.branch_key.requests", _attributes(event), 1
        case FailureRecalled():
            yield "warmkey.failures.recalled", _attributes(event), 1
        case UnsealedRecordPassed():
            yield "warmkey.records.unsealed", (), 1
        case CacheEviction():
            attributes = _attributes(event)
            yield "warmkey.data_key.evictions", attributes, 1
            yield "warmkey.data_key.age", attributes, event.age_seconds
            yield "warmkey.data_key.messages", attributes, event.messages
            yield "warmkey.data_key.size", attributes, event.plaintext_bytes
        case BranchKeyEviction():
            yield "warmkey.branch_key.evictions", _attributes(event), 1
            yield "warmkey.branch_key.age", _attributes(event), event.age_seconds
        case KmsRequest():
            name: Attributes = (("rpc.system.name", "aws-api"), ("rpc.method", f"KMS/{event.kms_operation}"))
            yield from _of_requests("warmkey.kms", "rpc.client.call.duration", name, event)
        case DynamoDbRequest():
            name = (("db.system.name", "aws.dynamodb"), ("db.operation.name", event.dynamodb_operation))
            yield from _of_requests("warmkey.dynamodb", "db.client.operation.duration", name, event)


def _attributes(event: Event) -> Attributes:
    """Return the attributes that *event* has something for."""
    found = {
        OPERATION: getattr(event, "operation", None),
        OUTCOME: OUTCOMES.get(type(event)),
        REASON: getattr(event, "reason", None),
        ERROR_TYPE: getattr(event, "error", None),
    }
    return tuple((name, str(value)) for name, value in found.items() if value is not None)


def _of_requests(prefix: str, duration: str, name: Attributes, event: KmsRequest | DynamoDbRequest) -> Iterator[Point]:
    yield f"{prefix}.requests", (*name, (OUTCOME, str(event.outcome))), 1
    if event.attempts > 1:
        yield f"{prefix}.retries", name, event.attempts - 1
    failed = event.outcome != KmsOutcome.OK
    yield duration, (*name, (ERROR_TYPE, str(event.outcome))) if failed else name, event.duration_seconds
