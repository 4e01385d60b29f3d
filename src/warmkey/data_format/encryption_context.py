"""Read and write the encryption context of a header.

Serializing is a method of the context itself (:attr:`warmkey.structures.EncryptionContext.serialized`).

Source: data-format/message-header.md#aad, framework/structures.md#serialization
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.data_format.reader import in_bytes
from warmkey.exceptions import InvalidRequest
from warmkey.structures import MAX_UINT16, EncryptionContext

if TYPE_CHECKING:
    from warmkey.data_format.reader import Reader

__all__ = ["read_aad", "serialize_aad"]


def serialize_aad(context: EncryptionContext) -> bytes:
    """Return the length and the pairs.

    :raises InvalidRequest: the pairs take more than 65,535 bytes
    """
    length = len(context.serialized)
    if length > MAX_UINT16:
        raise InvalidRequest(f"the encryption context takes {length} bytes in the message; 65535 are allowed")
    # spec: data-format/message-header.md#key-value-pairs-length 7b35
    # spec: data-format/message-header.md#key-value-pairs 3713
    return length.to_bytes(2, "big") + context.serialized


def read_aad(reader: Reader) -> EncryptionContext:
    """Parse the length and the pairs.

    Pairs in another order than the specified one are accepted: clients that sort by UTF-16 wrote such messages, and
    what is authenticated is the header's bytes.

    :raises MalformedMessage: an impossible count or length, a key given twice, text that is not UTF-8
    """
    reader.section = "encryption context"
    length = reader.uint(2, "length")
    # spec: data-format/message-header.md#key-value-pairs-length 7b35
    # spec: data-format/message-header.md#key-value-pairs 3713
    if length == 0:
        return EncryptionContext.of(None)
    stop = reader.offset + length
    if length > reader.left:
        reader.take(length, "pairs")
    count = reader.uint(2, "pair count")
    if count == 0:
        raise reader.malformed("must be greater than 0", "pair count", reader.offset - 2)
    pairs: dict[str, str] = {}
    for number in range(1, count + 1):
        reader.section = f"encryption context › pair {number}"
        start = reader.offset
        if start >= stop:
            raise reader.malformed(f"the {length} bytes of pairs end before it", "key", start)
        key = reader.text("key")
        pairs[key] = reader.text("value")
        if reader.offset > stop:
            raise reader.malformed(f"reaches past the {length} bytes of pairs", "value", start)
        if len(pairs) != number:
            raise reader.malformed("is there twice", "key", start)
    reader.section = "encryption context"
    if reader.offset != stop:
        raise reader.malformed(
            f"{in_bytes(stop - reader.offset)} left over after {count} pair{'' if count == 1 else 's'}", "pairs"
        )
    return EncryptionContext(pairs)  # without remembering: strangers' contexts may be large, and many
