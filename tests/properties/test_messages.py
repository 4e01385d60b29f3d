"""Messages at random: what goes in comes out, and whatever is no message gives an error of ours."""

from __future__ import annotations

import io

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.vectors.forge import SUITES, Forgery, sized
from tests.vectors.readers import COMMITTING, KEYRING, client_for, decrypt
from warmkey import AlgorithmSuite, EncryptionContext, MalformedMessage, WarmkeyError
from warmkey.data_format.encrypted_data_keys import read_encrypted_data_keys, serialize_keys
from warmkey.data_format.encryption_context import read_aad, serialize_aad
from warmkey.data_format.message_header import ContentType, read_header, serialize_header_parts
from warmkey.data_format.reader import Reader

SUITE_IDS = st.sampled_from(list(SUITES))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CONTEXTS = st.dictionaries(TEXT, TEXT, max_size=5)
USERS_CONTEXTS = CONTEXTS.filter(lambda context: not any(key.startswith("aws-crypto-") for key in context))
MESSAGES = {
    (suite_id, framed): Forgery(suite_id=suite_id, framed=framed, pairs=[(b"tenant", b"a")]).message(b"x" * 40)
    for suite_id in SUITES
    for framed in (True, False)
}


@given(plaintext=st.binary(max_size=200), context=USERS_CONTEXTS, suite_id=SUITE_IDS, frame_length=st.integers(1, 50))
def test_what_was_encrypted_decrypts(
    plaintext: bytes, context: dict[str, str], suite_id: int, frame_length: int
) -> None:
    result = client_for(suite_id).encrypt(
        plaintext,
        keyring=KEYRING,
        encryption_context=context,
        algorithm_suite=AlgorithmSuite(suite_id),
        frame_length=frame_length,
    )
    opened = decrypt(result.ciphertext, encryption_context=context)

    assert opened.plaintext == plaintext
    assert context.items() <= opened.encryption_context.items()
    assert opened.encryption_context == result.encryption_context


@given(data=st.binary(max_size=300))
@example(b"")
@example(b"\x02\x04\x78")
def test_any_bytes_give_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(WarmkeyError):
        decrypt(data)
    with pytest.raises(WarmkeyError):
        COMMITTING.decrypt_stream(io.BytesIO(data), keyring=KEYRING).read()


@given(data=st.binary(max_size=300), suite_id=SUITE_IDS)
def test_so_do_any_bytes_after_a_message_id(data: bytes, suite_id: int) -> None:
    suite = SUITES[suite_id]
    start = (b"\x01\x80" if suite.version == 1 else b"\x02") + suite.id_bytes + bytes(suite.message_id_length)

    with pytest.raises(WarmkeyError):
        decrypt(start + data)


@st.composite
def edited_messages(draw: st.DrawFn) -> bytes:
    """An authentic message after a few edits of any length."""
    original = draw(st.sampled_from(list(MESSAGES.values())))
    message = original
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(message)))
        stop = draw(st.integers(start, min(len(message), start + 20)))
        piece = message[start:stop]
        put = draw(st.one_of(st.binary(max_size=20), st.just(b""), st.just(piece * 2), st.just(piece[::-1])))
        message = message[:start] + put + message[stop:]
    assume(message != original)
    return message


@settings(max_examples=400)
@given(message=edited_messages())
def test_no_edited_message_is_accepted_and_errors_point_into_it(message: bytes) -> None:
    with pytest.raises(WarmkeyError) as caught:
        decrypt(message)
    with pytest.raises(WarmkeyError):
        COMMITTING.decrypt_stream(io.BytesIO(message), keyring=KEYRING).read()

    if isinstance(caught.value, MalformedMessage):
        assert 0 <= caught.value.offset <= len(message)
        assert caught.value.where
        assert caught.value.problem


@settings(max_examples=200)
@given(message=edited_messages())
def test_a_header_that_parses_serializes_to_the_same_bytes(message: bytes) -> None:
    """Unless its context is in another order, which is the one thing that has two ways."""
    try:
        header = read_header(message)
    except WarmkeyError:
        return
    before_id, after_id = serialize_header_parts(
        header.algorithm_suite, header.encryption_context, header.encrypted_data_keys, frame_length=header.frame_length
    )
    body = before_id + header.message_id + after_id + header.algorithm_suite_data
    actual = message[: header.body_length]
    if header.content_type is ContentType.FRAMED and header.encryption_context.serialized in actual:
        assert body == actual
    assert len(body) == len(actual)


@given(context=CONTEXTS)
def test_contexts_survive_the_header(context: dict[str, str]) -> None:
    serialized = serialize_aad(EncryptionContext.of(context))
    keys = [key.encode() for key in context]

    assert read_aad(Reader(serialized)) == context
    assert list(read_aad(Reader(serialized))) == [key.decode() for key in sorted(keys)]


@given(data=st.binary(max_size=100))
def test_a_context_that_parses_takes_all_of_its_bytes(data: bytes) -> None:
    try:
        context = read_aad(Reader(sized(data)))
    except MalformedMessage:
        return

    assert sorted(context.serialized) == sorted(data)


@given(data=st.binary(max_size=100))
def test_encrypted_data_keys_that_parse_serialize_to_the_same_bytes(data: bytes) -> None:
    reader = Reader(data)
    try:
        keys = read_encrypted_data_keys(reader, maximum=None)
    except MalformedMessage:
        return

    assert serialize_keys(keys) == data[: reader.offset]
