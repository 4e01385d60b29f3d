"""Read and write the message footer: the signature, where the suite has one.

Source: data-format/message-footer.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.data_format.reader import following

if TYPE_CHECKING:
    from warmkey.data_format.reader import Reader

__all__ = ["read_end", "read_footer", "serialize_footer"]


def serialize_footer(signature: bytes) -> bytes:
    """Return the length and the DER signature."""
    # spec: client-apis/encrypt.md#construct-the-signature f2f9 0b73
    return len(signature).to_bytes(2, "big") + signature


def read_footer(reader: Reader) -> bytes:
    """Parse the signature.

    :raises MalformedMessage: cut short
    """
    reader.section = "footer"
    return reader.sized("signature")


def read_end(reader: Reader) -> None:
    """Check that nothing follows the message.

    :raises MalformedMessage: something does

    Source: client-apis/decrypt.md#behavior
    """
    reader.section = ""
    # spec: client-apis/decrypt.md#behavior d2b0
    if reader.left:
        raise reader.malformed(f"{following(reader.left)} the end of the message", "message")
