"""Make what is authenticated beside the content of a frame or of a non-framed body.

Source: data-format/message-body-aad.md
"""

from __future__ import annotations

__all__ = ["FINAL_FRAME", "REGULAR_FRAME", "SINGLE_BLOCK", "message_body_aad", "regular_frame_aad"]

# spec: data-format/message-body-aad.md#body-aad-content e68c
SINGLE_BLOCK = b"AWSKMSEncryptionClient Single Block"
# spec: data-format/message-body-aad.md#body-aad-content f61d
REGULAR_FRAME = b"AWSKMSEncryptionClient Frame"
# spec: data-format/message-body-aad.md#body-aad-content 61bd
FINAL_FRAME = b"AWSKMSEncryptionClient Final Frame"


def message_body_aad(message_id: bytes, content: bytes, sequence_number: bytes, length: int) -> bytes:
    """Return the body AAD; *content* is one of the constants above, *length* the plaintext's in bytes."""
    return message_id + content + sequence_number + length.to_bytes(8, "big")


def regular_frame_aad(message_id: bytes, frame_length: int) -> tuple[bytes, bytes]:
    """Return what precedes and what follows the sequence number in the body AAD of every regular frame."""
    # spec: data-format/message-body-aad.md#content-length c1b1 962a
    return message_id + REGULAR_FRAME, frame_length.to_bytes(8, "big")
