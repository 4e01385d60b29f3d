"""A short soak; `make soak` runs it for a minute, and longer by hand."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("aws_encryption_sdk")

from tests.stress.soak import MEMBERS, Sent, check_limits, soak
from warmkey import AlgorithmSuite, CommitmentPolicy


def test_everything_at_once_ends_with_balanced_books_and_readable_messages() -> None:
    lines: list[str] = []
    messages = soak(seconds=10, threads=8, operations=150, seed=20_260, say=lines.append)

    assert messages > 500
    assert all(re.match(r"round \d+: \d+ messages, \d+ data keys, \d+ hits", line) for line in lines)


def test_the_soak_notices_a_limit_that_was_exceeded() -> None:
    one = Sent(b"", b"x" * 10, "a", 0, CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, b"key", AlgorithmSuite(0x0478))
    check_limits([one] * 50)
    with pytest.raises(AssertionError, match="51 messages, 50 are allowed"):
        check_limits([one] * 51)
    with pytest.raises(AssertionError, match="two partitions"):
        check_limits([one, one._replace(member=2)])
    with pytest.raises(AssertionError, match="two contexts"):
        check_limits([one, one._replace(tenant="b")])
    with pytest.raises(AssertionError, match="bytes"):
        check_limits([one._replace(member=2)] * (MEMBERS[2]["max_bytes_encrypted"] // 10 + 1))
