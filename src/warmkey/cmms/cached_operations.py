"""The two operations of a caching CMM: what encrypting and decrypting do differently, side by side.

:class:`warmkey.cmms.caching.CachingCMM` has the steps that both share.

Source: framework/caching-cmm.md#get-encryption-materials, #decrypt-materials
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.caches.entry_content import EntryContent
from warmkey.caches.interface import CacheEntry
from warmkey.cmms.cache_entry_identifier import DecryptIdentifiers, EncryptIdentifiers
from warmkey.cmms.limits import UNLIMITED
from warmkey.events import BypassReason, MissReason, Operation
from warmkey.exceptions import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping

    from warmkey.clock import Instant
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.cmms.limits import Limits, Quota
    from warmkey.hit_counter import HitCounter
    from warmkey.structures import (
        DecryptionMaterials,
        DecryptMaterialsRequest,
        EncryptionContext,
        EncryptionMaterials,
        EncryptionMaterialsRequest,
    )

__all__ = ["CachedDecryption", "CachedEncryption", "CachedOperation", "Fetched"]

_ENCRYPT, _DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
# None: the suite is the underlying CMM's to choose.
_EVERY_SUITE: frozenset[AlgorithmSuite | None] = frozenset({None, *AlgorithmSuite})
_IDENTITY_KDF_SUITES = frozenset(suite for suite in AlgorithmSuite if suite.has_identity_kdf)

_Request_contra = TypeVar("_Request_contra", contravariant=True)
_Materials = TypeVar("_Materials")


class Fetched(NamedTuple):
    """When and how materials were fetched.

    :ivar created: when they were asked for
    :ivar sequence: the number taken then (:func:`warmkey.caches.interface.next_fetch_sequence`)
    :ivar kms_keys: what KMS was asked for
    """

    created: Instant
    sequence: int
    kms_keys: Collection[str]


class CachedOperation(Protocol[_Request_contra, _Materials]):
    """What the caching CMM needs to know of an operation.

    :ivar hits: counts requests that a cached entry served
    :ivar quota: what one data key may be used for
    """

    kind: Operation
    hits: HitCounter
    quota: Quota

    def identifier(self, request: _Request_contra, /) -> bytes | None:
        """Return where in the cache the materials for *request* are, or ``None`` if they can't be cached."""

    def bypass_reason(self, request: _Request_contra, /) -> BypassReason:
        """Return why there is no identifier."""

    def shared_with(self, request: _Request_contra, /) -> Hashable:
        """Return what has to be equal for two requests to share one call."""

    def refusal(self, entry: CacheEntry, request: _Request_contra, /) -> MissReason | None:
        """Return why *entry* can't serve *request* whatever its age and use, or ``None``."""

    def fetch(self, request: _Request_contra, /) -> _Materials:
        """Ask the underlying CMM for materials that may serve other requests too."""

    def pass_on(self, request: _Request_contra, /) -> _Materials:
        """Ask the underlying CMM for materials for *request* alone."""

    def asked_context(self, request: _Request_contra, /) -> Mapping[str, str]:
        """Return the encryption context with which keyrings ask for *request*."""

    def entry(self, request: _Request_contra, materials: _Materials, fetched: Fetched, /) -> CacheEntry:
        """Return an entry of what was fetched for *request*."""


