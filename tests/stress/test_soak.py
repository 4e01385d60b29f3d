"""A short soak; `make soak` runs it for a minute, and longer by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("aws_encryption_sdk")

from tests.stress import soak_branch_keys, soak_helpers
from tests.stress.books import at_once, expect, in_a_child
from tests.stress.soak import ROUNDS_THAT_TELL, check_memory, soak
from tests.stress.soak_messages import MEMBERS, Sent, check_limits
from warmkey import AlgorithmSuite, CommitmentPolicy
from warmkey.events import Operation
from warmkey.testing import FakeDynamoDb, fake_kms


def test_everything_at_once_ends_with_balanced_books_and_readable_messages() -> None:
    lines: list[str] = []
    totals = soak(seconds=5, threads=8, operations=150, seed=20_260, say=lines.append, parts=["messages"])

    assert totals["messages"] > 500
    *rounds, memory = lines
    assert all(re.match(r"round \d+, messages: \d+ messages, \d+ data keys, \d+ hits", line) for line in rounds)
    assert memory.startswith("resident memory: ")


@pytest.mark.parametrize("part", ["branch-keys", "helpers"])
def test_so_does_each_other_part(part: str) -> None:
    totals = soak(seconds=0, threads=6, operations=100, seed=4, say=lambda _line: None, parts=[part])

    assert totals["rounds"] == 1
    assert totals["messages"] + totals["sealed"] > 200
    assert totals["rotations"] > 0
    assert totals["DynamoDB requests"] > 0


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


@pytest.fixture
def under_branch_keys() -> soak_branch_keys.Round:
    """A round of one message that was written, and whose branch key was then rotated."""
    this = soak_branch_keys.Round(1)
    mine: list[Any] = []
    while not mine:
        this.work(0, 20)
        mine = this.sent
    this.kms.heal()
    this.dynamodb.heal()
    this.rotate(this.sent[0].tenant)
    return this


def test_the_soak_notices_a_version_that_was_used_for_too_long(under_branch_keys: soak_branch_keys.Round) -> None:
    this = under_branch_keys
    this.check_versions()
    first = this.sent[0]
    ended = this.superseded[first.version]
    longest = soak_branch_keys.MEMBERS[0]["ttl_seconds"]
    this.sent = [first._replace(member=0, begun=ended + longest - 0.1)]
    this.check_versions()

    this.sent = [first._replace(member=0, begun=ended + longest)]
    with pytest.raises(AssertionError, match="s after it was superseded, 60 are allowed"):
        this.check_versions()


def test_the_soak_notices_what_is_missing_in_the_books_of_branch_keys(
    under_branch_keys: soak_branch_keys.Round,
) -> None:
    this = under_branch_keys
    this.check_books()
    this.dynamodb.get_item(TableName="branch-keys", Key={"branch-key-id": {"S": "a"}, "type": {"S": "b"}})
    with pytest.raises(AssertionError, match="DynamoDB requests"):
        this.check_books()


def test_the_soak_notices_a_message_that_is_not_in_the_books() -> None:
    with fake_kms() as session:
        this = soak_helpers.Round(2, session, None, cancelling=False)
        this.in_a_thread(0, 40)
        this.check_books()
        this.check_contents()
        this.ended.append((Operation.ENCRYPT, "well"))
        with pytest.raises(AssertionError, match="encrypt that ended well"):
            this.check_books()


def test_the_soak_notices_a_value_that_comes_back_as_another() -> None:
    with fake_kms() as session:
        this = soak_helpers.Round(2, session, FakeDynamoDb(), cancelling=False)
        this.in_a_thread(0, 40)
        this.sealed[0] = this.sealed[0]._replace(given=b"something else")
        with pytest.raises(AssertionError, match="what is in a"):
            this.check_contents()


def test_the_soak_notices_memory_that_grows() -> None:
    assert check_memory([50.0]) == "50 MB in the second fifth of the rounds, 50 MB in the last"
    check_memory([50.0 + 0.5 * number for number in range(ROUNDS_THAT_TELL)])
    with pytest.raises(AssertionError, match=r"memory grew from 67 to 103 MB over 30 rounds"):
        check_memory([50.0 + 2 * number for number in range(ROUNDS_THAT_TELL)])


def test_a_thread_or_a_child_that_breaks_is_told() -> None:
    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(AssertionError, match="a thread broke: ValueError"):
        at_once([fail])
    with pytest.raises(AssertionError, match="in a forked child: ValueError"):
        in_a_child(fail)
    with pytest.raises(AssertionError, match="what: expected 1, found 2"):
        expect(1, 2, "what")
    assert in_a_child(lambda: 5) == 5
