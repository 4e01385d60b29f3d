"""One event of each kind."""

from warmkey.events import (
    BypassReason,
    CacheBypass,
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    CacheMiss,
    Event,
    EvictionReason,
    KmsOutcome,
    KmsRequest,
    MissReason,
    Operation,
    RequestFailed,
    UncacheableContext,
    UnsealedRecordPassed,
)

__all__ = [
    "BYPASS",
    "COALESCED",
    "EVERY",
    "EVICTION",
    "FAILED",
    "HIT",
    "KMS_OK",
    "KMS_THROTTLED",
    "MISS",
    "UNCACHEABLE",
    "UNSEALED",
]

KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

HIT = CacheHit(operation=Operation.ENCRYPT)
COALESCED = CacheCoalesced(operation=Operation.DECRYPT)
MISS = CacheMiss(operation=Operation.ENCRYPT, reason=MissReason.MESSAGES_SPENT)
BYPASS = CacheBypass(operation=Operation.ENCRYPT, reason=BypassReason.OVER_BYTE_LIMIT)
FAILED = RequestFailed(operation=Operation.DECRYPT, error="KeyUnavailable")
EVICTION = CacheEviction(
    operation=Operation.ENCRYPT, reason=EvictionReason.CAPACITY, age_seconds=12.5, messages=7, plaintext_bytes=4096
)
KMS_OK = KmsRequest(
    kms_operation="GenerateDataKey", key_arn=KEY_ARN, duration_seconds=0.0125, attempts=1, outcome=KmsOutcome.OK
)
KMS_THROTTLED = KmsRequest(
    kms_operation="Decrypt", key_arn=KEY_ARN, duration_seconds=1.5, attempts=3, outcome=KmsOutcome.THROTTLED
)
UNSEALED = UnsealedRecordPassed()
UNCACHEABLE = UncacheableContext(context_key="request_id", requests=50)

EVERY: tuple[Event, ...] = (
    HIT,
    COALESCED,
    MISS,
    BYPASS,
    FAILED,
    EVICTION,
    KMS_OK,
    KMS_THROTTLED,
    UNCACHEABLE,
    UNSEALED,
)
