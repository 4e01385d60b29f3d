"""The AWS KMS hierarchical keyring: wraps data keys under branch keys, without a request for each data key.

Source: framework/aws-kms/aws-kms-hierarchical-keyring.md
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warmkey.branch_keys.cached_keys import CachedBranchKeys
from warmkey.branch_keys.names import check_branch_key_id, check_name, new_uuid
from warmkey.branch_keys.wrapping import PROVIDER_ID, RANDOM_LENGTH, InvalidTag, ciphertext_length, version_in
from warmkey.caches.local import LocalCMC
from warmkey.events import guarded, ignore
from warmkey.exceptions import ConfigurationError, InvalidRequest, KeyAttempt, KeyUnavailable, PolicyRefused
from warmkey.keyrings.interface import not_unwrapped, refuse_if_unwrapped
from warmkey.safe_repr import safe_repr
from warmkey.structures import DecryptionMaterials, EncryptedDataKey, EncryptionContext, EncryptionMaterials
from warmkey.tracebacks import scrubbed
from warmkey.validation import choose_one, require_method

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warmkey.branch_keys.interface import BranchKeySource
    from warmkey.caches.interface import CryptographicMaterialsCache
    from warmkey.clock import Clock
    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import Emit, Operation

__all__ = ["AwsKmsHierarchicalKeyring"]

_CAPACITY = 1000
_NAME = "AwsKmsHierarchicalKeyring"


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#interface 6088
@safe_repr
class AwsKmsHierarchicalKeyring:
    """Wraps data keys under the branch key of this keyring, or under the one that a supplier picks.

    :param key_store: finds branch keys, for example a :class:`BranchKeyStore`
    :param branch_key_id: the branch key; this or a supplier
    :param branch_key_id_supplier: takes an encryption context and returns the ID of its branch key
    :param ttl_seconds: how long a cached branch key may be used, from the moment it was requested; int or float over 0.
        After a rotation, messages use the old version for up to this long
    :param ttl_jitter: shortens each entry's life by a random fraction of up to this much, 0.0 to below 1.0, so that a
        fleet's containers don't all renew at once
    :param cache: where branch keys are kept; it may be shared with other keyrings and with caching CMMs. By default a
        :class:`warmkey.LocalCMC` of 1,000 entries, of which a branch key takes up to two
    :param partition_id: keyrings over one cache share entries if theirs and their logical key store names are equal;
        unique by default
    :param remember_failures_seconds: 0 to 1; how long requests for the same branch key version fail with an answer
        "throttled" or "unreachable" of DynamoDB or KMS without asking again
    :param clock: tells the time, to the cache too; tests move it
    :param emit: told what happens to branch keys (:mod:`warmkey.events`); give it to a cache of your own too
    :raises ConfigurationError: an argument can't be used

    Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#initialization
    """

    @scrubbed
    def __init__(  # noqa: PLR0913 - the specification's settings and ours, all by keyword
        self,
        key_store: BranchKeySource,
        *,
        branch_key_id: str | None = None,
        branch_key_id_supplier: Callable[[EncryptionContext], str] | None = None,
        ttl_seconds: float,
        ttl_jitter: float = 0.0,
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#initialization 703a d906
        cache: CryptographicMaterialsCache | None = None,
        partition_id: str | None = None,
        remember_failures_seconds: float = 0.0,
        clock: Clock | None = None,
        emit: Emit = ignore,
    ) -> None:
        for method in ("get_active_branch_key", "get_branch_key_version", "get_key_store_info"):
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#initialization 503d
            require_method("key_store", key_store, method)
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#initialization 1da4
        if (branch_key_id is None) == (branch_key_id_supplier is None):
            both = branch_key_id is not None
            raise ConfigurationError(choose_one("branch_key_id", "branch_key_id_supplier", both=both))
        if branch_key_id_supplier is not None:
            require_method("branch_key_id_supplier", branch_key_id_supplier, "__call__")
        require_method("emit", emit, "__call__")
        if clock is not None:
            require_method("clock", clock, "now")
        if cache is not None:
            require_method("cache", cache, "get_cache_entry", "put_cache_entry")
        self._branch_key_id = None if branch_key_id is None else _configured_id(branch_key_id)
        self._supplier = branch_key_id_supplier
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#partition-id 6b7b
        partition = new_uuid() if partition_id is None else check_name("partition_id", partition_id)
        emit = guarded(emit)
        self._keys = CachedBranchKeys(
            key_store=key_store,
            logical_key_store_name=check_name(
                "logical_key_store_name", key_store.get_key_store_info().logical_key_store_name
            ),
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#initialization 8d8c 6d8c 6737 062d
            cache=LocalCMC(_CAPACITY, clock=clock, emit=emit) if cache is None else cache,
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#partition-id abe9 6b7b
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#partition-id-1 1f4b 5a89
            partition_id=partition.encode() if isinstance(partition, str) else partition.bytes,
            partition_name=str(partition),
            ttl_seconds=ttl_seconds,
            ttl_jitter=ttl_jitter,
            remember_failures_seconds=remember_failures_seconds,
            clock=clock,
            emit=emit,
        )
        self._partition_id = str(partition)
        self._key_store = key_store

    def __repr__(self) -> str:
        return f"{_NAME}({self._key_store!r}, {self._branch_key_id or 'branch_key_id_supplier=...'!r})"

    # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#partition-id 674b
    @property
    def partition_id(self) -> str:
        """The partition ID; it never changes. What a purge of the cache takes to forget these branch keys.

        Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#partition-id
        """
        return self._partition_id

    def statistics(self, operation: Operation) -> OperationStatistics:
        """Return how the requests for branch keys ended so far: to encrypt under, or to decrypt with."""
        return self._keys.statistics(operation)

    def purge(self) -> int:
        """Forget the branch keys of this partition, and those being requested; return how many entries there were.

        A cache that has no purge keeps them.
        """
        return self._keys.purge()

    # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 5350
    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate a data key, unless there is one, and wrap it under the active version of the branch key.

        :raises KeyUnavailable: the branch key can't be had, or the supplier names none
        :raises PolicyRefused: so the supplier says: the context lacks what names the branch key

        Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt
        """
        context: EncryptionContext = materials.encryption_context  # type: ignore[assignment]  # the materials made it one
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 2f9d
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping 6e64
        cipher = self._keys.active(self._branch_key_id or self._supplied_id(context))
        data_key = materials.plaintext_data_key
        if data_key is None:
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 0b9d 08a0
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping 14ff
            drawn = os.urandom(RANDOM_LENGTH + materials.algorithm_suite.data_key_length)
            random, data_key = drawn[:RANDOM_LENGTH], drawn[RANDOM_LENGTH:]
        else:
            random = os.urandom(RANDOM_LENGTH)
        wrapped = EncryptedDataKey(
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 0e99
            key_provider_id=PROVIDER_ID,
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 106f
            key_provider_info=cipher.provider_info,
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 3b38 bc4e
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping 4444
            ciphertext=cipher.wrap(data_key, random, context.serialized),
        )
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt fbd2
        return materials.with_data_key(data_key, wrapped)

    # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt bf25
    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap the first encrypted data key that is wrapped under this branch key and authentic.

        :raises KeyUnavailable: there is none; ``attempts`` says why not for each that was tried

        Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt
        """
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt a74a
        refuse_if_unwrapped(materials)
        context: EncryptionContext = materials.encryption_context  # type: ignore[assignment]  # the materials made it one
        attempts: list[KeyAttempt] = []
        branch_key_id, provider_info = None, b""
        for key in encrypted_data_keys:
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt a3ad 911a
            if key.key_provider_id != PROVIDER_ID:
                continue
            if branch_key_id is None:  # a message without any needs no supplier
                branch_key_id = self._branch_key_id or self._id_of_stored(context)
                provider_info = branch_key_id.encode()
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt a3ad c679 9810
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt 1f6d
            if key.key_provider_info != provider_info:
                continue
            try:
                # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt dbcb
                data_key = self._unwrap(key.ciphertext, branch_key_id, materials, context)
            except KeyUnavailable as error:
                # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt 9e2b
                attempts += error.attempts or [_attempt(branch_key_id, str(error))]
                continue
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt b0e6
            return materials.with_data_key(data_key)
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt 4b5f
        raise not_unwrapped(f"no encrypted data key could be unwrapped with {self!r}", attempts, encrypted_data_keys)

    def _unwrap(
        self, ciphertext: bytes, branch_key_id: str, materials: DecryptionMaterials, context: EncryptionContext
    ) -> bytes:
        needed = ciphertext_length(materials.algorithm_suite.data_key_length)
        if len(ciphertext) != needed:
            raise _failed(branch_key_id, f"a wrapped data key must have {needed} bytes here, not {len(ciphertext)}")
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt 1f6d
        cipher = self._keys.version(branch_key_id, version_in(ciphertext))
        try:
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt 6d9e
            return cipher.unwrap(ciphertext, context.serialized)
        except InvalidTag:
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-unwrapping 52df
            raise _failed(
                branch_key_id, f"it does not authenticate under version {cipher.version} and this encryption context"
            ) from None

    def _id_of_stored(self, context: EncryptionContext) -> str:
        """Return the ID for the context of a message: another keyring may know what to do with one that has none."""
        try:
            return self._supplied_id(context)
        except PolicyRefused as error:
            reason = str(error)
        raise KeyUnavailable("there is no branch key for this encryption context", [_no_id(reason, None)])

    def _supplied_id(self, context: EncryptionContext) -> str:
        """Return the ID that the supplier picks for *context*.

        Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-supplier
        """
        supplier: Callable[[EncryptionContext], object] = self._supplier  # type: ignore[assignment]
        try:
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-supplier 8630
            return check_branch_key_id(supplier(context))
        except (KeyUnavailable, PolicyRefused):  # it says itself what is missing
            raise
        except InvalidRequest as error:
            reason, cause = f"branch_key_id_supplier returned something else: {error}", None
        except Exception as error:  # noqa: BLE001 - whatever it raises
            reason, cause = f"branch_key_id_supplier raised {type(error).__name__}", error
        raise KeyUnavailable("there is no branch key for this encryption context", [_no_id(reason, cause)]) from cause


def _configured_id(branch_key_id: object) -> str:
    try:
        return check_branch_key_id(branch_key_id)
    except InvalidRequest as error:
        raise ConfigurationError(str(error)) from None


def _attempt(branch_key_id: str, reason: str) -> KeyAttempt:
    return KeyAttempt(keyring=_NAME, operation="unwrap", key=repr(branch_key_id), reason=reason)


def _failed(branch_key_id: str, reason: str) -> KeyUnavailable:
    return KeyUnavailable("an encrypted data key can't be used", [_attempt(branch_key_id, reason)])


def _no_id(reason: str, cause: Exception | None) -> KeyAttempt:
    return KeyAttempt(
        keyring=_NAME,
        operation="branch_key_id_supplier",
        key="(none)",
        reason=reason,
        remedy="pass an encryption context that the supplier knows, or mend the supplier",
        cause=cause,
    )
