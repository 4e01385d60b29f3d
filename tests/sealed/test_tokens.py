"""A token's plaintext: a version, the second when it ends, and the data."""

from __future__ import annotations

import math
import sys
from array import array
from typing import Any

import pytest

from warmkey import InvalidRequest, MalformedMessage, TokenExpired
from warmkey.clock import Instant
from warmkey.sealed.tokens import read, write


def at(wall: float) -> Instant:
    """A moment; the other clock says something else altogether."""
    return Instant(monotonic=3e12, wall=wall)


def test_how_tokens_are_written() -> None:
    assert write(b"data", expires_in=60, now=at(1_000.0)) == b"\x01\x00\x00\x00\x00\x00\x00\x04\x24data"
    assert write("ключ", expires_in=None, now=at(1_000.0)) == b"\x01" + b"\xff" * 8 + "ключ".encode()
    assert write(array("B", b"data"), expires_in=None, now=at(0)) == b"\x01" + b"\xff" * 8 + b"data"


@pytest.mark.parametrize(
    ("expires_in", "now", "last", "first"),
    [
        (60, 1_000.0, 1_059.999, 1_060.0),
        (60, 1_000.9, 1_059.999, 1_060.0),  # never longer than asked
        (1.5, 1_000.0, 1_000.999, 1_001.0),
        (0.25, 1_000.0, 1_000.999, 1_001.0),  # but it begins to live
        (0.25, 1_000.9, 1_000.999, 1_001.0),
        (1e9, 0.0, 1e9 - 0.5, 1e9),
    ],
)
def test_a_token_ends_on_a_whole_second_without_leeway(
    expires_in: float, now: float, last: float, first: float
) -> None:
    plaintext = write(b"data", expires_in=expires_in, now=at(now))

    assert read(plaintext, now=at(last)) == b"data"
    for moment in (first, first + 0.001, 1e15):
        with pytest.raises(TokenExpired, match="the token has expired; have a new one made"):
            read(plaintext, now=at(moment))


def test_a_token_without_an_end_does_not_end() -> None:
    assert read(write(b"", expires_in=None, now=at(0)), now=at(1e18)) == b""


HUGE = 10**5_000
REFUSED: list[tuple[Any, str]] = [
    (0, "expires_in must be a finite number of seconds greater than 0, or None, not 0"),
    (-1, "greater than 0, or None, not -1"),
    (0.0, "greater than 0"),
    (math.nan, "finite"),
    (math.inf, "finite"),
    (HUGE, "finite number of seconds greater than 0, or None, not int"),
    (1e300, "expires_in leads to a time that eight bytes can't hold"),
    (sys.float_info.max, "eight bytes"),
    (2**64, "eight bytes"),
    (True, "expires_in must be a number of seconds, or None, not bool"),
    ("60", "expires_in must be a number of seconds, or None, not str"),
]


@pytest.mark.parametrize(("expires_in", "problem"), REFUSED, ids=map(str, range(len(REFUSED))))
def test_another_time_is_refused(expires_in: Any, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        write(b"data", expires_in=expires_in, now=at(1_000.0))


@pytest.mark.parametrize("now", [-1e6, 1.9e19])
def test_a_clock_from_another_age_makes_no_token(now: float) -> None:
    with pytest.raises(InvalidRequest, match="eight bytes"):
        write(b"data", expires_in=1, now=at(now))


@pytest.mark.parametrize("data", [None, 7, ["x"]], ids=repr)
def test_data_is_bytes_or_text(data: Any) -> None:
    with pytest.raises(InvalidRequest, match=f"the data must be bytes or str, not {type(data).__name__}"):
        write(data, expires_in=None, now=at(0))


def test_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="the data holds a lone surrogate"):
        write("\ud800", expires_in=None, now=at(0))


@pytest.mark.parametrize("plaintext", [b"", b"\x01", b"\x01" + bytes(7), b"\x00" + b"\xff" * 8, b"\x02" + b"\xff" * 20])
def test_another_plaintext_is_no_token(plaintext: bytes) -> None:
    with pytest.raises(MalformedMessage, match="is not a token of version 1, as seal_token writes it"):
        read(plaintext, now=at(0))
