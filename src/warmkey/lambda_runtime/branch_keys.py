"""Build the key store and the hierarchical keyring from the settings; loaded only where they name a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore
from warmkey.events import BranchKeyEviction, EvictionReason, SettingWarning
from warmkey.exceptions import PolicyRefused
from warmkey.keyrings.aws_kms_key_arn import region_of
from warmkey.lambda_runtime.settings import KmsMode, home_region

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from warmkey.caches.interface import CryptographicMaterialsCache
    from warmkey.clock import Clock
    from warmkey.events import Emit, Event
    from warmkey.lambda_runtime.settings import Settings

__all__ = [
    "CapacityWatch",
    "hierarchical_keyring",
    "key_store",
    "kms_configuration",
    "region_of_table",
    "without_effect",
]

# What a data key that is used once has no use for.
_LIMITS = ("max_messages_encrypted", "max_bytes_encrypted", "refresh_ahead")
_CAPACITY = "WARMKEY_CACHE_CAPACITY"


def key_store(settings: Settings, *, kms: Any, dynamodb: Any, emit: Emit) -> BranchKeyStore:  # noqa: ANN401 - boto3 has no types
    """Make the key store of ``WARMKEY_BRANCH_KEY_STORE_TABLE``.

    :param kms: gives a KMS client for a Region
    :param dynamodb: gives a DynamoDB client for a Region
    """
    region = region_of_table(settings, home_region())
    return BranchKeyStore(
        str(settings.branch_key_store_table),
        logical_key_store_name=settings.logical_key_store_name,
        kms_client=kms(region),
        dynamodb_client=dynamodb(region),
        emit=emit,
        **kms_configuration(settings, home_region()),
    )


def region_of_table(settings: Settings, home: str | None) -> str | None:
    """Return the Region of the table and of the requests to KMS: that of the configured key, or *home* under discovery.

    :param home: the Region that the function runs in
    """
    return home if settings.kms_mode.discovers else region_of(settings.kms_key_arns[0])


def kms_configuration(settings: Settings, home: str | None) -> dict[str, Any]:
    """Return the arguments that say which KMS keys may protect branch keys, as the key store takes them.

    :param home: the Region that the function runs in; without one, the key store refuses a text that says what to set
    """
    arn = next(iter(settings.kms_key_arns), None)
    configurations: dict[KmsMode, dict[str, Any]] = {
        KmsMode.STRICT: {"kms_key_arn": arn},
        KmsMode.MRK: {"kms_mrk_key_arn": arn},
        KmsMode.DISCOVERY: {"discovery": True},
        KmsMode.MRK_DISCOVERY: {"mrk_discovery_region": home or "(none: set AWS_REGION, as Lambda does)"},
    }
    return configurations[settings.kms_mode]


def hierarchical_keyring(
    settings: Settings,
    store: BranchKeyStore,
    *,
    cache: CryptographicMaterialsCache,
    partition_id: str,
    clock: Clock | None,
    emit: Emit,
) -> AwsKmsHierarchicalKeyring:
    """Make the keyring of ``WARMKEY_BRANCH_KEY_ID`` or ``WARMKEY_BRANCH_KEY_CONTEXT_KEY``."""
    key = settings.branch_key_context_key
    return AwsKmsHierarchicalKeyring(
        store,
        branch_key_id=settings.branch_key_id,
        branch_key_id_supplier=None if key is None else _ContextValue(key),
        ttl_seconds=settings.branch_key_ttl_seconds,
        ttl_jitter=settings.max_age_jitter,
        cache=cache,
        partition_id=partition_id,
        remember_failures_seconds=settings.remember_failures_seconds,
        clock=clock,
        emit=emit,
    )


class _ContextValue:
    """Take the branch key ID from the encryption context, as it is."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, context: Mapping[str, str]) -> str:
        """:raises PolicyRefused: the context lacks the key"""
        branch_key_id = context.get(self._key)
        if branch_key_id:
            return branch_key_id
        raise PolicyRefused(
            f"the encryption context must have {self._key!r} with a value that is not empty: "
            "WARMKEY_BRANCH_KEY_CONTEXT_KEY wants it for every message, as the ID of its branch key"
        )


def without_effect(settings: Settings) -> Iterator[SettingWarning]:
    """Find the settings that somebody set in vain, and those that are too small."""
    if settings.branch_key_encrypt and not (settings.cache and "cache" in settings.given):
        for name in sorted(settings.given.intersection(_LIMITS)):
            yield SettingWarning(
                setting=f"WARMKEY_{name.upper()}",
                problem="it limits a cached data key, and under branch keys each message has a data key of its own; "
                "remove it, or set WARMKEY_CACHE=on",
            )
    if settings.cache_capacity < 2:  # noqa: PLR2004 - to encrypt, and to decrypt
        yield SettingWarning(
            setting=_CAPACITY,
            problem=f"it is {settings.cache_capacity}, and a branch key takes two entries, one to encrypt and one to "
            "decrypt; most messages will ask DynamoDB and KMS",
        )


class CapacityWatch:
    """Say once that the cache is too small for the branch keys in use: as many as it holds made room for others."""

    def __init__(self, capacity: int, emit: Emit) -> None:
        self._left = max(capacity, 2)
        self._emit = emit
        self._capacity = capacity

    def __call__(self, event: Event) -> None:
        """Count *event*, if a branch key made room for another entry."""
        if isinstance(event, BranchKeyEviction) and event.reason is EvictionReason.CAPACITY and self._left > 0:
            self._left -= 1
            if self._left == 0:
                problem = (
                    f"{self._capacity} entries are too few for the branch keys in use, so they keep pushing each other "
                    "out; a branch key takes two entries, one to encrypt and one to decrypt"
                )
                self._emit(SettingWarning(setting=_CAPACITY, problem=problem))
