"""Decrypting a stream: what is released was verified, and memory follows what was read."""

from __future__ import annotations

import io
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.client_apis.sources import (
    CLIENT,
    KEYRING,
    MEGABYTE,
    SIGNED,
    UNSIGNED,
    Counted,
    Pieces,
    measured_memory,
    message_of,
    plaintext_of,
    released_before_failure,
)
from tests.vectors.forge import KEY_NAME, NAMESPACE, SUITES, Forgery
from warmkey import (
    AlgorithmSuite,
    AuthenticationFailed,
    CachingCMM,
    Client,
    DefaultCMM,
    EncryptedDataKey,
    InvalidRequest,
    KeyUnavailable,
    LocalCMC,
    MalformedMessage,
    PolicyRefused,
    WarmkeyError,
)
from warmkey.client_apis.buffered_source import BATCH_LENGTH, HEADER_GUESS
from warmkey.client_apis.decrypt_stream import DEFAULT_MAX_BODY_LENGTH
from warmkey.data_format.encrypted_data_keys import serialize_entry
from warmkey.data_format.message_body import REGULAR_FRAME_OVERHEAD
from warmkey.data_format.message_header import read_header
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey import DecryptionMaterials
    from warmkey.client_apis.decrypt_stream import DecryptStream

PLAINTEXT = plaintext_of(100)


class Unreachable:
    """A keyring that must not be asked."""

    def on_encrypt(self, materials: Any, /) -> Any:
        raise AssertionError

    def on_decrypt(self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /) -> Any:
        raise AssertionError


def stream_of(source: Any, **arguments: Any) -> DecryptStream:
    return CLIENT.decrypt_stream(source, **{"keyring": KEYRING, **arguments})


# ------------------------------------------------------------------------------------------------------ what is read


# spec: client-apis/decrypt.md#encrypted-message e20d
# spec: client-apis/decrypt.md#plaintext fcce
# spec: client-apis/decrypt.md#parse-the-header 6cd5
# spec: client-apis/decrypt.md#decrypt-the-message-body ffcc 6400 8bfd
# spec: client-apis/decrypt.md#verify-the-signature 5f9e
# spec: client-apis/decrypt.md#verify-the-header cb22
# spec: client-apis/decrypt.md#verify-the-signature 5f42
# spec: client-apis/decrypt.md#decrypt-the-message-body 90ee 4c34 6ec2
# spec: client-apis/decrypt.md#parse-the-header 2315 ecad
@pytest.mark.parametrize("suite_id", SUITES)
@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 100])
def test_every_suite_and_content_type(suite_id: int, framed: bool, length: int) -> None:
    message = message_of(plaintext_of(length), suite_id, framed=framed, pairs=[(b"a", b"b")])
    with stream_of(Pieces(message, (1, 2, 100))) as stream:
        assert stream.read() == plaintext_of(length)

    assert stream.algorithm_suite is AlgorithmSuite(suite_id)
    assert stream.encryption_context["a"] == "b"
    assert stream.header == CLIENT.decrypt(message, keyring=KEYRING).header


def test_frames_of_a_batch_and_of_many() -> None:
    plaintext = plaintext_of(3 * BATCH_LENGTH + 5)

    for frame_length in (1000, 4096, BATCH_LENGTH - 32, BATCH_LENGTH, 2 * BATCH_LENGTH):
        message = message_of(plaintext, frame_length=frame_length)
        assert stream_of(io.BytesIO(message)).read() == plaintext
        assert stream_of(Pieces(message, (7777,))).read() == plaintext


def test_a_single_frame_of_one_byte_that_came_with_a_header_as_long_as_the_first_read() -> None:
    """A batch of one byte, before there was any longer one."""
    shortest = read_header(message_of(b"", pairs=[(b"pad", b"")])).length
    pad = b"x" * (HEADER_GUESS - shortest - 1 - REGULAR_FRAME_OVERHEAD)
    message = message_of(b"ab", frame_length=1, pairs=[(b"pad", pad)])

    assert stream_of(Pieces(message)).read() == b"ab"


