"""What is authenticated with each frame."""

# Source: data-format/message-body-aad.md

from __future__ import annotations

import pytest

from warmkey.data_format.message_body_aad import FINAL_FRAME, REGULAR_FRAME, SINGLE_BLOCK, message_body_aad


# spec: data-format/message-body-aad.md#body-aad-content e68c f61d 61bd
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (SINGLE_BLOCK, b"AWSKMSEncryptionClient Single Block"),
        (REGULAR_FRAME, b"AWSKMSEncryptionClient Frame"),
        (FINAL_FRAME, b"AWSKMSEncryptionClient Final Frame"),
    ],
)
def test_it_is_message_id_kind_number_and_length_in_that_order(content: bytes, text: bytes) -> None:
    aad = message_body_aad(b"message-id", content, b"\x00\x00\x00\x07", 0x0102)

    assert aad == b"message-id" + text + b"\x00\x00\x00\x07" + b"\x00\x00\x00\x00\x00\x00\x01\x02"