class CachedEncryption:
    """Encrypting: an entry is found by suite and context, and every message uses its data key up."""

    kind = _ENCRYPT

    def __init__(
        self,
        cmm: CryptographicMaterialsManager,
        limits: Limits,
        *,
        partition_id: str,
        hits: HitCounter,
        caching_is_off: bool,
    ) -> None:
        self._cmm = cmm
        self.hits = hits
        self._limits = limits
        self.quota = limits.encryption
        self._most_bytes = limits.encryption.plaintext_bytes
        self._partition_id = partition_id
        self._identifiers = EncryptIdentifiers(partition_id)
        self._never_cached = _EVERY_SUITE if caching_is_off else _IDENTITY_KDF_SUITES

    def identifier(self, request: EncryptionMaterialsRequest, /) -> bytes | None:
        """See :class:`CachedOperation`."""
        suite, length = request.algorithm_suite, request.max_plaintext_length
        if length is None or not 0 <= length <= self._most_bytes or suite in self._never_cached:
            return None
        context: EncryptionContext = request.encryption_context  # type: ignore[assignment]
        return self._identifiers[suite, context.serialized]

    def bypass_reason(self, request: EncryptionMaterialsRequest, /) -> BypassReason:
        """See :class:`CachedOperation`.

        :raises InvalidRequest: the plaintext length is negative
        """
        suite, length = request.algorithm_suite, request.max_plaintext_length
        if suite is not None and suite.has_identity_kdf:
            return BypassReason.IDENTITY_KDF
        if length is None:
            return BypassReason.UNKNOWN_LENGTH
        if length < 0:  # it would give an entry bytes back
            raise InvalidRequest(f"max_plaintext_length is {length}; an int of 0 or more is allowed")
        return BypassReason.OVER_BYTE_LIMIT if length > self._most_bytes else BypassReason.CACHING_OFF

    def shared_with(self, request: EncryptionMaterialsRequest, /) -> Hashable:
        """See :class:`CachedOperation`."""
        return (
            _ENCRYPT,
            request.algorithm_suite,
            self._content(request),
            request.commitment_policy,
            request.required_encryption_context_keys,
        )

    def _content(self, request: EncryptionMaterialsRequest) -> EntryContent:
        context: EncryptionContext = request.encryption_context  # type: ignore[assignment]
        return EntryContent((), context.serialized)

    def refusal(self, entry: CacheEntry, request: EncryptionMaterialsRequest, /) -> MissReason | None:
        """See :class:`CachedOperation`."""
        if entry.materials.algorithm_suite not in request.commitment_policy.encrypt_suites:
            return MissReason.POLICY
        context: EncryptionContext = request.encryption_context  # type: ignore[assignment]
        content, serialized = entry.content, context.serialized
        if content is None or (content.context is not serialized and not content.is_of((), serialized)):
            return MissReason.CONTEXT
        if entry.required_encryption_context_keys != request.required_encryption_context_keys:
            return MissReason.CONTEXT
        return None

    def fetch(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """Ask without the plaintext length: the materials will serve messages of other lengths."""
        return self._cmm.get_encryption_materials(replace(request, max_plaintext_length=None))

    def pass_on(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """See :class:`CachedOperation`."""
        return self._cmm.get_encryption_materials(request)

    def asked_context(self, request: EncryptionMaterialsRequest, /) -> Mapping[str, str]:
        """See :class:`CachedOperation`."""
        return request.encryption_context

    def entry(
        self, request: EncryptionMaterialsRequest, materials: EncryptionMaterials, fetched: Fetched, /
    ) -> CacheEntry:
        """See :class:`CachedOperation`."""
        return CacheEntry(
            materials,
            operation=_ENCRYPT,
            created=fetched.created,
            # spec: framework/caching-cmm.md#cache-limit-ttl e9e4
            time_to_live=self._limits.time_to_live(),
            partition_id=self._partition_id,
            fetch_sequence=fetched.sequence,
            kms_keys=fetched.kms_keys,
            content=self._content(request),
            required_encryption_context_keys=request.required_encryption_context_keys,
        )


class CachedDecryption:
    """Decrypting: an entry is found by suite, encrypted data keys and context; there is no usage limit."""

    kind = _DECRYPT
    quota = UNLIMITED

    def __init__(
        self,
        cmm: CryptographicMaterialsManager,
        limits: Limits,
        *,
        partition_id: str,
        hits: HitCounter,
        caching_is_off: bool,
    ) -> None:
        self._cmm = cmm
        self.hits = hits
        self._limits = limits
        self._partition_id = partition_id
        self._identifiers = DecryptIdentifiers(partition_id)
        self._never_cached = _EVERY_SUITE if caching_is_off else _IDENTITY_KDF_SUITES

    def identifier(self, request: DecryptMaterialsRequest, /) -> bytes | None:
        """See :class:`CachedOperation`."""
        suite = request.algorithm_suite
        if suite in self._never_cached:
            return None
        context: EncryptionContext = request.encryption_context  # type: ignore[assignment]
        return self._identifiers[suite, request.encrypted_data_keys, context.serialized]

    def bypass_reason(self, request: DecryptMaterialsRequest, /) -> BypassReason:
        """See :class:`CachedOperation`."""
        return BypassReason.IDENTITY_KDF if request.algorithm_suite.has_identity_kdf else BypassReason.CACHING_OFF

    def shared_with(self, request: DecryptMaterialsRequest, /) -> Hashable:
        """See :class:`CachedOperation`."""
        return (
            _DECRYPT,
            request.algorithm_suite,
            self._content(request),
            request.commitment_policy,
            request.reproduced_encryption_context,
        )

    def _content(self, request: DecryptMaterialsRequest) -> EntryContent:
        context: EncryptionContext = request.encryption_context  # type: ignore[assignment]
        return EntryContent(request.encrypted_data_keys, context.serialized)

    def refusal(self, entry: CacheEntry, request: DecryptMaterialsRequest, /) -> MissReason | None:
        """See :class:`CachedOperation`."""
        if entry.materials.algorithm_suite not in request.commitment_policy.decrypt_suites:
            return MissReason.POLICY
        context: EncryptionContext = request.encryption_context  # type: ignore[assignment]
        content, keys, serialized = entry.content, request.encrypted_data_keys, context.serialized
        if content is None or (
            (content.keys is not keys or content.context is not serialized) and not content.is_of(keys, serialized)
        ):
            return MissReason.CONTEXT
        stated: EncryptionContext = request.reproduced_encryption_context  # type: ignore[assignment]
        for content in entry.reproduced:
            if content.context is stated.serialized or content.is_of((), stated.serialized):
                return None
        return MissReason.CONTEXT

    def fetch(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """See :class:`CachedOperation`."""
        return self._cmm.decrypt_materials(request)

    pass_on = fetch

    def asked_context(self, request: DecryptMaterialsRequest, /) -> Mapping[str, str]:
        """See :class:`CachedOperation`."""
        return {**request.reproduced_encryption_context, **request.encryption_context}

    def entry(
        self, request: DecryptMaterialsRequest, materials: DecryptionMaterials, fetched: Fetched, /
    ) -> CacheEntry:
        """See :class:`CachedOperation`."""
        stated: EncryptionContext = request.reproduced_encryption_context  # type: ignore[assignment]
        return CacheEntry(
            materials,
            operation=_DECRYPT,
            created=fetched.created,
            # spec: framework/caching-cmm.md#cache-limit-ttl e9e4
            time_to_live=self._limits.time_to_live(),
            partition_id=self._partition_id,
            fetch_sequence=fetched.sequence,
            kms_keys=fetched.kms_keys,
            content=self._content(request),
            reproduced=(EntryContent((), stated.serialized),),
        )