def test_an_empty_final_frame() -> None:
    """Other clients write one after a plaintext of whole frames."""
    for suite_id in (UNSIGNED, SIGNED):
        forgery = Forgery(suite_id=suite_id)
        message = forgery.message(body=forgery.frame(bytes(16), 1) + forgery.final_frame(b"", 2))
        assert stream_of(io.BytesIO(message)).read() == bytes(16)


def test_frame_ivs_need_not_be_the_sequence_number() -> None:
    """Early clients drew them at random."""
    forgery = Forgery()
    frames = [forgery.frame(bytes(16), number, iv=bytes((number,)) * 12) for number in (1, 2)]
    message = forgery.message(body=b"".join([*frames, forgery.final_frame(b"end", 3, iv=b"\x99" * 12)]))

    assert stream_of(io.BytesIO(message)).read() == bytes(32) + b"end"


# spec: client-apis/decrypt.md#decrypt-the-message-body 070d 7bd8
def test_frames_are_released_as_they_come() -> None:
    """A slow source does not have to fill a batch first."""
    message = message_of(plaintext_of(10_000), frame_length=100)
    source = Pieces(message, (10,))
    stream = stream_of(source)
    stream.read(5000)

    assert source.position < len(message) * 0.6


# spec: client-apis/decrypt.md#verify-the-header c0cf
def test_facts_are_there_before_the_body() -> None:
    header_only = message_of(PLAINTEXT)[:-200]
    stream = stream_of(io.BytesIO(header_only), encryption_context={})

    assert stream.header.frame_length == 16
    with pytest.raises(MalformedMessage):
        stream.read()


# spec: client-apis/decrypt.md#parse-the-header 2186
def test_no_fact_of_a_header_that_is_not_authentic() -> None:
    message = bytearray(message_of(PLAINTEXT, pairs=[(b"key", b"value")]))
    message[message.index(b"value")] ^= 1

    with pytest.raises(WarmkeyError):
        _ = stream_of(bytes(message)).encryption_context


def test_context_is_insisted_on() -> None:
    message = message_of(PLAINTEXT, pairs=[(b"tenant", b"a")], only_authenticated=[(b"purpose", b"test")])

    supplied = {"tenant": "a", "purpose": "test"}
    stream = stream_of(message, encryption_context=supplied)
    assert (stream.read(), stream.encryption_context) == (PLAINTEXT, supplied)
    with pytest.raises(PolicyRefused, match="tenant"):
        stream_of(message, encryption_context={"tenant": "b", "purpose": "test"}).read()
    with pytest.raises((AuthenticationFailed, KeyUnavailable)):
        stream_of(message).read()


def test_data_keys_come_from_the_cache() -> None:
    """The keyring is asked once for messages of one data key."""
    asked = []

    class Asked(RawAesKeyring):
        def on_decrypt(
            self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
        ) -> DecryptionMaterials:
            asked.append(encrypted_data_keys)
            return super().on_decrypt(materials, encrypted_data_keys)

    cmm = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=Asked(NAMESPACE, KEY_NAME, bytes(range(32))))
    message = message_of(PLAINTEXT)
    for _ in range(3):
        assert CLIENT.decrypt_stream(message, cmm=cmm).read() == PLAINTEXT

    assert len(asked) == 1


# --------------------------------------------------------------------------------------------------- what is refused


# spec: client-apis/decrypt.md#behavior cb86
def test_signed_messages_can_be_refused_before_any_key_is_asked_for() -> None:
    stream = stream_of(message_of(PLAINTEXT, SIGNED), keyring=Unreachable(), unsigned_only=True)

    with pytest.raises(PolicyRefused, match="unsigned_only"):
        stream.read()
    assert stream_of(message_of(PLAINTEXT), unsigned_only=True).read() == PLAINTEXT


