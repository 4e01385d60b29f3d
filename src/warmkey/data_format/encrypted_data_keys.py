"""Read and write the encrypted data keys of a header.

Source: data-format/message-header.md#encrypted-data-keys
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812 - it is a class
from typing import TYPE_CHECKING

from warmkey.exceptions import InvalidRequest, PolicyRefused
from warmkey.structures import MAX_UINT16, EncryptedDataKey, decoded_provider_id, encoded_provider_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.data_format.reader import Reader

__all__ = [
    "check_encrypted_data_key_count",
    "entry_parts",
    "read_encrypted_data_keys",
    "serialize_entry",
    "serialize_keys",
]


_uint16 = Struct(">H").pack
_FIELDS = "key provider ID", "key provider information", "ciphertext"


def serialize_entry(key: EncryptedDataKey) -> bytes:
    """Return one encrypted data key entry, as in the header and in cache entry identifiers.

    :raises InvalidRequest: a field is longer than 65,535 bytes
    """
    return b"".join(entry_parts(key))


def entry_parts(key: EncryptedDataKey) -> tuple[bytes, ...]:
    """Return what an entry is joined from: the length and the bytes of each field.

    :raises InvalidRequest: a field is longer than 65,535 bytes
    """
    provider_id, info, ciphertext = encoded_provider_id(key.key_provider_id), key.key_provider_info, key.ciphertext
    try:
        return (_uint16(len(provider_id)), provider_id, _uint16(len(info)), info, _uint16(len(ciphertext)), ciphertext)
    except StructError:
        lengths = len(provider_id), len(info), len(ciphertext)
    name, length = next(pair for pair in zip(_FIELDS, lengths, strict=True) if pair[1] > MAX_UINT16)
    raise InvalidRequest(f"the {name} of an encrypted data key has {length} bytes; 65535 are allowed")


def serialize_keys(keys: Sequence[EncryptedDataKey]) -> bytes:
    """Return the count and the entries.

    :raises InvalidRequest: no key, or more than 65,535
    """
    # spec: data-format/message-header.md#encrypted-data-key-count c714
    if not 0 < len(keys) <= MAX_UINT16:
        raise InvalidRequest(f"a message carries 1 to 65535 encrypted data keys, not {len(keys)}")
    parts = [_uint16(len(keys))]
    for key in keys:
        parts += entry_parts(key)
    return b"".join(parts)


def read_encrypted_data_keys(reader: Reader, *, maximum: int | None) -> tuple[EncryptedDataKey, ...]:
    """Parse the count and the entries.

    :raises MalformedMessage: the count is 0, or an entry is cut short
    :raises PolicyRefused: more keys than *maximum*, before the first is read
    """
    reader.section = "encrypted data keys"
    count = reader.uint(2, "count")
    # spec: data-format/message-header.md#encrypted-data-key-count c714
    if count == 0:
        raise reader.malformed("must be greater than 0", "count", reader.offset - 2)
    # spec: client-apis/decrypt.md#parse-the-header 7b4e
    check_encrypted_data_key_count(count, maximum=maximum)
    keys = []
    for number in range(1, count + 1):
        reader.section = f"encrypted data key {number}"
        keys.append(
            EncryptedDataKey(
                key_provider_id=decoded_provider_id(reader.sized("key provider ID")),
                key_provider_info=reader.sized("key provider information"),
                ciphertext=reader.sized("ciphertext"),
            )
        )
    reader.section = ""
    return tuple(keys)


def check_encrypted_data_key_count(count: int, *, maximum: int | None) -> None:
    """Refuse more encrypted data keys than the client allows.

    :raises PolicyRefused: *count* is over *maximum*

    Source: client-apis/client.md#maximum-number-of-encrypted-data-keys
    """
    if maximum is not None and count > maximum:
        raise PolicyRefused(
            f"the message has {count} encrypted data keys; max_encrypted_data_keys allows {maximum}. "
            "Each may cost a KMS request: raise the limit only if you know who writes your messages"
        )
