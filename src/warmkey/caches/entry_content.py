"""What a cache entry identifier is a digest of, kept with the entry to be compared with.

The specification's identifier of a decrypt request digests ``sorted keys ‖ 00 ‖ context`` without saying where the keys
end, and a context of hundreds of pairs can be cut so that its beginning reads as one more key. Two messages of one
identifier are then possible, of which the key service would allow only the first. So an entry is never trusted because
its identifier fits: what was digested has to be equal too.

It is kept as it is up to :data:`MAX_ENTRY_BYTES` and :data:`MAX_ENTRY_KEYS` for each entry, and up to
:data:`MAX_CACHE_BYTES` for all entries of a local cache together. What is larger is kept as its SHA-384 over an
injective encoding, in which every part is preceded by its length; comparing then takes that digest of the request.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from warmkey.structures import encoded_provider_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.structures import EncryptedDataKey

__all__ = ["MAX_CACHE_BYTES", "MAX_ENTRY_BYTES", "MAX_ENTRY_KEYS", "EntryContent"]

# Of a message, in one entry: bytes of context and encrypted data keys together, and number of encrypted data keys.
MAX_ENTRY_BYTES = 4096
MAX_ENTRY_KEYS = 16
# Of messages, in all entries of one local cache together. Past it, new entries keep digests.
MAX_CACHE_BYTES = 2**21


class EntryContent:
    """Encrypted data keys and serialized encryption context of one request, or their digest. Hashable.

    :param keys: none for a request to encrypt
    :param context: the encryption context, serialized
    :ivar keys: ``None`` if only the digest is kept, and so is ``context``
    :ivar size: how many bytes of them are kept; 0 for a digest
    """

    __slots__ = ("_hash", "context", "digest", "keys", "size")

    def __init__(self, keys: Sequence[EncryptedDataKey], context: bytes) -> None:
        self.keys: Sequence[EncryptedDataKey] | None = keys
        self.context: bytes | None = context
        self.digest: bytes | None = None
        self.size = len(context) + sum(map(_size, keys))
        if self.size > MAX_ENTRY_BYTES or len(keys) > MAX_ENTRY_KEYS:
            self.keep_digest_only()

    def keep_digest_only(self) -> None:
        """Let go of keys and context."""
        if self.keys is not None and self.context is not None:
            self._hash = hash(self)
            self.digest = _digest(self.keys, self.context)
            self.keys, self.context, self.size = None, None, 0

    def is_of(self, keys: Sequence[EncryptedDataKey], context: bytes) -> bool:
        """Return whether *keys*, in any order, and *context* are what this was made of."""
        if self.keys is None:
            return self.digest == _digest(keys, context)
        if self.context != context:
            return False
        if self.keys == keys:
            self.keys = keys  # the next message's are often these very ones, which takes a look
            return True
        return _sorted(self.keys) == _sorted(keys)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EntryContent):
            return NotImplemented
        if self.keys is None or self.context is None:
            return self.digest == other._digested()
        return other.is_of(self.keys, self.context)

    def __hash__(self) -> int:
        """Hash the same before and after :meth:`keep_digest_only`, since both are equal."""
        if self.keys is None or self.context is None:
            return self._hash
        return hash((*_sorted(self.keys), self.context))

    def _digested(self) -> bytes | None:
        if self.keys is None or self.context is None:
            return self.digest
        return _digest(self.keys, self.context)


def _size(key: EncryptedDataKey) -> int:
    return len(key.key_provider_id) + len(key.key_provider_info) + len(key.ciphertext)


def _sorted(keys: Sequence[EncryptedDataKey]) -> list[tuple[str, bytes, bytes]]:
    # The fields themselves and no copies: a stranger's header may have hundreds of megabytes.
    return sorted((key.key_provider_id, key.key_provider_info, key.ciphertext) for key in keys)


def _digest(keys: Sequence[EncryptedDataKey], context: bytes) -> bytes:
    digest = hashlib.sha384(len(keys).to_bytes(8, "big"))
    for provider_id, *others in _sorted(keys):
        for part in (encoded_provider_id(provider_id), *others):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    digest.update(context)
    return digest.digest()
