"""The message header, version 1.0 and 2.0."""

# Source: data-format/message-header.md

from __future__ import annotations

import base64
import tracemalloc

import pytest

from tests.vectors.forge import SUITES, Forgery, sized
from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.data_format.message_header import (
    HEADER_IV,
    ContentType,
    read_header,
    serialize_header_parts,
)
from warmkey.exceptions import MalformedMessage, PolicyRefused

EVERY_SUITE = pytest.mark.parametrize("suite_id", SUITES, ids=hex)
V1, V2 = 0x0178, 0x0478
PAIRS = [(b"a", b"1"), (b"b", b"2")]


def offset_of(forgery: Forgery, name: str) -> int:
    """Where the field *name* starts."""
    fields = forgery.header_fields()
    names = [field for field, _value in fields]
    return sum(len(value) for _name, value in fields[: names.index(name)])


def failure(message: bytes) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        read_header(message)
    return caught.value


# spec: data-format/message-header.md#structure 862b
# spec: data-format/message-header.md#algorithm-suite-data 930d
@EVERY_SUITE
def test_every_field_is_read(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id, pairs=PAIRS, frame_length=77)
    message = forgery.message(b"plaintext")

    header = read_header(message)

    suite = AlgorithmSuite(suite_id)
    body = b"".join(value for _name, value in forgery.header_fields())
    assert header.algorithm_suite is suite
    assert header.version == SUITES[suite_id].version
    assert header.message_id == forgery.message_id
    assert [(key.encode(), value.encode()) for key, value in header.encryption_context.items()] == forgery.pairs
    assert len(header.encrypted_data_keys) == 1
    assert header.content_type is ContentType.FRAMED
    assert header.frame_length == 77
    assert header.algorithm_suite_data == forgery.secrets[1]
    assert header.iv == HEADER_IV
    assert header.body_length == len(body)
    assert header.length == len(forgery.header())
    assert header.authentication_tag == message[header.length - 16 : header.length]


# spec: data-format/message-header.md#header-body-version-10 aec4
# spec: data-format/message-header.md#header-body-version-20 1893
@EVERY_SUITE
def test_what_parses_serializes_to_the_same_bytes(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id, pairs=PAIRS)
    message = forgery.message()
    header = read_header(message)

    before_id, after_id = serialize_header_parts(
        header.algorithm_suite, header.encryption_context, header.encrypted_data_keys, frame_length=forgery.frame_length
    )

    assert message[: header.body_length] == before_id + header.message_id + after_id + header.algorithm_suite_data


@EVERY_SUITE
def test_a_header_cut_anywhere_is_truncated_and_says_how_many_bytes_it_needs(suite_id: int) -> None:
    header = Forgery(suite_id=suite_id, pairs=PAIRS).header()

    for length in range(1, len(header)):
        error = failure(header[:length])
        assert error.truncated
        assert 0 <= error.offset <= length
        assert "left" in str(error)


def test_a_version_1_header_may_have_any_iv() -> None:
    """Early clients drew it at random; the tag is verified with the one that is stored."""
    iv = bytes(range(12))

    assert read_header(Forgery(suite_id=V1, header_iv=iv).message()).iv == iv


# spec: data-format/message-header.md#version-1 1164
@pytest.mark.parametrize("version", [0, 3, 0x7F, 0x80, 0xFF])
def test_an_unknown_version_is_malformed(version: int) -> None:
    error = failure(bytes((version,)) + Forgery().message()[1:])

    assert str(error) == f"version at byte 0: {version} is unknown; 1 and 2 are known"


@EVERY_SUITE
# spec: client-apis/decrypt.md#encrypted-message-format 35c5
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_the_base64_text_of_a_message_gets_an_error_that_says_so(suite_id: int, encode: object) -> None:
    text = encode(Forgery(suite_id=suite_id).message())  # type: ignore[operator]

    assert str(failure(text)) == "version at byte 0: this is the base64 text of a message; decode it first"


@pytest.mark.parametrize("text", [b"AY", b"AYE=", b"ABCD", b"A", b"{", b"hello world"])
def test_other_text_is_not_mistaken_for_base64_of_a_message(text: bytes) -> None:
    assert "base64" not in str(failure(text))


# Source: data-format/message-header.md#supported-types
# spec: data-format/message-header.md#type 5a48
@pytest.mark.parametrize("kind", [0, 0x7F, 0x81, 0xFF])
def test_a_version_1_message_of_another_type_is_malformed(kind: int) -> None:
    error = failure(Forgery(suite_id=V1, fields={"type": bytes((kind,))}).message())

    assert str(error) == f"type at byte 1: must be 0x80, is 0x{kind:02x}"


# spec: client-apis/decrypt.md#algorithm-suite 4d6f
# spec: client-apis/decrypt.md#get-the-decryption-materials 8442
# spec: data-format/message-header.md#algorithm-suite-id 790e 4d6f
def test_every_other_suite_id_is_malformed_and_named() -> None:
    message = Forgery(suite_id=V2).message()
    for suite_id in {0, 1, 0x0578 + 1, 0x0677, 0xFFFF} | {known ^ 0x8000 for known in SUITES}:
        error = failure(message[:1] + suite_id.to_bytes(2, "big") + message[3:])
        assert str(error) == f"algorithm suite ID at byte 1: 0x{suite_id:04x} is unknown"


