"""One event of each kind."""

from warmkey.events import (
    BranchKeyCoalesced,
    BranchKeyEviction,
    BranchKeyFailed,
    BranchKeyFailureRecalled,
    BranchKeyHit,
    BranchKeyMiss,
    BypassReason,
    CacheBypass,
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    CacheMiss,
    DynamoDbOutcome,
    DynamoDbRequest,
    Event,
    EvictionReason,
    FailureRecalled,
    KmsOutcome,
    KmsRequest,
    MessageAbandoned,
    MessageRefused,
    MissReason,
    Operation,
    RefusalReason,
    RequestFailed,
    SettingWarning,
    UncacheableContext,
    UnsealedRecordPassed,
)

__all__ = [
    "ABANDONED",
    "BRANCH_KEYS",
    "BRANCH_KEY_HIT",
    "BYPASS",
    "COALESCED",
    "EVERY",
    "EVICTION",
    "FAILED",
    "HIT",
    "KMS_OK",
    "KMS_THROTTLED",
    "MALFORMED",
    "MISS",
    "OTHERS",
    "OTHER_TENANTS",
    "RECALLED",
    "REFUSED",
    "TAMPERED",
    "UNCACHEABLE",
    "UNSEALED",
]

KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

HIT = CacheHit(operation=Operation.ENCRYPT)
COALESCED = CacheCoalesced(operation=Operation.DECRYPT)
MISS = CacheMiss(operation=Operation.ENCRYPT, reason=MissReason.MESSAGES_SPENT)
BYPASS = CacheBypass(operation=Operation.ENCRYPT, reason=BypassReason.OVER_BYTE_LIMIT)
FAILED = RequestFailed(operation=Operation.DECRYPT, error="KeyUnavailable")
MALFORMED = MessageRefused(operation=Operation.DECRYPT, reason=RefusalReason.MALFORMED)
TAMPERED = MessageRefused(operation=Operation.DECRYPT, reason=RefusalReason.AUTHENTICATION)
OTHER_TENANTS = MessageRefused(operation=Operation.DECRYPT, reason=RefusalReason.POLICY)
ABANDONED = MessageAbandoned(operation=Operation.ENCRYPT)
RECALLED = FailureRecalled(operation=Operation.DECRYPT, error="KeyUnavailable")
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

BRANCH_KEY_HIT = BranchKeyHit(operation=Operation.ENCRYPT)
BRANCH_KEY_COALESCED = BranchKeyCoalesced(operation=Operation.DECRYPT)
BRANCH_KEY_MISS = BranchKeyMiss(operation=Operation.ENCRYPT, reason=MissReason.ABSENT)
BRANCH_KEY_FAILED = BranchKeyFailed(operation=Operation.DECRYPT, error="KeyUnavailable")
BRANCH_KEY_RECALLED = BranchKeyFailureRecalled(operation=Operation.DECRYPT, error="KeyUnavailable")
BRANCH_KEY_EVICTION = BranchKeyEviction(operation=Operation.ENCRYPT, reason=EvictionReason.EXPIRED, age_seconds=3600.5)
DYNAMODB_OK = DynamoDbRequest(
    dynamodb_operation="GetItem", duration_seconds=0.0045, attempts=1, outcome=DynamoDbOutcome.OK
)
DYNAMODB_THROTTLED = DynamoDbRequest(
    dynamodb_operation="GetItem", duration_seconds=1.25, attempts=3, outcome=DynamoDbOutcome.THROTTLED
)
SETTING = SettingWarning(setting="WARMKEY_CACHE_CAPACITY", problem="too few")

BRANCH_KEYS: tuple[Event, ...] = (
    BRANCH_KEY_HIT,
    BRANCH_KEY_COALESCED,
    BRANCH_KEY_MISS,
    BRANCH_KEY_FAILED,
    BRANCH_KEY_RECALLED,
    BRANCH_KEY_EVICTION,
    DYNAMODB_OK,
    DYNAMODB_THROTTLED,
    SETTING,
)
REFUSED = (MALFORMED, TAMPERED, OTHER_TENANTS)
OTHERS: tuple[Event, ...] = (
    *(HIT, COALESCED, MISS, BYPASS, FAILED, RECALLED, *REFUSED, ABANDONED),
    *(EVICTION, KMS_OK, KMS_THROTTLED, UNCACHEABLE, UNSEALED),
)
EVERY = (*OTHERS, *BRANCH_KEYS)
