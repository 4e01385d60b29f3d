"""Hold encrypted data keys.

Source: framework/structures.md#encrypted-data-key
"""

from __future__ import annotations

from warmkey.records import Record
from warmkey.safe_repr import safe_repr

__all__ = ["EncryptedDataKey", "VerifiedKeys", "decoded_provider_id", "encoded_provider_id"]

# A key provider ID is text. Bytes that are not are somebody else's, whose keys are passed over: they are kept as lone
# surrogates, which no keyring is named by, and serialized as they were.
_NOT_UTF_8 = "surrogateescape"
_set = object.__setattr__


def decoded_provider_id(data: bytes) -> str:
    """Return the key provider ID that *data* of a header is."""
    return data.decode(errors=_NOT_UTF_8)


def encoded_provider_id(provider_id: str) -> bytes:
    """Return the bytes of *provider_id* as the header has them."""
    # spec: framework/keyring-interface.md#key-provider-id 204d
    return provider_id.encode(errors=_NOT_UTF_8)


@safe_repr
class EncryptedDataKey(Record):
    """Holds a data key as one wrapping key encrypted it.

    Source: framework/structures.md#encrypted-data-key
    """

    key_provider_id: str
    key_provider_info: bytes
    ciphertext: bytes

    # By hand, because there is one for each message without a cache, and each decrypt hit hashes those of its message.
    def __init__(self, *, key_provider_id: str, key_provider_info: bytes, ciphertext: bytes) -> None:
        _set(self, "key_provider_id", key_provider_id)
        _set(self, "key_provider_info", key_provider_info)
        _set(self, "ciphertext", ciphertext)

    def __eq__(self, other: object) -> bool:
        if type(other) is not EncryptedDataKey:
            return NotImplemented
        return (
            self.ciphertext == other.ciphertext
            and self.key_provider_info == other.key_provider_info
            and self.key_provider_id == other.key_provider_id
        )

    def __hash__(self) -> int:
        return hash((self.key_provider_id, self.key_provider_info, self.ciphertext))


class VerifiedKeys(tuple[EncryptedDataKey, ...]):
    """Holds the encrypted data keys of a verified message, as the header cache returns them for later messages.

    Equal to any other tuple of the same keys. What is worked out from them may be remembered: whoever wrote them has
    the data key. What a stranger's message holds must leave nothing behind, so it comes as a plain tuple.
    """

    __slots__ = ()
