"""What is not a message at all is told from a message that is damaged."""

from __future__ import annotations

import base64
import gzip
import os

import pytest

import warmkey
from tests.vectors.forge import Forgery
from warmkey.data_format.foreign_bytes import NOT_A_MESSAGE, what_else_it_is, what_else_this_text_is
from warmkey.data_format.message_header import read_header
from warmkey.exceptions import MalformedMessage
from warmkey.keyrings import RawAesKeyring

KMS_BLOB = b"\x01\x02\x02\x00x" + bytes(range(100))
FOREIGN = {
    b'{"note": "hello"}': "JSON",
    b" \n [1, 2]": "JSON",
    b'"a string"': "JSON",
    b"a note": "plain text",
    "Müllers Büro, 12 €".encode(): "plain text",
    b"x" * 255 + "ü".encode(): "plain text",
    KMS_BLOB: "what the KMS operation Encrypt returns",
    base64.b64encode(KMS_BLOB): "the base64 of what the KMS operation Encrypt returns",
}


@pytest.mark.parametrize(("data", "kind"), FOREIGN.items())
def test_what_was_stored_before_encryption_is_called_what_it_looks_like(data: bytes, kind: str) -> None:
    assert what_else_it_is(memoryview(data)) == f"{NOT_A_MESSAGE}; it looks like {kind}"
    with pytest.raises(MalformedMessage, match=f"{NOT_A_MESSAGE}; it looks like {kind}"):
        read_header(data)
    with pytest.raises(MalformedMessage, match=NOT_A_MESSAGE):
        warmkey.Client().decrypt(data, keyring=RawAesKeyring("a", "b", bytes(32)))


@pytest.mark.parametrize("version", [0, 3, 0x7B, 0xFF])
@pytest.mark.parametrize("suite_id", [0x0478, 0x0178])
def test_a_message_whose_first_bytes_are_damaged_may_be_one(version: int, suite_id: int) -> None:
    message = Forgery(suite_id=suite_id).message()
    for damaged in (bytes((version,)) + message[1:], message[:1] + b"\x00" + message[2:], os.urandom(64) + b"\xff\xfe"):
        with pytest.raises(MalformedMessage) as caught:
            read_header(b"\x00" + damaged)
        assert NOT_A_MESSAGE not in str(caught.value)


def test_other_binary_formats_are_not_guessed() -> None:
    assert what_else_it_is(gzip.compress(b"a note")) is None


@pytest.mark.parametrize("data", [b"\x02a note", b"a note\x00", b"\x00\x01", "a note\u200b".encode()], ids=repr)
def test_what_holds_a_character_that_nobody_can_read_is_not_plain_text(data: bytes) -> None:
    assert what_else_it_is(data) is None


@pytest.mark.parametrize("text", ['{"note": "hello"}', "Dear customer, thank you."])
def test_text_that_was_never_encrypted_is_told_from_damaged_base64(text: str) -> None:
    assert NOT_A_MESSAGE in str(what_else_this_text_is(text))
    with pytest.raises(MalformedMessage, match=f"is not the base64 that encrypt_text gives; {NOT_A_MESSAGE}"):
        warmkey.decrypt_text(text)


@pytest.mark.parametrize("text", ["AgR4\nAgR4", "AgR4-_", "AgR4=", "a word", ""])
def test_text_that_may_be_damaged_base64_is_not_called_anything_else(text: str) -> None:
    assert what_else_this_text_is(text) is None