# spec: client-apis/decrypt.md#parse-the-header 7b4e
def test_too_many_encrypted_data_keys_are_refused_as_soon_as_they_are_counted() -> None:
    """However many bytes of them would follow."""
    message = message_of(PLAINTEXT, fields={"key count": b"\xff\xff"})
    source = Counted(message[:60])
    stream = Client(max_encrypted_data_keys=3).decrypt_stream(source, keyring=Unreachable())

    with pytest.raises(PolicyRefused, match="65535 encrypted data keys"):
        stream.read()
    assert source.count <= 2 * BATCH_LENGTH


def test_the_commitment_policy_holds() -> None:
    with pytest.raises(PolicyRefused, match="key commitment"):
        Client().decrypt_stream(message_of(PLAINTEXT, 0x0178), cmm=DefaultCMM(Unreachable())).read()


# spec: client-apis/decrypt.md#behavior d2b0
@pytest.mark.parametrize("suite_id", [UNSIGNED, SIGNED])
@pytest.mark.parametrize("framed", [True, False])
def test_nothing_may_follow_the_message(suite_id: int, framed: bool) -> None:
    message = message_of(PLAINTEXT, suite_id, framed=framed)
    stream = stream_of(Pieces(message + b"\x00"))

    with pytest.raises(MalformedMessage, match=f"at byte {len(message)}: more bytes follow the end"):
        stream.read()


def test_an_endless_tail_is_not_read() -> None:
    source = Counted(message_of(PLAINTEXT))

    with pytest.raises(MalformedMessage):
        stream_of(source).read()
    assert source.count <= 4 * BATCH_LENGTH


def test_base64_text_gets_a_hint() -> None:
    with pytest.raises(MalformedMessage, match="base64"):
        stream_of(b"AgR4AAAA").read()


# spec: client-apis/decrypt.md#behavior 6dbb
@pytest.mark.parametrize("suite_id", [UNSIGNED, SIGNED, 0x0078])
@pytest.mark.parametrize("framed", [True, False])
def test_a_message_cut_short_anywhere(suite_id: int, framed: bool) -> None:
    """The same error at the same place as decrypting at once; and only whole frames are released before it."""
    message = message_of(plaintext_of(40), suite_id, framed=framed)
    for length in range(len(message)):
        with pytest.raises(WarmkeyError) as at_once:
            CLIENT.decrypt(message[:length], keyring=KEYRING)
        stream = stream_of(Pieces(message[:length], (30,)))
        with pytest.raises(type(at_once.value)) as error:
            shutil.copyfileobj(stream, io.BytesIO(), 16)
        assert str(error.value) == str(at_once.value), length


# ------------------------------------------------------------------------------------------- what is released, and when


def damaged(message: bytes, position: int) -> bytes:
    changed = bytearray(message)
    changed[position] ^= 1
    return bytes(changed)


# spec: client-apis/decrypt.md#decrypt-the-message-body f6f2 3da2
def test_a_regular_frame_is_released_when_its_tag_is_verified() -> None:
    """Three frames; the last byte of the second one's tag is wrong."""
    message = message_of(plaintext_of(48))
    bad = damaged(message, len(message) - 56 - 1)

    assert released_before_failure(stream_of(Pieces(bad)), AuthenticationFailed) in (b"", plaintext_of(16))


# spec: client-apis/streaming.md#outputs b7d8
@pytest.mark.parametrize("suite_id", [UNSIGNED, SIGNED])
def test_the_final_frame_is_held_until_the_end_is_verified(suite_id: int) -> None:
    stream = stream_of(Pieces(message_of(plaintext_of(48), suite_id) + b"\x00"))

    assert released_before_failure(stream, MalformedMessage) == plaintext_of(32)


# spec: client-apis/decrypt.md#decrypt-the-message-body 93dd
# spec: client-apis/decrypt.md#verify-the-signature 6b40
def test_the_final_frame_of_a_signed_message_is_held_until_the_signature_is_verified() -> None:
    message = message_of(plaintext_of(48), SIGNED)
    stream = stream_of(damaged(message, -1))

    assert released_before_failure(stream, AuthenticationFailed) == plaintext_of(32)