# spec: data-format/message-header.md#header-body-version-10 aec4
# spec: data-format/message-header.md#header-body-version-20 1893
@EVERY_SUITE
def test_a_suite_of_the_other_message_version_is_malformed(suite_id: int) -> None:
    other = 3 - SUITES[suite_id].version
    suite = suite_id.to_bytes(2, "big")
    prefix = b"\x01\x80" if other == 1 else b"\x02"

    error = failure(prefix + suite + bytes(200))

    expected = f"0x{suite_id:04x} does not belong in a message of version {other}"
    assert str(error) == f"algorithm suite ID at byte {len(prefix)}: {expected}"


# Source: data-format/message-header.md#supported-content-types
# spec: data-format/message-header.md#content-type ebdf
@pytest.mark.parametrize("value", [0, 3, 0x80, 0xFF])
@pytest.mark.parametrize("suite_id", [V1, V2])
def test_an_unknown_content_type_is_malformed(suite_id: int, value: int) -> None:
    forgery = Forgery(suite_id=suite_id, fields={"content type": bytes((value,))})

    error = failure(forgery.message())

    assert str(error) == f"content type at byte {offset_of(forgery, 'content type')}: {value} is unknown"


# spec: data-format/message-header.md#reserved e4d9
def test_reserved_bytes_must_be_zero() -> None:
    forgery = Forgery(suite_id=V1, fields={"reserved": b"\x00\x00\x00\x01"})

    error = failure(forgery.message())

    assert str(error) == f"reserved at byte {offset_of(forgery, 'reserved')}: must be 0x00000000, is 0x00000001"


# spec: data-format/message-header.md#iv-length acfb
@pytest.mark.parametrize("length", [0, 11, 13, 255])
def test_the_iv_length_must_be_the_suites(length: int) -> None:
    forgery = Forgery(suite_id=V1, fields={"IV length": bytes((length,))})

    error = failure(forgery.message())

    assert str(error) == f"IV length at byte {offset_of(forgery, 'IV length')}: must be 0x0c, is 0x{length:02x}"


@pytest.mark.parametrize("suite_id", [V1, V2])
def test_framed_content_needs_a_frame_length(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id, fields={"frame length": bytes(4)})

    error = failure(forgery.header())

    assert (
        str(error) == f"frame length at byte {offset_of(forgery, 'frame length')}: 0 is impossible with framed content"
    )


# spec: data-format/message-header.md#frame-length a69a
@pytest.mark.parametrize("suite_id", [V1, V2])
def test_non_framed_content_has_none(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id, framed=False, fields={"frame length": b"\x00\x00\x10\x00"})

    error = failure(forgery.header())

    assert error.problem == "4096 is impossible with non-framed content"
    assert error.offset == offset_of(forgery, "frame length")


@pytest.mark.parametrize("frame_length", [1, 2**32 - 1])
def test_the_frame_length_may_be_anything_from_1_to_its_four_bytes(frame_length: int) -> None:
    assert read_header(Forgery(frame_length=frame_length).header()).frame_length == frame_length


@pytest.mark.parametrize(("maximum", "accepted"), [(1, False), (2, False), (3, True), (None, True)])
def test_more_encrypted_data_keys_than_allowed_are_refused(maximum: int | None, accepted: bool) -> None:
    message = Forgery(keys=[sized(b"p") + sized(b"i") + sized(b"c")] * 3).message()

    if accepted:
        assert len(read_header(message, maximum_keys=maximum).encrypted_data_keys) == 3
    else:
        with pytest.raises(PolicyRefused, match=f"has 3 encrypted data keys; max_encrypted_data_keys allows {maximum}"):
            read_header(message, maximum_keys=maximum)


def test_the_limit_is_enforced_before_the_first_key_is_read() -> None:
    forgery = Forgery()
    message = forgery.message()
    cut = offset_of(forgery, "key count")

    with pytest.raises(PolicyRefused):
        read_header(message[:cut] + b"\xff\xff", maximum_keys=65_534)


def test_a_claim_of_65535_keys_or_bytes_takes_no_memory_before_it_is_met() -> None:
    message = Forgery().message()[: offset_of(Forgery(), "key count")] + b"\xff\xff\xff\xff"
    failure(message)  # whatever is allocated once only

    tracemalloc.start()
    failure(message)
    _current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20_000


def test_repr_shows_nothing_of_context_and_encrypted_data_keys() -> None:
    key = sized(b"whale-provider") + sized(b"whale-information") + sized(b"whale-ciphertext")
    text = repr(read_header(Forgery(pairs=[(b"whale", b"blue-whale")], keys=[key]).message()))

    assert "whale" not in text
    assert "frame_length=" in text
