"""One message has one text of either kind; the error says what happened to any other."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmkey import InvalidRequest, MalformedMessage
from warmkey.sealed.text import from_base64, from_base64url, to_base64, to_base64url, utf_8


def read_url(text: str) -> bytes:
    return from_base64url(text, where="token", writer="seal_token")


def read_standard(text: str) -> bytes:
    return from_base64(text, where="text", writer="encrypt_text")


@given(st.binary(min_size=1))
def test_what_is_written_is_read(message: bytes) -> None:
    assert read_url(to_base64url(message)) == message
    assert read_standard(to_base64(message)) == message


@given(st.binary(min_size=1))
def test_the_text_for_urls_needs_no_quoting(message: bytes) -> None:
    assert set(to_base64url(message)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(alphabet="ABab01+/=-_ \n", max_size=12))
def test_there_is_no_second_text_of_a_message(text: str) -> None:
    for read, write in ((read_url, to_base64url), (read_standard, to_base64)):
        try:
            message = read(text)
        except MalformedMessage:
            continue
        assert write(message) == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "it is empty"),
        ("AAAA\n", "it begins or ends with white space, for example a newline"),
        (" AAAA", "it begins or ends with white space"),
        ("AA A", r"it holds a space, which is what a URL or a form makes of \+"),
        ("AAA%2F", "it is still URL-encoded"),
        ("AA-_", "it is URL-safe base64, or was changed into it"),
        ("AAA", "its length is not a multiple of 4, so its end or its padding is missing"),
        ("AAB=", "gives$"),  # a spare bit is set
        ("AÄAA", "this is not an AWS Encryption SDK message; it looks like plain text"),
        ('{"note": 1}', "this is not an AWS Encryption SDK message; it looks like JSON"),
    ],
)
def test_standard_base64_says_what_happened(text: str, hint: str) -> None:
    with pytest.raises(MalformedMessage, match=f"text: is not the base64 that encrypt_text gives.*{hint}|{hint}"):
        read_standard(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "it is empty"),
        ("AAAA\n", "newline"),
        ("AA A", "it holds a space"),
        ("AAA%2D", "it is still URL-encoded"),
        ("AA+/", "it is standard base64, or was changed into it"),
        ("AAA=", "it is standard base64"),
        ("AAB", "gives$"),  # a spare bit is set
        ("A", "gives$"),
    ],
)
def test_base64url_says_what_happened(text: str, hint: str) -> None:
    with pytest.raises(MalformedMessage, match=f"token: is not the unpadded base64url that .*{hint}") as caught:
        read_url(text)

    assert text == "" or text not in str(caught.value).replace("seal_token", "")


def test_the_other_alphabet_is_refused_even_where_python_reads_it() -> None:
    """``b64decode`` with other characters takes both alphabets in some versions."""
    message = b"\xfb\xff\xfe"

    with pytest.raises(MalformedMessage):
        read_url(base64.b64encode(message).decode())
    with pytest.raises(MalformedMessage):
        read_standard(base64.urlsafe_b64encode(message).decode())


def test_text_becomes_utf_8() -> None:
    assert utf_8("ключ", what="the text") == "ключ".encode()


def test_a_lone_surrogate_is_refused_and_no_exception_holds_it() -> None:
    with pytest.raises(InvalidRequest, match="the text holds a lone surrogate") as caught:
        utf_8("secret\ud800", what="the text")

    assert caught.value.__context__ is None