# spec: client-apis/decrypt.md#decrypt-the-message-body 93dd
def test_so_is_a_non_framed_body() -> None:
    message = message_of(plaintext_of(48), SIGNED, framed=False)
    stream = stream_of(damaged(message, -1))

    assert released_before_failure(stream, AuthenticationFailed) == b""


# spec: client-apis/decrypt.md#verify-the-signature a73e
# spec: data-format/message-footer.md#signature 2978
# spec: client-apis/decrypt.md#verify-the-signature 3dfc
def test_the_signature_covers_the_header_and_every_frame() -> None:
    """Frames of another message under the same keys, each with a good tag."""
    first, second = Forgery(suite_id=SIGNED), Forgery(suite_id=SIGNED)
    body = first.frame(b"a" * 16, 1) + first.final_frame(b"b", 2)
    other = second.frame(b"c" * 16, 1) + second.final_frame(b"b", 2)
    message = first.header() + other + first.footer(first.header() + body)

    assert released_before_failure(stream_of(message), AuthenticationFailed) == b"c" * 16


# spec: client-apis/decrypt.md#decrypt-the-message-body 98ff
@pytest.mark.parametrize("suite_id", [UNSIGNED, SIGNED])
def test_frames_dropped_repeated_or_out_of_order(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id)
    one, two, three = (forgery.frame(bytes((number,)) * 16, number) for number in (1, 2, 3))
    end = forgery.final_frame(b"end", 4)
    for frames in ([two, three, end], [one, three, end], [one, one, two, three, end], [two, one, three, end], [end]):
        stream = stream_of(forgery.message(body=b"".join(frames)))
        assert released_before_failure(stream, MalformedMessage) in (b"", bytes((1,)) * 16)


def test_a_regular_frame_cannot_have_the_number_of_the_final_marker() -> None:
    forgery = Forgery()
    message = forgery.message(body=forgery.frame(bytes(16), 2**32 - 1))

    with pytest.raises(MalformedMessage):
        stream_of(message).read()


# ------------------------------------------------------------------------------------------------------------- memory


# spec: client-apis/streaming.md#overview 9bfa
@pytest.mark.parametrize("suite_id", [UNSIGNED, SIGNED])
def test_memory_does_not_grow_with_the_message(suite_id: int) -> None:
    encrypting = CLIENT.encrypt_stream(Counted(limit=8 * MEGABYTE), keyring=KEYRING, algorithm_suite=suite_id)
    stream = stream_of(encrypting)
    stream.read(1)

    with measured_memory() as peak:
        while stream.read(65_536):
            pass

    assert peak.bytes < 3 * MEGABYTE  # of both streams


def test_small_frames_take_no_more_than_large_ones() -> None:
    stream = stream_of(Pieces(message_of(bytes(10_000), frame_length=1), (2**20,)))
    stream.read(1)

    with measured_memory() as peak:
        while stream.read(65_536):
            pass

    assert peak.bytes < 1.5 * MEGABYTE


def test_a_claimed_frame_length_is_no_allocation() -> None:
    """A regular frame of almost 4 GiB is announced, and 100 KB follow."""
    forgery = Forgery(frame_length=2**32 - 1)
    source = Counted(forgery.header() + (1).to_bytes(4, "big"), limit=100_000)
    stream = stream_of(source, max_body_length=2**40)

    with measured_memory() as peak, pytest.raises(WarmkeyError):
        stream.read()

    assert peak.bytes < MEGABYTE


def test_a_final_frame_may_be_short_whatever_the_frame_length() -> None:
    assert stream_of(message_of(b"short", frame_length=2**32 - 1)).read() == b"short"


def test_an_endless_tail_after_a_short_final_frame_of_a_huge_frame_length_is_not_read() -> None:
    source = Counted(message_of(b"short", frame_length=2**32 - 1))

    with pytest.raises(MalformedMessage):
        stream_of(source, max_body_length=2**40).read()
    assert source.count <= 4 * BATCH_LENGTH


def test_a_claimed_body_length_is_no_allocation() -> None:
    forgery = Forgery(framed=False)
    beginning = forgery.header() + bytes(12) + (2**30).to_bytes(8, "big")
    stream = stream_of(Counted(beginning, limit=100_000), max_body_length=2**40)

    with measured_memory() as peak, pytest.raises(MalformedMessage, match="non-framed body › content"):
        stream.read()

    assert peak.bytes < MEGABYTE


def test_a_claimed_header_is_no_allocation() -> None:
    """65,535 encrypted data keys of 64 KB each are announced, and 100 KB follow."""
    message = message_of(b"", fields={"key count": b"\xff\xff"})
    beginning = message[: message.index(b"\xff\xff") + 2] + b"\x00\x01a" + b"\xff\xff"
    with measured_memory() as peak, pytest.raises(MalformedMessage):
        stream_of(Counted(beginning, limit=100_000)).read()

    assert peak.bytes < 2 * MEGABYTE


@pytest.mark.parametrize(("decrypt", "times"), [("at once", 1.5), ("as a stream", 2.5)])
def test_a_large_header_is_copied_no_more_often_than_its_fields_are(decrypt: str, times: float) -> None:
    """Strangers write headers of hundreds of megabytes; a stream holds the bytes that it read as well."""
    field = bytes(65_535)
    junk = serialize_entry(EncryptedDataKey(key_provider_id="j", key_provider_info=field, ciphertext=field))
    own = serialize_entry(CLIENT.decrypt(message_of(b""), keyring=KEYRING).header.encrypted_data_keys[0])
    message = message_of(b"x", data_key=Forgery().secrets[0], keys=[*[junk] * 80, own])
    with measured_memory() as peak, suppress(WarmkeyError):
        if decrypt == "at once":
            CLIENT.decrypt(message, keyring=KEYRING)
        else:
            stream_of(Pieces(message, (BATCH_LENGTH,))).read()

    assert len(message) > 10 * MEGABYTE
    assert peak.bytes < times * len(message)


def test_a_non_framed_body_up_to_the_limit() -> None:
    message = message_of(PLAINTEXT, framed=False)

    assert stream_of(message, max_body_length=100).read() == PLAINTEXT
    with pytest.raises(PolicyRefused, match="the non-framed body has 100 bytes, and max_body_length is 99"):
        stream_of(message, max_body_length=99).read()


def test_the_limit_is_for_frames_too_because_they_are_held_as_well() -> None:
    assert stream_of(message_of(PLAINTEXT, frame_length=50), max_body_length=50).read() == PLAINTEXT
    for frame_length in (51, 100, 1000):
        with pytest.raises(PolicyRefused, match=r"^frame 1 has \d+ bytes, and max_body_length is 50:"):
            stream_of(message_of(PLAINTEXT, frame_length=frame_length), max_body_length=50).read()


def test_what_is_over_the_limit_is_not_read() -> None:
    forgery = Forgery(framed=False)
    source = Counted(forgery.header() + bytes(12) + (DEFAULT_MAX_BODY_LENGTH + 1).to_bytes(8, "big"))

    with pytest.raises(PolicyRefused, match="Raise max_body_length"):
        stream_of(source).read()
    assert source.count <= 2 * BATCH_LENGTH


@pytest.mark.parametrize("max_body_length", [-1, 1.5, "1", True])
def test_a_limit_that_cannot_be_is_refused_at_once(max_body_length: Any) -> None:
    with pytest.raises(InvalidRequest, match="max_body_length"):
        stream_of(b"", max_body_length=max_body_length)


@pytest.mark.parametrize("framed", [True, False])
def test_a_large_block_is_held_twice_at_most(framed: bool) -> None:
    message = message_of(bytes(12 * MEGABYTE if framed else 4 * MEGABYTE), framed=framed, frame_length=4 * MEGABYTE)
    stream = stream_of(io.BytesIO(message))

    with measured_memory() as peak:
        while stream.read(65_536):
            pass

    assert peak.bytes < 2.5 * 4 * MEGABYTE
